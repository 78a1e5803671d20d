import assert from "node:assert/strict";
import { DatabaseClient } from "../../../nodes/sql/client/database-client";
import { isErrorData, type RowOutcome, type TransactionOutcome, type WriteMode } from "../../../nodes/sql/client/protocol";
import type { MariaDb } from "../../services/mariadb";
import { sharedMariaDb } from "../../services/shared";
import { SETTINGS } from "./engines";

/** One array for all rows: those go in one statement. */
const COLUMNS = ["id", "colour"];

let tables = 0;

describe("Errors that MariaDB's driver keeps to itself", function () {
  this.timeout(60_000);
  let server: MariaDb;
  let client: DatabaseClient;
  let table: string;

  before(async () => {
    server = await sharedMariaDb();
    client = new DatabaseClient({ ...SETTINGS, connectionString: server.connectionString, credentials: server });
  });
  beforeEach(async () => {
    tables += 1;
    table = `hidden_${process.pid}_${tables}`;
    await server.query(`create table ${table} (id int primary key, colour enum('red', 'blue'), amount decimal(9, 2))`);
  });
  after(() => client.close());

  const write = (mode: WriteMode, rows: [id: number, colour: string][]): Promise<RowOutcome[]> =>
    client.write({ table, mode, keys: mode === "insert" ? [] : ["id"], mapped: true, duplicateIsSuccess: true, rows: rows.map((values) => ({ columns: COLUMNS, values })) });
  const told = (outcomes: RowOutcome[]): unknown[] => outcomes.map((outcome) => (isErrorData(outcome) ? [outcome.code, outcome.retryable] : "stored"));
  const execute = async (sql: string, values: Record<string, string | number> = {}): Promise<TransactionOutcome | undefined> =>
    (await client.execute({ transactions: [{ statements: [{ sql, values }] }], maxRows: 10 }))[0];
  const failure = (outcome: TransactionOutcome | undefined): string => (outcome && "error" in outcome ? `${outcome.error.code}: ${outcome.error.text}` : "none");
  const stored = async (): Promise<string> => (await server.query(`select id, colour from ${table} order by id`)).map(({ id, colour }) => `${id} ${colour}`).join(", ");
  const procedure = (body: string): Promise<unknown> => server.query(`delimiter //\ncreate procedure ${table}_p(x int) ${body} //`);

  it("fail the row whose word is not in an enum, and no other of its batch", async () => {
    assert.deepEqual(told(await write("insert", [[1, "red"], [2, "green"], [3, "blue"]])), ["stored", ["ROW_REFUSED", false], "stored"]);
    assert.deepEqual(told(await write("upsert", [[1, "green"], [4, "blue"]])), [["ROW_REFUSED", false], "stored"]);
    assert.deepEqual(told(await write("update", [[1, "green"], [3, "red"]])), [["ROW_REFUSED", false], "stored"]);
    assert.deepEqual(told(await write("ignore", [[5, "green"], [6, "red"]])), [["ROW_REFUSED", false], "stored"]);
    assert.equal(await stored(), "1 red, 3 red, 4 blue, 6 red");
  });

  it("fail an own statement whose value is cut, or that returns rows", async () => {
    assert.match(failure(await execute(`insert into ${table} (id, amount) values (1, :amount)`, { amount: "12.5 EUR" })), /^ROW_REFUSED: .*'amount'/);
    assert.match(failure(await execute(`insert into ${table} (id, colour) values (:id, :colour) returning id`, { id: 1, colour: "green" })), /^ROW_REFUSED: .*'colour'/);
    assert.equal(await stored(), "");
  });

  it("fail a procedure that has given a result before it failed: what it did until then is rolled back", async () => {
    await procedure(`begin insert into ${table} (id) values (x); select 1 as done; insert into ${table} (id) values (x); end`);
    assert.match(failure(await execute(`call ${table}_p(:x)`, { x: 7 })), /^ROW_REFUSED: Duplicate entry '7'/);
    assert.equal(await stored(), "");
  });

  it("fail a procedure that is read, when it fails behind its result", async () => {
    await procedure(`begin select x as one, 2 as two union all select 3, 4; if x > 7 then signal sqlstate '45000' set message_text = 'too late'; end if; end`);
    const read = async (x: number): Promise<unknown> => {
      const { cursor, columns } = await client.openCursor({ sql: `call ${table}_p(:x)`, values: { x }, fetchSize: 10 });
      const { rows } = await client.fetch(cursor);
      await client.closeCursor(cursor);
      return [columns.map(({ name }) => name), ...rows];
    };
    assert.deepEqual(await read(7), [["one", "two"], [7, 2], [3, 4]]);
    await assert.rejects(read(8), { code: "ROW_REFUSED", message: "too late" });
    assert.deepEqual(await read(6), [["one", "two"], [6, 2], [3, 4]]);
  });

  it("fail the row that does not fit into a table without transactions: it is not cut to fit behind others", async () => {
    await server.query(`drop table ${table}`);
    await server.query(`create table ${table} (id int primary key, colour varchar(4)) engine = myisam`);
    assert.deepEqual(told(await write("insert", [[1, "red"], [2, "yellow"], [3, "blue"]])), ["stored", ["ROW_REFUSED", false], "stored"]);
    assert.equal(await stored(), "1 red, 3 blue");
  });

  it("do not count where a procedure has handled them", async () => {
    await procedure(`begin declare continue handler for sqlexception select 'handled' as r; insert into ${table} (id) values (x); insert into ${table} (id) values (x); end`);
    assert.equal(failure(await execute(`call ${table}_p(:x)`, { x: 7 })), "none");
    assert.equal(await stored(), "7 null");
  });

  it("are not those of a statement before: what works after it, without a table, has not failed", async () => {
    await procedure("begin set @x = x; end");
    const statements = [`insert into ${table} (id) values (1)`, `insert into ${table} (id) values (1)`, `call ${table}_p(7)`, `insert into ${table} (id, colour) values (2, 'green')`, "set @x = 8"];
    const outcomes = await client.execute({ transactions: statements.map((sql) => ({ statements: [{ sql, values: {} }] })), maxRows: 10 });
    assert.deepEqual(outcomes.map((outcome) => failure(outcome).split(":")[0]), ["none", "ROW_REFUSED", "none", "ROW_REFUSED", "none"]);
  });
});
