import assert from "node:assert/strict";
import { readConnectionText } from "../../cli/import/connection-text";
import { importFile } from "../../cli/import/import-file";
import { readJson } from "../../cli/import/json-text";
import { transactionOf } from "../../cli/import/transaction";
import { durationOf, flagOf } from "../../cli/import/values";
import { imported } from "./support";

const said = (text: string): string => {
  try {
    readJson(Buffer.from(text));
  } catch (error) {
    return String((error as Error).message);
  }
  return "nothing";
};

describe("a file that is no JSON", () => {
  const places: [text: string, place: string][] = [
    ['{"password": secret}', "line 1, column 14"],
    ['{\n  "a": 1,\n  "password": "secret",\n}', "line 4, column 1"],
    ['{"a": 1 "b": 2}', "line 1, column 9"],
    ['{"a": [1, 2}', "line 1, column 12"],
    ['{"a": "b', "line 1, column 7"],
    ["{'a': 1}", "line 1, column 2"],
    ['{"a": 01}', "line 1, column 8"],
    ["[1] x", "line 1, column 5"],
    ['{"a": tru', "line 1, column 7"],
  ];
  for (const [text, place] of places) {
    it(`is told by its place, without what stands there: ${JSON.stringify(text)}`, () => {
      assert.equal(said(text), `not JSON: ${place}`);
    });
  }

  it("is told when it is empty, no text, or too large", () => {
    assert.equal(said(" \n"), "the file is empty");
    assert.throws(() => readJson(Buffer.from([0x7b, 0xff, 0x7d])), /not UTF-8/);
    assert.throws(() => readJson(Buffer.alloc(5 * 1024 * 1024, 0x20)), /bytes/);
  });

  it("is not taken for one when it begins with a byte order mark, or is UTF-16", () => {
    assert.deepEqual(readJson(Buffer.from('\ufeff{"a": 1}')), { a: 1 });
    assert.deepEqual(readJson(Buffer.from('\ufeff{"a": 1}', "utf16le")), { a: 1 });
  });
});

describe("a file that is no bridge's", () => {
  const wrong: [file: unknown, why: RegExp][] = [
    [[], /a list/],
    [null, /no bridge/],
    [{}, /no bridge/],
    [{ database: { sql: "select 1" } }, /section broker is missing/],
    [{ broker: { source: { queue: "q" } } }, /section database is missing/],
    [{ database: { table: "t" }, broker: { queue: "q" } }, /cannot tell the transaction/],
  ];
  for (const [file, why] of wrong) {
    it(`says so: ${JSON.stringify(file)}`, () => {
      assert.throws(() => imported(file as object), { name: "ImportError", message: why });
    });
  }

  it("may have one object around it", () => {
    assert.equal(imported({ bridge: { database: { insert: "insert into t values (:a)" }, broker: { queue: "q" } } }).the("surewire-amqp-in").queue, "q");
  });
});

describe("the transaction", () => {
  const database = { table: "t" };
  const cases: [what: string, file: object, type: string][] = [
    ["is told by a query", { database: { sql: "select 1" }, broker: { queue: "q" } }, "surewire-amqp-out"],
    ["is told by a statement that writes", { database: { sql: "delete from t" }, broker: { queue: "q" } }, "surewire-amqp-in"],
    ["is told by a destination", { database, broker: { destination: { queue: "q" } } }, "surewire-amqp-out"],
    ["is told by a source", { database, broker: { source: { queue: "q" } } }, "surewire-amqp-in"],
    ["is on demand where a count is given", { database, broker: { source: { queue: "q", count: 5 } } }, "surewire-amqp-get"],
    ["is told by source or destination where there are statements for both", { database: { select: "select 1", insert: "insert into t values (1)" }, broker: { source: { queue: "q" } } }, "surewire-amqp-in"],
    ["is what the file says, whatever else is there", { transaction: "get", database: { select: "select 1", insert: "insert into t values (1)" }, broker: { destination: { queue: "o" }, source: { queue: "q" } } }, "surewire-amqp-get"],
  ];
  for (const [what, file, type] of cases) it(what, () => assert.ok(imported(file).has(type)));

  it("is what the command says, before all else", () => {
    assert.ok(imported({ transaction: "subscribe", database, broker: { queue: "q" } }, { transaction: "get-and-write" }).has("surewire-amqp-get"));
  });

  it("is found under many names", () => {
    for (const word of ["selectAndSend", "SELECT_AND_SEND", "publish", "database-to-queue", "db2mq", "sql to amqp"]) assert.equal(transactionOf(word), "select-and-send", word);
    for (const word of ["get and write", "pull", "onDemand"]) assert.equal(transactionOf(word), "get-and-write", word);
    for (const word of ["subscribeAndWrite", "consume", "queue2db", "amqp-to-sql", "import"]) assert.equal(transactionOf(word), "subscribe-and-write", word);
    for (const word of ["bridge", "", "both"]) assert.equal(transactionOf(word), undefined, word);
  });
});

describe("a connection string", () => {
  const read: [text: string, expected: object][] = [
    ["jdbc:postgresql://db:5433/plant?user=a&password=secret&currentSchema=wh", { dialect: "postgresql", host: "db", port: 5433, database: "plant", user: "a", schema: "wh", hasPassword: true }],
    ["postgres://a:se%40cret@[::1]/plant?sslmode=require", { dialect: "postgresql", host: "::1", database: "plant", user: "a", tls: "require", hasPassword: true }],
    ["jdbc:mysql://db/plant", { dialect: "mariadb", host: "db", database: "plant", hasPassword: false }],
    ["jdbc:sqlserver://db\\X:1444;databaseName=plant;user=a;password={se;cret=x};encrypt=true", { dialect: "sqlserver", host: "db\\X", port: 1444, database: "plant", user: "a", tls: "true", hasPassword: true }],
    ["jdbc:oracle:thin:a/secret@db:1522:ORCL", { dialect: "oracle", host: "db", port: 1522, database: "ORCL", user: "a", hasPassword: true }],
    ["jdbc:oracle:thin:@tnsname", { dialect: "oracle", odbc: "DBQ=tnsname", hasPassword: false }],
    ["jdbc:db2://db:50001/PLANT:user=a;password=secret;", { dialect: "db2", host: "db", port: 50_001, database: "PLANT", user: "a", hasPassword: true }],
    ["jdbc:sqlite:/var/lib/x.db", { dialect: "sqlite", file: "/var/lib/x.db", hasPassword: false }],
    ["sqlite::memory:", { dialect: "sqlite", file: ":memory:", hasPassword: false }],
    ["Data Source=db,1444;Initial Catalog=plant;User ID=a;Password=secret", { host: "db", port: 1444, database: "plant", user: "a", hasPassword: true }],
    ["host=db port=5433 dbname=plant user=a password='se cret'", { host: "db", port: 5433, database: "plant", user: "a", hasPassword: true }],
    ["DSN=plant;UID=a;PWD={se}}cr;et};ApiKey=secret;X=1", { odbc: "DSN=plant;X=1", user: "a", hasPassword: true, dropped: ["ApiKey"] }],
  ];
  for (const [text, expected] of read) {
    it(`is read: ${text}`, () => {
      const access = readConnectionText(text);
      assert.deepEqual(access, { dropped: [], ...expected });
      assert.doesNotMatch(JSON.stringify(access), /se.?cret/);
    });
  }

  for (const text of ["postgres://a:se/cret@db/plant", "postgres://a:se#cret@db/plant", "postgres://a:12?secret@db/plant", "jdbc:sqlserver://a:se/cret@db", "PWD=se{cret;DSN=x", "Driver={x};PWD=a;secret", "nonsense", "http://a:secret@b"]) {
    it(`is refused rather than misread, since a piece of a password might get out: ${text}`, () => {
      assert.doesNotMatch(JSON.stringify(readConnectionText(text) ?? {}), /cret/);
    });
  }
});

describe("a time", () => {
  it("is seconds below 1,000 and ms from there on, unless a unit is there", () => {
    assert.deepEqual([5, 999, 1000, "30", "500 ms", "5s", "2 min", "1h", "PT1M30S", "P1D"].map((value) => durationOf(value)), [5000, 999_000, 1000, 30_000, 500, 5000, 120_000, 3_600_000, 90_000, 86_400_000]);
    assert.equal(durationOf(5, 60_000), 300_000);
    for (const value of ["soon", "", "P", "PT", -1, true, {}, Infinity]) assert.equal(durationOf(value), undefined, String(value));
  });

  it("is reported with its unit if that matters", () => {
    const file = { database: { sql: "select 1", interval: 30 }, broker: { destination: { queue: "q" } } };
    assert.deepEqual(imported(file).said("database.interval"), ["has no unit: taken as 30000 ms"]);
  });
});

it("a flag is written in many ways", () => {
  assert.deepEqual([true, "yes", "On", 1, "enabled"].map(flagOf), [true, true, true, true, true]);
  assert.deepEqual([false, "no", "OFF", 0, "none"].map(flagOf), [false, false, false, false, false]);
  assert.deepEqual(["perhaps", 2, []].map(flagOf), [undefined, undefined, undefined]);
});

describe("a secret in an odd place", () => {
  const bridge = (access: object, connection: object): object => ({ transaction: "subscribe", database: { access, table: "t" }, broker: { connection, source: { queue: "q" } } });
  const database = { host: "h", user: "u" };
  const broker = { host: "h" };
  const odd: [what: string, file: object][] = [
    ["behind a comma in the password of a broker's URL", bridge(database, { url: "amqp://user:pa,hunter2@host/v" })],
    ["behind a semicolon there", bridge(database, { url: "amqp://user:pa;hunter2@host/v" })],
    ["behind a comma in the password of each of several hosts", bridge(database, { url: "u:pa,hunter2@h1,u:pa,hunter2@h2" })],
    ["as a password that looks like a variable of a shell", bridge({ ...database, password: "$Hunter2hunter2" }, broker)],
    ["behind an escaped blank in libpq's words", bridge({ url: "host=h dbname=d user=u password=a\\ hunter2" }, broker)],
    ["behind an & in the options of a JDBC URL", bridge({ url: "jdbc:postgresql://h/d?user=u&password=pa&hunter2" }, broker)],
    ["in the address of a driver's proxy", bridge({ url: "Driver={x};Server=h;Proxy=http://u:hunter2@proxy:8080" }, broker)],
    ["under a driver's own name for a password", bridge({ url: "Driver={x};Server=h;sslkeypass=hunter2" }, broker)],
    ["under a driver's own name for a key", bridge({ url: "Driver={x};Server=h;AccountKey=hunter2" }, broker)],
    ["within a header", { database: { sql: "select 1" }, broker: { connection: broker, destination: { queue: "q", headers: { trace: { id: 1, apiKey: "hunter2" } } } } }],
    ["in the place of a key's path", { tenant: { clientId: "app", keyFile: "-----BEGIN PRIVATE KEY-----\nhunter2" }, divisions: { north: { user: "u", queue: "q" } } }],
  ];
  for (const [what, file] of odd) {
    it(`gets neither into the flow nor into the report: ${what}`, () => {
      const { flow, report } = imported(file);
      for (const text of [JSON.stringify(flow), report]) assert.doesNotMatch(text, /hunter2/i);
    });
  }

  it("is not repeated if it is behind the ? of a broker's URL, which is reported as left out", () => {
    const result = imported(bridge(database, { url: "amqps://h/v?heartbeat=30&password=hunter2" }));
    assert.deepEqual(result.the("surewire-amqp-broker").urls, ["amqps://h:5671"]);
    assert.match(result.said("broker.connection.url").join(), /behind \? is left out/);
    assert.doesNotMatch(result.report, /hunter2/);
  });

  it("does not take a host, a user or the password's place with it", () => {
    const { urls, vhost, credentials } = imported(bridge(database, { url: "amqp://user:pa,hunter2@h1,h2:5673/v" })).the("surewire-amqp-broker");
    assert.deepEqual([urls, vhost, credentials], [["amqp://h1:5672", "amqp://h2:5673"], "v", { username: "user", password: "${SUREWIRE_BROKER_PASSWORD}" }]);
  });
});

it("headers and arguments that are no names with values are told to be left out", () => {
  const sends = imported({ database: { sql: "select 1" }, broker: { destination: { queue: "q", headers: [{ name: "a", value: "b" }] } } });
  assert.match(sends.said("broker.destination.headers").join(), /left out/);
  const writes = imported({ database: { table: "t" }, broker: { source: { queue: "q", arguments: "x-max-length=5" } } });
  assert.match(writes.said("broker.source.arguments").join(), /left out/);
});

it("a file that is nested deeper than any program looks into it is told to be so", () => {
  const deep = `${"[".repeat(200_000)}${"]".repeat(200_000)}`;
  assert.throws(() => importFile(Buffer.from(`{"database":{"host":"h","statement":${deep}},"broker":{"host":"h","queue":"q"}}`), "a file"), { name: "ImportError", message: /nested too deeply/ });
});
