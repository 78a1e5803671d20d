import assert from "node:assert/strict";
import type { DialectName } from "../../../nodes/sql/client/protocol";
import { PollQuery } from "../../../nodes/sql/read/poll-query";

const columns = { watermark: { name: "at", type: "type_timestamp" }, key: { name: "id", type: "numeric" } };
const after = { watermark: "2026-11-21T10:11:12.123456Z", key: "12345678901234567890.50" };

describe("The statements of a poll", () => {
  const page = (dialect: DialectName) => new PollQuery("select * from t -- all", dialect, "at", "id").page(columns, after, undefined, 10);

  // no server of these here: only the text is checked
  for (const [dialect, watermark, key, ending, value] of [
    ["sqlserver", "cast(:surewire_watermark as varchar(40))", "cast(:surewire_key as decimal(38, 2))", "order by [at], [id] offset 0 rows fetch next 10 rows only", after.watermark],
    ["oracle", `to_timestamp_tz(:surewire_watermark, 'YYYY-MM-DD"T"HH24:MI:SS.FF9TZH:TZM')`, "cast(:surewire_key as number)", 'order by "at", "id" fetch first 10 rows only', "2026-11-21T10:11:12.123456+00:00"],
    ["db2", "cast(:surewire_watermark as timestamp(12))", "cast(:surewire_key as decimal(31, 2))", 'order by "at", "id" fetch first 10 rows only', "2026-11-21 10:11:12.123456"],
    ["generic", ":surewire_watermark", ":surewire_key", 'order by "at", "id"', "2026-11-21 10:11:12.123456"],
  ] as const) {
    it(`make exact values the way ${dialect} does, and end as it does`, () => {
      const { sql, values } = page(dialect);
      const [at, id] = dialect === "sqlserver" ? ["[at]", "[id]"] : ['"at"', '"id"'];
      const where = `${at} >= ${watermark} and (${at} > ${watermark} or ${id} >= ${key}) and ${at} is not null`;
      assert.equal(sql, `select * from (select * from t -- all\n) surewire_q where ${where} ${ending}`);
      assert.deepEqual(values, { surewire_watermark: value, surewire_key: after.key });
    });
  }

  it("quote names, so that nothing in one can end it", () => {
    const evil = `a"; drop table t; --\`]`;
    const texts = (["postgresql", "mariadb", "sqlserver"] as const).map((dialect) => new PollQuery("select 1", dialect, evil, "id").shape);
    assert.deepEqual(texts.map((text) => text.slice(7, text.indexOf(" from (select 1"))), [
      '"a""; drop table t; --`]", "id"',
      '`a"; drop table t; --``]`, `id`',
      '[a"; drop table t; --`]]], [id]',
    ]);
  });

  it("stop behind the last row that may be read", () => {
    const query = new PollQuery("select 1", "sqlite", "at", "id");
    const { sql, values } = query.page(columns, undefined, { watermark: 9, key: "k" }, 10);
    assert.match(sql, /where "at" <= :surewire_bound and \("at" < :surewire_bound or "id" <= :surewire_bound_key\) order/);
    assert.deepEqual(values, { surewire_bound: 9, surewire_bound_key: "k", surewire_most: 10 });
    assert.match(query.last(columns, 9).sql, /where "at" = :surewire_watermark and "id" is not null order by "id" desc limit 1$/);
  });

  it("compare with the watermark alone while there is no key to it, and with nothing at first", () => {
    const query = new PollQuery("select 1", "sqlite", "at", "id");
    assert.match(query.page(columns, { watermark: 5 }, { watermark: 9 }, 10).sql, /where "at" > :surewire_watermark and "at" <= :surewire_bound order/);
    assert.match(query.page(columns, { watermark: null }, undefined, 10).sql, /where "at" is not null order/);
  });
});
