import assert from "node:assert/strict";
import type { ErrorCode } from "../../../nodes/common/errors";
import { databaseError, odbcDiagnosis, statementError } from "../../../nodes/sql/client/errors";
import type { DialectName } from "../../../nodes/sql/client/protocol";

/** A server's answer to a login, as libpq passes it on. */
function login(answer: string): string {
  return `connection to server at "h", port 5432 failed: ${answer}`;
}

/** What drivers were seen to report, and what it means. */
const SEEN: [dialect: DialectName | undefined, state: string, native: number, message: string, code: ErrorCode][] = [
  ["postgresql", "08001", 101, 'connection to server at "h", port 5432 failed: Connection refused', "DATABASE_UNAVAILABLE"],
  ["postgresql", "08001", 101, 'connection to server at "h", port 5432 failed: FATAL:  password authentication failed for user "x"', "DATABASE_REFUSED"],
  ["postgresql", "08001", 101, 'connection to server at "h", port 5432 failed: FATAL:  database "x" does not exist', "DATABASE_REFUSED"],
  ["postgresql", "08001", 101, 'connection to server at "h", port 5432 failed: FATAL:  the database system is starting up', "DATABASE_UNAVAILABLE"],
  ["postgresql", "08001", 101, 'connection to server at "h", port 5432 failed: FATAL:  sorry, too many clients already', "DATABASE_UNAVAILABLE"],
  // in the languages of servers, and of poolers
  ["postgresql", "08001", 101, login("FATAL:  Passwort-Authentifizierung für Benutzer »x« fehlgeschlagen"), "DATABASE_REFUSED"],
  ["postgresql", "08001", 101, login("FATAL:  la base de données « x » n'existe pas"), "DATABASE_REFUSED"],
  ["postgresql", "08001", 101, login('ВАЖНО:  в pg_hba.conf нет записи для компьютера "10.0.0.1", пользователя "x", базы "x", без шифрования'), "DATABASE_REFUSED"],
  ["postgresql", "08001", 101, login('치명적오류:  사용자 "x"의 password 인증을 실패했습니다'), "DATABASE_REFUSED"],
  ["postgresql", "08001", 101, "FATAL:  Rolle »x« existiert nicht", "DATABASE_REFUSED"],
  ["postgresql", "08001", 101, login("FATAL:  no such database: x"), "DATABASE_REFUSED"],
  ["postgresql", "08001", 101, login("FATAL:  unsupported startup parameter: extra_float_digits"), "DATABASE_REFUSED"],
  ["postgresql", "08001", 101, login("FATAL:  query_wait_timeout"), "DATABASE_UNAVAILABLE"],
  ["postgresql", "08001", 101, login("FATAL:  das Datenbanksystem startet"), "DATABASE_UNAVAILABLE"],
  ["postgresql", "08001", 101, `${login("FATAL:  das Datenbanksystem startet")}\n${login("Connection refused")}`, "DATABASE_UNAVAILABLE"],
  ["postgresql", "08001", 101, login("FATAL:  zu viele Verbindungen von Rolle »x«"), "DATABASE_UNAVAILABLE"],
  ["postgresql", "08001", 101, login('FATAL:  die verbleibenden Verbindungen sind für Rollen mit den Rechten der Rolle »pg_use_reserved_connections« reserviert'), "DATABASE_UNAVAILABLE"],
  ["postgresql", "08001", 101, login('FATAL:  データベース"x"への接続が多すぎます'), "DATABASE_UNAVAILABLE"],
  ["postgresql", "08001", 101, login("FATAL:  konnte Datei »base/5/PG_VERSION« nicht öffnen: Too many open files"), "DATABASE_UNAVAILABLE"],
  ["postgresql", "08001", 101, login("SSL error: certificate verify failed"), "DATABASE_REFUSED"],
  ["postgresql", "08001", 101, login("SSL error: unexpected eof while reading"), "DATABASE_UNAVAILABLE"],
  ["postgresql", "08001", 101, login('server certificate for "other.example" does not match host name "127.0.0.1"'), "DATABASE_REFUSED"],
  ["postgresql", "08001", 101, login('root certificate file "/root/.postgresql/root.crt" does not exist\nEither provide the file or change sslmode to disable server certificate verification.'), "DATABASE_REFUSED"],
  ["postgresql", "08001", 101, login('certificate present, but not private key file "/tmp/nope.pem"'), "DATABASE_REFUSED"],
  ["postgresql", "08001", 101, login("server does not support SSL, but SSL was required"), "DATABASE_REFUSED"],
  ["postgresql", "08001", 101, login("SSL error: tlsv1 alert unknown ca"), "DATABASE_REFUSED"],
  ["postgresql", "08001", 101, login("FATAL:  connection requires a valid client certificate"), "DATABASE_REFUSED"],
  ["postgresql", "08001", 101, 'connection to server at "certificate", port 5432 failed: Connection refused', "DATABASE_UNAVAILABLE"],
  ["mariadb", "HY000", 2026, "[ma-3.1.15]TLS/SSL error: SSL is required, but the server does not support it", "DATABASE_REFUSED"],
  ["mariadb", "HY000", 2026, "[ma-3.1.15]TLS/SSL error: self-signed certificate in certificate chain", "DATABASE_REFUSED"],
  ["mariadb", "HY000", 2026, "[ma-3.1.15]TLS/SSL error: Validation of SSL server certificate failed", "DATABASE_REFUSED"],
  ["mariadb", "HY000", 2026, "[ma-3.1.15]TLS/SSL error: No such file or directory (2)", "DATABASE_REFUSED"],
  ["mariadb", "HY000", 2026, "[ma-3.1.15]TLS/SSL error: key values mismatch", "DATABASE_REFUSED"],
  ["mariadb", "HY000", 2026, "[ma-3.1.15]TLS/SSL error: tlsv1 alert unknown ca", "DATABASE_REFUSED"],
  ["mariadb", "HY000", 2026, "[ma-3.1.15]TLS/SSL error: unexpected eof while reading", "DATABASE_UNAVAILABLE"],
  ["postgresql", "08001", 101, 'could not translate host name "h" to address: Name or service not known', "DATABASE_UNAVAILABLE"],
  ["postgresql", "42501", 1, "FEHLER: keine Berechtigung für Tabelle t", "DATABASE_REFUSED"],
  ["postgresql", "42501", 1, "FEHLER: neue Zeile verletzt Policy für Sicherheit auf Zeilenebene für Tabelle »t«", "ROW_REFUSED"],
  ["postgresql", "42501", 1, 'ERROR: permission denied to set parameter "lc_messages"', "DATABASE_REFUSED"],
  ["postgresql", "54000", 1, "FEHLER: Datenbank nimmt keine Befehle an, um Datenverlust wegen Transaktionsnummernüberlauf in Datenbank »plant« zu vermeiden", "DATABASE_UNAVAILABLE"],
  ["postgresql", "54000", 1, "FEHLER: Größe 2712 der Indexzeile überschreitet btree-Version 4 Maximum 2704 für Index »t_pkey«", "ROW_REFUSED"],
  ["mariadb", "HY000", 1030, "[ma-3.1.15][10.11.19-MariaDB]Fehler 28 \"No space left on device\" (Speicher-Engine InnoDB)", "DATABASE_UNAVAILABLE"],
  ["mariadb", "HY000", 1030, "[ma-3.1.15][10.11.19-MariaDB]Fehler 139 \"Too big row\" (Speicher-Engine InnoDB)", "ROW_REFUSED"],
  ["postgresql", "53400", 1, "ERROR: temporary file size exceeds temp_file_limit (1024kB)", "DATABASE_BUSY"],
  ["postgresql", "53300", 1, "FATAL: too many connections", "DATABASE_UNAVAILABLE"],
  ["postgresql", "57P01", 1, "FATAL: terminating connection due to administrator command", "DATABASE_UNAVAILABLE"],
  ["postgresql", "HY000", 1, "server closed the connection unexpectedly", "DATABASE_UNAVAILABLE"],
  ["postgresql", "57014", 1, "ERROR: canceling statement due to user request", "DATABASE_BUSY"],
  ["postgresql", "40P01", 1, "ERROR: deadlock detected", "DATABASE_BUSY"],
  ["postgresql", "42P01", 1, 'ERROR: relation "nope" does not exist', "TABLE_UNKNOWN"],
  ["postgresql", "42501", 1, "ERROR: permission denied for table t", "DATABASE_REFUSED"],
  ["postgresql", "23505", 1, "ERROR: duplicate key value violates unique constraint", "ROW_REFUSED"],
  ["postgresql", "25006", 1, "ERROR: cannot execute INSERT in a read-only transaction", "DATABASE_UNAVAILABLE"],
  ["mariadb", "HY000", 2002, "[ma-3.1.15]Can't connect to server on '127.0.0.1' (115)", "DATABASE_UNAVAILABLE"],
  ["mariadb", "28000", 1045, "[ma-3.1.15]Access denied for user 'x'@'localhost' (using password: YES)", "DATABASE_REFUSED"],
  ["mariadb", "42000", 1044, "[ma-3.1.15]Access denied for user 'x'@'%' to database 'x'", "DATABASE_REFUSED"],
  ["mariadb", "HY000", 3, "[ma-3.1.15]Error writing file '/var/lib/mysql/binlog.000001' (Errcode: 28 \"No space left on device\")", "DATABASE_UNAVAILABLE"],
  ["mariadb", "HY000", 20, "[ma-3.1.15]Disk is full writing '/var/lib/mysql/plant/t.MYD' (Errcode: 28 \"No space left on device\"). Waiting for someone to free space...", "DATABASE_UNAVAILABLE"],
  ["mariadb", "HY000", 1030, "[ma-3.1.15]Got error 28 \"No space left on device\" from storage engine InnoDB", "DATABASE_UNAVAILABLE"],
  ["mariadb", "HY000", 1030, "[ma-3.1.15]Got error 139 \"Too big row\" from storage engine InnoDB", "ROW_REFUSED"],
  ["mariadb", "HY000", 1180, "[ma-3.1.15]Got error 5 \"Input/output error\" during COMMIT", "DATABASE_UNAVAILABLE"],
  ["mariadb", "08004", 1040, "[ma-3.1.15]Too many connections", "DATABASE_UNAVAILABLE"],
  ["mariadb", "40001", 1213, "[ma-3.1.15]Deadlock found when trying to get lock", "DATABASE_BUSY"],
  ["mariadb", "HY000", 1205, "[ma-3.1.15]Lock wait timeout exceeded", "DATABASE_BUSY"],
  ["mariadb", "42S02", 1146, "[ma-3.1.15]Table 'x.nope' doesn't exist", "TABLE_UNKNOWN"],
  ["mariadb", "22001", 1406, "[ma-3.1.15]Data too long for column 'name' at row 1", "ROW_REFUSED"],
  // a value that the server quotes is not the driver's own word
  ["postgresql", "23505", 1, "ERROR: duplicate key value violates unique constraint; DETAIL: Key (text)=(connection was lost) already exists.", "ROW_REFUSED"],
  ["postgresql", "22P02", 1, 'ERROR: invalid input syntax for type integer: "no connection to the server"', "ROW_REFUSED"],
  ["mariadb", "23000", 1062, "[ma-3.1.15]Duplicate entry 'connection was lost' for key 'PRIMARY'", "ROW_REFUSED"],
  ["mariadb", "HY000", 1366, "[ma-3.1.15]Incorrect integer value: 'no password supplied' for column 'n' at row 1", "ROW_REFUSED"],
  ["sqlite", "HY000", 1811, "role \"x\" does not exist", "ROW_REFUSED"], // what a trigger raises
  // a policy refuses rows one by one
  [undefined, "08001", 101, 'connection to server at "h", port 5432 failed: FATAL:  permission denied for database "x"', "DATABASE_REFUSED"],
  ["postgresql", "42501", 1, 'ERROR: new row violates row-level security policy for table "t"', "ROW_REFUSED"],
  [undefined, "HY000", 19, "[SQLite]UNIQUE constraint failed: t1.id (19)", "ROW_REFUSED"],
  ["sqlite", "HY000", 5, "[SQLite]database is locked (5)", "DATABASE_BUSY"],
  ["sqlite", "HY000", 15, "locking protocol", "DATABASE_BUSY"],
  ["sqlite", "HY000", 1, "[SQLite]no such table: nope (1)", "TABLE_UNKNOWN"],
  ["sqlite", "HY000", 14, "[SQLite]connect failed", "DATABASE_REFUSED"],
  ["sqlite", "HY000", 1299, "NOT NULL constraint failed: t.name", "ROW_REFUSED"],
  [undefined, "01000", 0, "[unixODBC][Driver Manager]Can't open lib 'Nope' : file not found", "DRIVER_MISSING"],
  [undefined, "IM002", 0, "[unixODBC][Driver Manager]Data source name not found and no default driver specified", "DATABASE_REFUSED"],
];

describe("An error of a database", () => {
  for (const [dialect, state, native, message, code] of SEEN) {
    it(`${dialect ?? "unknown product"} ${state}/${native} "${message.slice(0, 70)}" is ${code}`, () => {
      assert.equal(databaseError({ state, native, message }, dialect).code, code);
    });
  }

  it("is no outage where the database answers that it takes nothing at present", () => {
    const answers = (state: string, native: number, dialect: DialectName, message = "x"): unknown => {
      const { code, details } = statementError({ state, native, message }, dialect);
      return code === "DATABASE_UNAVAILABLE" && details["answers"] === true;
    };
    for (const state of ["25006", "53100", "53200", "58030"]) assert.ok(answers(state, 1, "postgresql"), state);
    for (const native of [1021, 1114, 1226, 1290, 1429, 1792, 1836]) assert.ok(answers("HY000", native, "mariadb"), String(native));
    assert.ok(answers("HY000", 1030, "mariadb", 'Got error 28 "No space left on device" from storage engine InnoDB'));
    assert.ok(answers("08001", 1, "postgresql", 'ERROR: could not connect to server "plant" DETAIL: connection to server at "h", port 5432 failed: Connection refused'));
    assert.ok(answers("54000", 1, "postgresql", 'ERROR: database is not accepting commands that assign new transaction IDs to avoid wraparound data loss in database "plant"'));
    assert.ok(answers("HY000", 13, "sqlite"));
    for (const state of ["57P01", "08S01"]) assert.ok(!answers(state, 1, "postgresql"), state);
    assert.ok(!answers("08S01", 35, "postgresql", "Could not receive the response, communication down ??"));
    assert.ok(!answers("08001", 101, "postgresql", 'connection to server at "h", port 5432 failed: Connection refused'));
    assert.ok(!answers("08P01", 1, "postgresql", "FATAL: server conn crashed?"));
    assert.ok(!answers("08S01", 2013, "mariadb"));
  });

  it("says of a driver that cannot take values what to do, and not that it is missing", () => {
    const error = statementError({ state: "IM001", native: 0, message: "[unixODBC][Driver Manager]Driver does not support this function" }, "postgresql");
    assert.deepEqual([error.code, error.scope], ["NOT_CONFIGURED", "system"]);
    assert.match(error.message, /UseServerSidePrepare/);
  });

  it("refuses the row over a prepared statement that the user's own SQL names, in whatever language the server says so", () => {
    for (const [state, message] of [
      ["42P05", 'ERROR: prepared statement "daily" already exists'],
      ["26000", 'ERROR: prepared statement "daily" does not exist'],
      ["26000", "FEHLER: vorbereitete Anweisung »daily« existiert nicht"],
    ] as const) {
      const error = statementError({ state, native: 1, message }, "postgresql");
      assert.deepEqual([error.code, error.scope], ["ROW_REFUSED", "message"], message);
      assert.doesNotMatch(error.message, /pooler/);
    }
  });

  it("is no row's fault behind a pooler that gives each statement another session, and says what to do", () => {
    for (const [state, message, text] of [
      ["42P05", 'ERROR: prepared statement "_PLAN0x7f0f10001610" already exists', "prepared statement already exists"],
      ["26000", 'ERROR: prepared statement "_PLAN0x7f0f10001610" does not exist', "prepared statement does not exist"],
      ["26000", "FEHLER: vorbereitete Anweisung »_PLAN0x7f0f10001610« existiert nicht", "vorbereitete Anweisung existiert nicht"],
      ["42P05", 'ERROR: prepared statement "surewire_types_0" already exists', 'prepared statement "surewire_types_0" already exists'],
      ["26000", "ERROR: unnamed prepared statement does not exist", "unnamed prepared statement does not exist"],
    ] as const) {
      const error = statementError({ state, native: 1, message }, "postgresql");
      assert.deepEqual([error.code, error.scope], ["NOT_CONFIGURED", "system"], message);
      assert.ok(error.message.startsWith(`${text}. `), error.message);
      assert.match(error.message, /pool_mode = session/);
    }
  });

  it("concerns no other statement where it is about what one asks for", () => {
    for (const state of ["42501", "42P10"]) assert.equal(statementError({ state, native: 1, message: "x" }, "postgresql").details["statement"], true, state);
  });

  it("can never pass when it is about the row, and may when nobody knows it", () => {
    for (const state of ["23505", "2D000", "2F005", "25001", "54000"]) assert.equal(databaseError({ state, native: 1, message: "x" }, "postgresql").retryable, false, state);
    for (const [state, native] of [["45000", 1644], ["HY000", 1442], ["HY000", 1526], ["HY000", 1906]] as const) assert.equal(databaseError({ state, native, message: "x" }, "mariadb").retryable, false, `${native}`);
    assert.equal(databaseError({ state: "XX000", native: 1, message: "x" }, "postgresql").retryable, true);
  });

  it("has the reason first, in one line", () => {
    const message = 'connection to server at "h", port 5432 failed: FATAL:  password authentication failed for user "x"\n';
    assert.equal(databaseError({ state: "08001", native: 101, message }).message, 'password authentication failed for user "x" (server h:5432)');
    assert.equal(databaseError({ state: "08001", native: 101, message: login("ВАЖНО:  база данных \"x\" не существует\n") }).message, 'база данных "x" не существует (server h:5432)');
    assert.equal(databaseError({ state: "23502", native: 1, message: "FEHLER: NULL-Wert in Spalte »x«" }).message, "NULL-Wert in Spalte »x«");
    const twice =
      'connection to server at "localhost" (::1), port 5432 failed: Connection refused\n\tIs the server running on that host and accepting TCP/IP connections?\n' +
      'connection to server at "localhost" (127.0.0.1), port 5432 failed: Connection refused\n\tIs the server running on that host and accepting TCP/IP connections?\n';
    assert.equal(databaseError({ state: "08001", native: 101, message: twice }).message, "Connection refused (server localhost:5432)");
    const relation = 'ERROR: relation "nope" does not exist;\nError while executing the query';
    assert.equal(databaseError({ state: "42P01", native: 1, message: relation }).message, 'relation "nope" does not exist');
  });

  it("holds no row, which PostgreSQL gives in full in whatever language, but the key that is there already", () => {
    const text = (state: string, message: string): string => databaseError({ state, native: 1, message }, "postgresql").message;
    assert.equal(text("23514", 'FEHLER:  neue Zeile für Relation »t« verletzt Check-Constraint »c«\nDETAIL:  Fehlgeschlagene Zeile enthält (1, secret, -3).;\nError while executing the query'), "neue Zeile für Relation »t« verletzt Check-Constraint »c«");
    assert.equal(text("23502", 'ERROR:  null value in column "name" of relation "t" violates not-null constraint\nDETAIL:  Failing row contains (1, null, secret).'), 'null value in column "name" of relation "t" violates not-null constraint');
    assert.equal(text("23502", "ERROR: domain d does not allow null values;\nError while executing the query"), "domain d does not allow null values");
    assert.match(text("23505", 'ERROR:  duplicate key value violates unique constraint "k"\nDETAIL:  Key (id)=(1) already exists.'), /Key \(id\)=\(1\)/);
  });

  it("is the driver's failure, not a warning before it", () => {
    const odbcErrors = [
      { state: "01004", code: 0, message: "truncated" },
      { state: "22003", code: 7, message: "out of range" },
    ];
    assert.deepEqual(odbcDiagnosis({ odbcErrors }), { state: "22003", native: 7, message: "out of range" });
    assert.deepEqual(odbcDiagnosis(new Error("count mismatch")), { state: "", native: 0, message: "count mismatch" });
  });
});
