import assert from "node:assert/strict";
import type { DatabaseConnection } from "../../../../nodes/sql/client/child/backend";
import { DatabaseClient } from "../../../../nodes/sql/client/database-client";
import { type Column, detectDialect, type Dialect, dialectNamed, type Statement, tableParts, type Target } from "../../../../nodes/sql/client/dialect";
import { databaseError } from "../../../../nodes/sql/client/errors";
import { isErrorData, type DialectName, type WriteMode, type WriteRequest } from "../../../../nodes/sql/client/protocol";
import { sharedPostgres } from "../../../services/shared";
import { SETTINGS } from "../engines";

const COLUMNS: Column[] = [
  { name: "ID", type: "decimal(9, 0)" },
  { name: "NAME", type: "varchar(20)" },
];
const ROWS = [
  [1, "a"],
  [2, "b"],
];

const named = (name: DialectName): Dialect => dialectNamed(name);
const target = (dialect: Dialect, mode: WriteMode, columns = COLUMNS): Target => ({ table: dialect.quoteTable(["plant", "readings"]), columns, mode, keys: ["ID"] });
const batch = (name: DialectName, mode: WriteMode, rows = ROWS, columns = COLUMNS): Statement => {
  const dialect = named(name);
  return dialect.write(target(dialect, mode, columns), rows.map((row) => dialect.encode(row, columns)));
};

/** The statements of one row, each answered with the next count. */
async function single(name: DialectName, mode: WriteMode, counts: number[]): Promise<{ statements: Statement[]; affected: number }> {
  const dialect = named(name);
  const statements: Statement[] = [];
  const run = async (statement: Statement): Promise<number> => {
    statements.push(statement);
    return counts[statements.length - 1] ?? 0;
  };
  return { affected: await dialect.writeRow(target(dialect, mode), dialect.encode(ROWS[0] as never, COLUMNS), run), statements };
}

describe("Statements for MariaDB", () => {
  it("upsert without a look at other unique keys where none is among the columns", () => {
    const mariadb = named("mariadb");
    const upsert = (otherKeys: string[][]): string => mariadb.write({ ...target(mariadb, "upsert"), otherKeys }, ROWS).sql;
    const plain = "insert into `plant`.`readings` (`ID`, `NAME`) values (?, ?), (?, ?) on duplicate key update `NAME` = values(`NAME`)";
    assert.deepEqual([[], [["SERIAL"]]].map(upsert), [plain, plain]);
    assert.match(upsert([["SERIAL", "NAME"]]), /update `ID` = if\(.*`ID` = values\(`ID`\).*, `ID`, `ID`\), `NAME` = values\(`NAME`\)$/);
  });
});

describe("Statements for SQL Server", () => {
  it("insert many rows at once, no more than the server takes parameters", () => {
    assert.deepEqual(batch("sqlserver", "insert"), { sql: "insert into [plant].[readings] ([ID], [NAME]) values (?, ?), (?, ?)", parameters: [1, "a", 2, "b"] });
    assert.equal(named("sqlserver").maxRows(1), 1000);
    assert.ok(named("sqlserver").maxRows(7) * 7 < 2100);
    assert.equal(named("sqlserver").maxRows(3000), 1);
  });

  it("merge under a lock, every value with its column's type", () => {
    assert.equal(
      batch("sqlserver", "upsert").sql,
      "merge into [plant].[readings] with (holdlock) as t using (values (cast(? as decimal(9, 0)), cast(? as varchar(20))), (cast(? as decimal(9, 0)), cast(? as varchar(20)))) as s ([ID], [NAME]) " +
        "on t.[ID] = s.[ID] when matched then update set [NAME] = s.[NAME] when not matched then insert ([ID], [NAME]) values (s.[ID], s.[NAME]);",
    );
    assert.doesNotMatch(batch("sqlserver", "upsert", [[1]], COLUMNS.slice(0, 1)).sql, /when matched/);
  });

  it("let nothing end a name", () => {
    assert.equal(named("sqlserver").quoteTable(["a]; drop table x; --"]), "[a]]; drop table x; --]");
    assert.deepEqual(tableParts("[my].[odd ]] table]"), ["my", "odd ] table"]);
  });

  it("keep an offset where the column does, and cut what datetime refuses", () => {
    const encode = (value: unknown, type: string): unknown => (named("sqlserver").encode([value as never], [{ name: "c", type }]) as unknown[])[0];
    assert.equal(encode(new Date("2026-11-21T10:11:12.123Z"), "datetimeoffset(7)"), "2026-11-21 10:11:12.123 +00:00");
    assert.equal(encode("2026-11-21T12:11:12.123456+02:00", "datetimeoffset(7)"), "2026-11-21T12:11:12.123456+02:00");
    assert.equal(encode("2026-11-21T12:11:12.123456+02:00", "datetime2(7)"), "2026-11-21 10:11:12.123456");
    assert.equal(encode("2026-11-21T12:11:12.123456+02:00", "datetime"), "2026-11-21 10:11:12.123");
    assert.equal(encode("2026-11-21T00:11:12+02:00", "date"), "2026-11-20");
    assert.equal(encode(2n ** 62n, "bigint"), String(2n ** 62n));
    assert.equal(encode(true, "bit"), 1);
  });
});

describe("Statements for Oracle", () => {
  it("take a name in lower case for one in upper case, and any other as it is", () => {
    assert.equal(named("oracle").quoteTable(["plant", "readings"]), '"PLANT"."READINGS"');
    assert.equal(named("oracle").quoteTable(['My "Table']), '"My ""Table"');
    assert.deepEqual(named("oracle").describe(["plant", "readings"]).parameters, ["PLANT", "READINGS"]);
  });

  it("insert many rows without a VALUES list", () => {
    assert.deepEqual(batch("oracle", "insert"), {
      sql: 'insert all into "PLANT"."READINGS" ("ID", "NAME") values (?, ?) into "PLANT"."READINGS" ("ID", "NAME") values (?, ?) select 1 from dual',
      parameters: [1, "a", 2, "b"],
    });
    assert.equal(batch("oracle", "insert", ROWS.slice(0, 1)).sql, 'insert into "PLANT"."READINGS" ("ID", "NAME") values (?, ?)');
    assert.ok(named("oracle").maxRows(10) * 10 < 1000);
  });

  it("merge from dual", () => {
    const columns = [COLUMNS[0] as Column, { name: "DOC", type: "clob" }];
    assert.equal(
      batch("oracle", "upsert", ROWS, columns).sql,
      'merge into "PLANT"."READINGS" t using (select cast(? as decimal(9, 0)) as "ID", to_clob(?) as "DOC" from dual union all select cast(? as decimal(9, 0)) as "ID", to_clob(?) as "DOC" from dual) s ' +
        'on (t."ID" = s."ID") when matched then update set "DOC" = s."DOC" when not matched then insert ("ID", "DOC") values (s."ID", s."DOC")',
    );
  });

  it("give a date its time, without a fraction", () => {
    const encode = (type: string): unknown => (named("oracle").encode(["2026-11-21T12:11:12.5+02:00"], [{ name: "C", type }]) as unknown[])[0];
    assert.equal(encode("date"), "2026-11-21 10:11:12");
    assert.equal(encode("timestamp(6)"), "2026-11-21 10:11:12.5");
  });
});

describe("Statements for Db2", () => {
  it("insert and merge many rows", () => {
    assert.equal(batch("db2", "insert").sql, 'insert into "PLANT"."READINGS" ("ID", "NAME") values (?, ?), (?, ?)');
    assert.equal(
      batch("db2", "upsert", ROWS.slice(0, 1)).sql,
      'merge into "PLANT"."READINGS" as t using (values (cast(? as decimal(9, 0)), cast(? as varchar(20)))) as s ("ID", "NAME") on t."ID" = s."ID" ' +
        'when matched then update set "NAME" = s."NAME" when not matched then insert ("ID", "NAME") values (s."ID", s."NAME")',
    );
  });
});

describe("Statements of one row", () => {
  for (const name of ["mariadb", "sqlite", "sqlserver", "oracle", "db2", "generic"] as const) {
    it(`find it by its key on ${name}`, async () => {
      const update = await single(name, "update", [1]);
      assert.match(update.statements[0]?.sql ?? "", /^update \S+ set \S*NAME\S* = \? where \S*ID\S* = \?$/);
      assert.deepEqual(update.statements[0]?.parameters, ["a", 1]);
      const deletion = await single(name, "delete", [1]);
      assert.match(deletion.statements[0]?.sql ?? "", /^delete from \S+ where \S*ID\S* = \?$/);
      assert.deepEqual(deletion.statements[0]?.parameters, [1]);
      assert.equal((await single(name, "ignore", name === "generic" ? [0, 1] : [1])).affected, 1);
    });
  }

  it("insert where an upsert has updated nothing, on any other database", async () => {
    assert.equal((await single("generic", "upsert", [1])).statements.length, 1);
    const { statements, affected } = await single("generic", "upsert", [0, 1]);
    assert.deepEqual(statements.map(({ sql }) => sql), ["update plant.readings set NAME = ? where ID = ?", "insert into plant.readings (ID, NAME) values (?, ?)"]);
    assert.equal(affected, 1);
    await assert.rejects(single("generic", "upsert", [-1]), { code: "NOT_CONFIGURED" });
    assert.equal((await single("generic", "ignore", [1])).affected, 0);
  });
});

describe("The kind of database", () => {
  /** A connection on which only one question has an answer. */
  const answering = (question: RegExp, answer: string): DatabaseConnection =>
    ({
      query: async (sql: string) => {
        if (!question.test(sql)) throw databaseError({ state: "42000", native: 1, message: "no such function" });
        return { rows: [{ answer }], rowsAffected: -1, columns: [] };
      },
      rollback: async () => undefined,
    }) as unknown as DatabaseConnection;

  const CASES: [question: RegExp, answer: string, dialect: DialectName][] = [
    [/ version\(\)/, "PostgreSQL 15.18 (Debian)", "postgresql"],
    [/ version\(\)/, "10.11.19-MariaDB-0+deb12u1", "mariadb"],
    [/ version\(\)/, "8.4.3", "mariadb"],
    [/sqlite_version/, "3.40.1", "sqlite"],
    [/@@version/, "Microsoft SQL Server 2022 (RTM) - 16.0.1000.6 (X64)", "sqlserver"],
    [/v\$version/, "Oracle Database 19c Enterprise Edition Release 19.0.0.0.0", "oracle"],
    [/env_inst_info/, "DB2 v11.5.8.0", "db2"],
  ];
  for (const [question, answer, dialect] of CASES) {
    it(`is known by "${answer}"`, async () => assert.equal(await detectDialect(answering(question, answer)), dialect));
  }

  it("must be chosen when it is none of these", async () => {
    await assert.rejects(detectDialect(answering(/nothing/, "")), { code: "NOT_CONFIGURED" });
  });
});

describe("The dialect for any other database, tried on PostgreSQL", function () {
  this.timeout(60_000);
  const table = `generic_${process.pid}`;
  let client: DatabaseClient;
  let stored: () => Promise<unknown[]>;

  before(async () => {
    const server = await sharedPostgres();
    await server.query(`create table ${table} (id bigint primary key, name varchar(20) not null)`);
    stored = () => server.query(`select id::int, name from ${table} order by id`);
    client = new DatabaseClient({ ...SETTINGS, connectionString: server.connectionString, credentials: server, dialect: "generic" });
  });
  after(() => client.close());

  const write = async (mode: WriteMode, values: [number, string | null][], more: Partial<WriteRequest> = {}): Promise<(number | string)[]> => {
    const columns = mode === "delete" ? ["id"] : ["id", "name"];
    const rows = values.map(([id, name]) => ({ columns, values: mode === "delete" ? [id] : [id, name], id: `m${id}` }));
    const outcomes = await client.write({ table, mode, keys: mode === "insert" ? [] : ["id"], mapped: true, rows, ...more });
    return outcomes.map((outcome) => (isErrorData(outcome) ? outcome.code : outcome?.duplicate ? "dup" : (outcome?.rowsAffected ?? 1)));
  };

  it("writes in every mode, row by row", async () => {
    assert.deepEqual(await write("insert", [[1, "a"], [2, null], [3, "c"]]), [1, "ROW_REFUSED", 1]);
    assert.deepEqual(await write("upsert", [[1, "A"], [4, "d"]]), [1, 1]);
    assert.deepEqual(await write("update", [[3, "C"], [9, "z"]]), [1, 0]);
    assert.deepEqual(await write("ignore", [[1, "x"], [5, "e"]]), [0, 1]);
    assert.deepEqual(await write("delete", [[4, null], [9, null]]), [1, 0]);
    assert.deepEqual(await write("insert", [[1, "x"], [6, "f"]], { duplicateIsSuccess: true }), ["dup", 1]);
    assert.deepEqual(await stored(), [{ id: 1, name: "A" }, { id: 3, name: "C" }, { id: 5, name: "e" }, { id: 6, name: "f" }]);
  });

  it("keeps an inbox", async () => {
    const inbox = { table: `${table}_inbox`, owner: "node", days: 30 };
    assert.deepEqual(await write("insert", [[10, "x"], [11, "y"]], { inbox }), [1, 1]);
    assert.deepEqual(await write("update", [[10, "z"], [12, "y"]], { inbox }), ["dup", 0]);
  });

  it("merges as Db2 is asked to", async () => {
    const server = await sharedPostgres();
    const columns: Column[] = [{ name: "id", type: "bigint" }, { name: "name", type: "varchar(20)" }];
    const dialect = named("db2");
    const { sql } = dialect.write({ table, columns, mode: "upsert", keys: ["id"] }, [[1, "merged"], [20, "new"]]);
    const values = ["1", "merged", "20", "new"];
    let place = 0;
    // PostgreSQL folds to lower case what Db2 folds to upper, and numbers its parameters
    await server.query(sql.replaceAll(/"(ID|NAME)"/g, (quoted) => quoted.toLowerCase()).replaceAll("?", () => `'${values[place++]}'`));
    assert.deepEqual((await stored()).filter((row) => [1, 20].includes((row as { id: number }).id)), [{ id: 1, name: "merged" }, { id: 20, name: "new" }]);
  });
});
