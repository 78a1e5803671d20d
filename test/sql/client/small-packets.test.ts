import assert from "node:assert/strict";
import { DatabaseClient } from "../../../nodes/sql/client/database-client";
import { isErrorData, type WriteRequest } from "../../../nodes/sql/client/protocol";
import { sharedMariaDb } from "../../services/shared";
import type { MariaDb } from "../../services/mariadb";
import { SETTINGS } from "./engines";

/** The least that servers are given; the default is sixteen times that. */
const PACKET = 1024 * 1024;

describe("A MariaDB that takes small packets, and hangs up on larger ones", function () {
  this.timeout(60_000);
  const table = `packets_${process.pid}`;
  let server: MariaDb;
  let client: DatabaseClient;
  let usual: string | null | undefined;

  before(async () => {
    server = await sharedMariaDb();
    usual = (await server.query("select @@global.max_allowed_packet as bytes"))[0]?.["bytes"];
    await server.query(`create table ${table} (id int primary key, text longtext)`);
    await server.query(`set global max_allowed_packet = ${PACKET}`);
    client = new DatabaseClient({ ...SETTINGS, connectionString: server.connectionString, credentials: server });
  });
  after(async () => {
    await client.close();
    await server.query(`set global max_allowed_packet = ${usual}`);
    await server.query(`drop table ${table}`);
  });

  const rows = (texts: string[]): WriteRequest["rows"] => texts.map((text, id) => ({ columns: ["id", "text"], values: [id, text] }));
  const told = async (mode: "insert" | "upsert" | "update", texts: string[]): Promise<unknown[]> => {
    const outcomes = await client.write({ table, mode, keys: mode === "insert" ? [] : ["id"], mapped: true, rows: rows(texts) });
    return outcomes.map((outcome) => (isErrorData(outcome) ? outcome.code : 1));
  };

  it("is given a batch in pieces that it takes, and only the row that is too large fails", async () => {
    const texts = Array.from({ length: 20 }, () => "x".repeat(PACKET / 8));
    texts[7] = "x".repeat(PACKET + 1);
    texts[8] = "ü".repeat(PACKET / 2); // as many bytes, though half the characters
    const expected = texts.map((_text, id) => (id === 7 || id === 8 ? "PAYLOAD_TOO_LARGE" : 1));
    for (const mode of ["insert", "upsert", "update"] as const) assert.deepEqual(await told(mode, texts), expected);
    assert.equal((await server.query(`select count(*) as n from ${table} where length(text) = ${PACKET / 8}`))[0]?.["n"], "18");
  });

  it("refuses an own statement, or a query, with too much in it", async () => {
    const values = { text: "x".repeat(PACKET) };
    const [outcome] = await client.execute({ transactions: [{ statements: [{ sql: `update ${table} set text = :text where id = 1`, values }] }], maxRows: 1 });
    assert.ok(outcome && "error" in outcome);
    assert.deepEqual([outcome.error.code, outcome.error.scope], ["PAYLOAD_TOO_LARGE", "message"]);
    await assert.rejects(client.openCursor({ sql: `select id from ${table} where text = :text`, values, fetchSize: 1 }), { code: "PAYLOAD_TOO_LARGE" });
  });
});
