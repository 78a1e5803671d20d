import assert from "node:assert/strict";
import { readSettings, type ReadDef } from "../../../nodes/sql/read/settings";

const poll = (query: string, more: Partial<ReadDef> = {}): unknown =>
  readSettings({ database: "db", mode: "poll", progress: "watermark", watermarkColumn: "at", keyColumn: "id", query, ...more });

describe("the settings of sql read", () => {
  it("refuse a poll by a watermark whose query limits its rows, for those behind would never be read", () => {
    for (const query of [
      "select * from t order by at limit 100",
      "select * from t LIMIT 100 offset 5;",
      "select * from t limit 5, 10 -- a page",
      "select * from t limit :most",
      "select * from t order by at fetch first 10 rows only",
      "select top 10 * from t",
      "select top (10) * from t",
      "with few as (select 1 as a) select distinct top 10 * from few",
      "select * from t order by at limit (100)",
      "select * from t order by at limit 100 for update skip locked",
      "select * from t limit 100 lock in share mode",
      "select * from t order by at fetch first 10 rows with ties",
      "select * from t for update skip locked limit 100",
      "select * from t where rownum <= 10",
    ]) {
      assert.throws(() => poll(query), { code: "NOT_CONFIGURED", message: /limit/ }, query);
    }
  });

  it("take a limit that is none of the query's own, or that does no harm", () => {
    poll("select * from t where id in (select id from u limit 5)");
    poll("select * from t where text = 'limit 5'");
    poll("select t.*, 'top 5' as top from t /* limit 5 */");
    poll("select * from t for update");
    poll("select id, top from t where rownum_a < 5");
    poll("with r as (select t.*, row_number() over (partition by device order by at desc) as rownum from t) select * from r where rownum <= 3");
    poll("select * from (select t.*, row_number() over (partition by device order by at desc) rownum from t) r where r.rownum <= 3");
    poll("select id, at, limit_a from t where offset_b > 5");
    poll("select * from t where sent = 0 limit 100", { progress: "after-read", afterRead: "delete from t where id = :id" });
    poll("select * from t limit 100", { mode: "message" });
  });
});
