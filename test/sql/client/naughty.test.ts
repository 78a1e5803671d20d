import assert from "node:assert/strict";
import { isConnectorError } from "../../../nodes/common/errors";
import { DatabaseClient } from "../../../nodes/sql/client/database-client";
import { namedValue } from "../../../nodes/sql/client/named-values";
import { isErrorData, type Row, type RowValue } from "../../../nodes/sql/client/protocol";
import { RowMapper } from "../../../nodes/sql/client/row-mapper";
import { ENGINES, type TestEngine } from "./engines";

/** Text that has broken programs before; `$T` stands for the table. */
const NAUGHTY = [
  "", " ", "  leading and trailing  ", "'", "''", "'''", '"', '""', "`", "\\", "\\\\", "\\'", "\\0", "%", "_", "%s%n", "?", "??", ":id", "::text", "$1", "@x", "{0}", "{fn now()}",
  "{ts '2026-01-01 00:00:00'}", "$$", "$tag$ x $tag$", "--", "-- drop", "/* */", "#", ";", "'; drop table $T; --", '"; drop table $T; --', "1); delete from $T; --",
  "' or '1'='1", "\\'; drop table $T; --", "'||(select 1)||'", "null", "NULL", "true", "0", "-0", "1e999", "NaN", "0x00", "1/0", "2026-11-21T10:11:12Z", "{\"a\": 1}", "[1, 2]", "<a>&amp;</a>",
  "line\nline\r\nline\ttab", "\u0001\u0008\u001b\u007f", "é ü ß ñ", "e\u0301", "Ω≈ç√", "田中さん", "مرحبا بالعالم", "\u202eright to left\u202c", "\u200b\ufeff\u00a0", "😀👨‍👩‍👧‍👦🇩🇪", "\uffff\ufffd", "𝒳𠜎",
  "x".repeat(1024 * 1024), "😀".repeat(5000),
];
/** What no database could give back; refused with a reason. */
const IMPOSSIBLE = ["a\0b", "\0", "half a pair: \ud800", "\udc00"];

let tables = 0;

for (const { name, types, start } of ENGINES) {
  describe(`Naughty strings on ${name}`, function () {
    this.timeout(60_000);
    let engine: TestEngine;
    let client: DatabaseClient;
    let table: string;
    let strings: string[];

    before(async () => {
      engine = await start();
      client = new DatabaseClient(engine.options);
    });
    beforeEach(async () => {
      tables += 1;
      table = `naughty_${process.pid}_${tables}`;
      strings = NAUGHTY.map((text) => text.replaceAll("$T", table));
      await engine.execute(`create table ${table} (id int primary key, v ${name.startsWith("MariaDB") ? "mediumtext" : types.text})`);
    });
    afterEach(() => engine.execute(`drop table ${table}`));
    after(async () => {
      await client.close();
      engine.close();
    });

    const stored = async (sql = `select id, v from ${table} order by id`, values = {}): Promise<RowValue[][]> => {
      const { cursor } = await client.openCursor({ sql, values, fetchSize: 100 });
      const { rows } = await client.fetch(cursor);
      await client.closeCursor(cursor);
      return rows;
    };
    const execute = async (sql: string, values: Record<string, unknown>): Promise<string> => {
      const plain = Object.fromEntries(Object.entries(values).map(([key, value]) => [key, namedValue(value, key)]));
      const [outcome] = await client.execute({ transactions: [{ statements: [{ sql, values: plain }] }], maxRows: 10 });
      return outcome && "error" in outcome ? outcome.error.text : "";
    };

    it("come back as they were, from a table that is still there", async () => {
      const mapper = new RowMapper({ table, mode: "insert", keys: [], columns: [] });
      const rows = strings.map((v, id) => mapper.row({ payload: { id, v } as Row }) as never);
      const outcomes = await client.write({ table, mode: "insert", keys: [], mapped: false, rows });
      assert.ok(!outcomes.some(isErrorData), JSON.stringify(outcomes.filter(isErrorData)));
      const back = await stored();
      assert.equal(back.length, strings.length);
      for (const [id, text] of strings.entries()) assert.ok(back[id]?.[1] === text, `${JSON.stringify(text.slice(0, 50))} came back as ${JSON.stringify(back[id]?.[1]?.toString().slice(0, 50))}`);
      for (const v of IMPOSSIBLE) assert.throws(() => mapper.row({ payload: { id: 1000, v } }), { code: "INPUT_INVALID" });
    });

    it("come back as they were through statements, and find their own row as parameters", async () => {
      const inserts = strings.map((v, id) => ({ statements: [{ sql: `insert into ${table} (id, v) values (:id, :v)`, values: { id, v } }] }));
      const outcomes = await client.execute({ transactions: inserts, maxRows: 0 });
      assert.deepEqual(outcomes.filter((outcome) => "error" in outcome), []);
      const back = await stored();
      for (const [id, text] of strings.entries()) assert.ok(back[id]?.[1] === text, `${JSON.stringify(text.slice(0, 50))} came back as ${JSON.stringify(back[id]?.[1]?.toString().slice(0, 50))}`);
      for (const [id, v] of strings.entries()) {
        if (id % 5 > 0) continue;
        assert.deepEqual(await stored(`select id from ${table} where id = :id and v = :v`, { id, v }), [[id]], v.slice(0, 50));
      }
      for (const v of IMPOSSIBLE) await assert.rejects(stored(`select id from ${table} where v = :v`, { v }), (error) => isConnectorError(error) && error.code === "INPUT_INVALID");
    });

    it("are values wherever they stand: nothing in them is run", async () => {
      assert.equal(await execute(`insert into ${table} (id, v) values (:id, :v)`, { id: 1, v: "kept" }), "");
      for (const attack of ["1 or 1=1", "1; drop table $T", "' or ''='", "1) or (1=1", "0 union select 1", "\\' or 1=1 -- "].map((text) => text.replaceAll("$T", table))) {
        await execute(`delete from ${table} where v = :attack`, { attack });
        await execute(`delete from ${table} where v in (:attack)`, { attack: [attack, attack] });
        await execute(`update ${table} set v = v where v like :attack`, { attack });
        assert.deepEqual(await stored(), [[1, "kept"]], attack);
      }
      const names = ["v = v; --", "v) values ('x'); --", 'v"', "v`", "v]", "__proto__", "constructor", "v\nv"];
      for (const column of names) {
        const row = { columns: ["id", column], values: [2, "x"] };
        const [outcome] = await client.write({ table, mode: "insert", keys: [], mapped: false, rows: [row] });
        assert.ok(outcome && isErrorData(outcome), column);
        assert.equal(outcome.code, "TABLE_UNKNOWN", column);
        await assert.rejects(
          client.openCursor({ sql: `select id from ${table} where v = :v`, values: { [column]: "kept" }, fetchSize: 1 }),
          (error) => isConnectorError(error) && error.code === "INPUT_INVALID" && /:v has no value/.test(error.message),
        );
      }
      for (const odd of [`${table}; drop table ${table}`, `${table} --`, `${table}' or '1`]) {
        const row = { columns: ["id"], values: [3] };
        await assert.rejects(client.write({ table: odd, mode: "insert", keys: [], mapped: false, rows: [row] }), isConnectorError, odd);
      }
      assert.deepEqual(await stored(), [[1, "kept"]]);
    });
  });
}
