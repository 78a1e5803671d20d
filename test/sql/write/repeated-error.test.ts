import assert from "node:assert/strict";
import { ConnectorError } from "../../../nodes/common/errors";
import { tooManyRows } from "../../../nodes/common/too-many-rows";
import type { ItemResult } from "../../../nodes/delivery/sink/sink";
import { RepeatedError } from "../../../nodes/sql/write/repeated-error";

type Verdict = "ok" | "nothing" | "null" | "type" | "unknown" | "busy" | "missing" | "duplicate" | "large" | "rows" | "away";

const ERRORS: Record<Exclude<Verdict, "ok" | "nothing">, ConnectorError> = {
  null: new ConnectorError("ROW_REFUSED", "null", { details: { state: "23502", native: 1, table: "t" } }),
  type: new ConnectorError("ROW_REFUSED", "type", { details: { state: "22P02", native: 1, table: "t" } }),
  unknown: new ConnectorError("ROW_REFUSED", "unknown", { retryable: true, details: { state: "HY000", native: 1471, table: "t" } }),
  missing: new ConnectorError("ROW_MISSING", "missing", { details: { table: "t" } }),
  duplicate: new ConnectorError("ROW_REFUSED", "duplicate", { details: { state: "23505", native: 1, table: "t" } }),
  large: new ConnectorError("PAYLOAD_TOO_LARGE", "large"),
  rows: tooManyRows(1, "rows"),
  busy: new ConnectorError("DATABASE_BUSY", "busy"),
  away: new ConnectorError("DATABASE_UNAVAILABLE", "away"),
};

const store = async (items: Item[]): Promise<ItemResult<string>[]> =>
  items.map(({ verdict }) => (verdict === "ok" || verdict === "nothing" ? { ok: true, value: verdict } : { ok: false, error: ERRORS[verdict] }));

/** A message: no two are the same, however alike they fare. */
interface Item {
  verdict: Verdict;
}

const messages = (verdicts: Verdict[]): Item[] => verdicts.map((verdict) => ({ verdict }));

/** "ok", "held", or the text of the error. */
const told = (results: ItemResult<string>[]): string[] => results.map((result) => (result.ok ? result.value : result.error.scope === "system" ? "held" : result.error.message));
const isHeld = (result: ItemResult<unknown> | undefined): boolean => result?.ok === false && result.error.scope === "system";
const isOwn = (result: ItemResult<unknown> | undefined): boolean => result?.ok === false && result.error.scope === "message";
const times = <T>(count: number, value: T): T[] => new Array<T>(count).fill(value);

describe("A node whose messages all fail alike", () => {
  it("holds them after a number of failures in a row, within a batch or across several", async () => {
    const one = new RepeatedError<Item, string>(3, store);
    assert.deepEqual(told(await one.write(messages(times(5, "null")))), ["null", "null", "null", "held", "held"]);
    const other = new RepeatedError<Item, string>(3, store);
    for (let turn = 0; turn < 3; turn += 1) assert.deepEqual(told(await other.write(messages(["null"]))), ["null"]);
    assert.deepEqual(told(await other.write(messages(["null", "null"]))), ["null", "held"]);
  });

  it("holds them if their statement returns more rows than allowed, since the next one will, too", async () => {
    const repeated = new RepeatedError<Item, string>(2, store);
    assert.deepEqual((await repeated.write(messages(times(4, "rows")))).map((result) => !result.ok && result.error.scope), ["message", "message", "system", "system"]);
  });

  it("holds them also where nobody knows whether the refusal may pass, as of a view that takes no rows", async () => {
    const repeated = new RepeatedError<Item, string>(2, store);
    assert.deepEqual(told(await repeated.write(messages(times(4, "unknown")))), ["unknown", "unknown", "held", "held"]);
  });

  it("holds them if each has waited in vain, as for a table that is being altered, but not after a deadlock", async () => {
    for (const [state, native, database, holds] of [
      ["55P03", 1, "postgresql", true], ["57014", 1, "postgresql", true], ["40P01", 1, "postgresql", false], ["40001", 1, "postgresql", false],
      ["HY000", 1205, "mariadb", true], ["40001", 1213, "mariadb", false], ["HY000", 5, "sqlite", true], ["HY000", 517, "sqlite", true], ["HY000", 9, "sqlite", true], ["HY000", 19, "sqlite", false],
    ] as const) {
      const error = new ConnectorError("DATABASE_BUSY", "busy", { details: { state, native, database, table: "t" } });
      const repeated = new RepeatedError<number, string>(2, async (items) => items.map(() => ({ ok: false, error })));
      assert.deepEqual(told(await repeated.write([1, 2, 3])), ["busy", "busy", holds ? "held" : "busy"], `${database} ${state}/${native}`);
    }
  });

  it("holds them also where the whole batch has failed at once, as when an embedded SQLite is ended, and tries one alone", async () => {
    const late = new ConnectorError("DATABASE_BUSY", "late", { details: { state: "HYT00" } });
    const sizes: number[] = [];
    const repeated = new RepeatedError<number, string>(2, (items) => {
      sizes.push(items.length);
      return Promise.reject(late);
    });
    assert.deepEqual(told(await repeated.write([1, 2, 3])), ["late", "late", "held"]);
    assert.deepEqual(told(await repeated.write([3, 4, 5])), ["held", "held", "held"]);
    assert.deepEqual(sizes, [3, 1]);
  });

  it("counts messages, not tries: one that waits in vain time and again fails by itself", async () => {
    const waited = new ConnectorError("DATABASE_BUSY", "busy", { details: { state: "57014", native: 1, database: "postgresql" } });
    const repeated = new RepeatedError<object, string>(2, async (items) => items.map(() => ({ ok: false, error: waited })));
    const slow = {};
    for (let turn = 0; turn < 5; turn += 1) assert.deepEqual(told(await repeated.write([slow])), ["busy"]);
    assert.deepEqual(told(await repeated.write([{}, slow])), ["busy", "held"]);
  });

  it("finds the one row that is locked among many whose batch waits in vain for it, and stores the others", async () => {
    const waited = new ConnectorError("DATABASE_BUSY", "busy", { details: { state: "57014", native: 1, database: "postgresql" } });
    for (const locked of [0, 1, 100, 198, 199]) {
      let waits = 0;
      const repeated = new RepeatedError<number, number>(10, async (items) => {
        const waiting = items.includes(locked);
        if (waiting) waits += 1;
        return items.map((item) => (waiting ? { ok: false, error: waited } : { ok: true, value: item }));
      });
      const all = Array.from({ length: 200 }, (_each, index) => index);
      await repeated.write(all);
      const stored: number[] = [];
      for (let left = all; left.length > 0; ) {
        const results = await repeated.write(left);
        const failed = left.filter((_item, index) => isOwn(results[index]));
        assert.deepEqual(failed.filter((item) => item !== locked), []);
        stored.push(...results.flatMap((result) => (result.ok ? [result.value] : [])));
        left = left.filter((_item, index) => isHeld(results[index]));
      }
      assert.deepEqual(stored.toSorted((a, b) => a - b), all.filter((item) => item !== locked));
      assert.ok(waits <= 12, `${locked}: ${waits} tries waited in vain`);
    }
  });

  it("says what is wrong, how often, and that it is no message's fault", async () => {
    const repeated = new RepeatedError<Item, string>(2, store);
    const result = (await repeated.write(messages(times(3, "null"))))[2];
    assert.ok(result?.ok === false);
    assert.match(result.error.message, /^2 messages in a row failed alike: null/);
    assert.equal(result.error.scope, "system");
    assert.equal(result.error.code, "ROW_REFUSED");
  });

  it("starts counting again after a success and after another error", async () => {
    const mixed = new RepeatedError<Item, string>(3, store);
    for (let turn = 0; turn < 5; turn += 1) {
      assert.deepEqual(told(await mixed.write(messages([...times<Verdict>(9, "null"), "ok"]))), [...times(9, "null"), "ok"]);
      assert.deepEqual(told(await mixed.write(messages(["null", "null", "type", "type"]))), ["null", "null", "type", "type"]);
      await mixed.write(messages(["ok"]));
    }
  });

  it("counts neither what may pass, nor a duplicate, nor what is too large, and never stops at 0", async () => {
    for (const verdict of ["busy", "missing", "duplicate", "large"] as const) {
      const repeated = new RepeatedError<Item, string>(3, store);
      assert.deepEqual(told(await repeated.write(messages(times(10, verdict)))), times(10, verdict));
    }
    const never = new RepeatedError<Item, string>(0, store);
    assert.deepEqual(told(await never.write(messages(times(100, "null")))), times(100, "null"));
  });

  it("tries one message at a time while it is stopped, which has its error when it fails alike, and goes on when one passes", async () => {
    const tried: Verdict[][] = [];
    const repeated = new RepeatedError<Item, string>(2, async (items) => {
      tried.push(items.map(({ verdict }) => verdict));
      return store(items);
    });
    await repeated.write(messages(["null", "null"]));
    assert.deepEqual(told(await repeated.write(messages(["null", "ok", "null"]))), ["null", "held", "held"]);
    assert.deepEqual(told(await repeated.write(messages(["ok", "ok", "null"]))), ["held", "held", "null"]);
    assert.deepEqual(told(await repeated.write(messages(["ok", "null"]))), ["ok", "null"]);
    assert.deepEqual(tried.slice(1), [["null"], ["null"], ["ok"], ["null"]]);
  });

  it("goes on when a message fails with another error, which is its own", async () => {
    const repeated = new RepeatedError<Item, string>(2, store);
    await repeated.write(messages(["null", "null"]));
    assert.deepEqual(told(await repeated.write(messages(["type", "ok"]))), ["type", "ok"]);
  });

  it("learns nothing from a message for which nothing was done, and lets it pass", async () => {
    const tells = (value: string): boolean => value !== "nothing";
    const repeated = new RepeatedError<Item, string>(3, store, tells);
    assert.deepEqual(told(await repeated.write(messages(["null", "nothing", "null"]))), ["null", "nothing", "null"]);
    assert.deepEqual(told(await repeated.write(messages(["nothing", "null", "nothing", "null"]))), ["nothing", "null", "nothing", "held"]);
    assert.deepEqual(told(await repeated.write(messages(["nothing", "null", "nothing"]))), ["nothing", "null", "held"]);
    assert.deepEqual(told(await repeated.write(messages(["nothing", "nothing"]))), ["nothing", "nothing"]);
    assert.deepEqual(told(await repeated.write(messages(["null", "null"]))), ["null", "held"]);
    assert.deepEqual(told(await repeated.write(messages(["nothing", "ok", "nothing"]))), ["nothing", "ok", "nothing"]);
  });

  it("stays stopped while the database is away", async () => {
    const repeated = new RepeatedError<Item, string>(2, store);
    await repeated.write(messages(["null", "null"]));
    const results = await repeated.write(messages(["away", "ok"]));
    assert.deepEqual(results.map((result) => (result.ok ? "ok" : result.error.message)), ["away", "away"]);
    assert.deepEqual(told(await repeated.write(messages(["null", "null"]))), ["held", "null"]);
  });

  it("passes an error on only from time to time, however often it is asked", async () => {
    const repeated = new RepeatedError<Item, string>(2, store, () => true, 3_600_000);
    await repeated.write(messages(["null", "null"]));
    assert.deepEqual(told(await repeated.write(messages(["null", "null"]))), ["null", "held"]);
    for (let time = 0; time < 3; time += 1) assert.deepEqual(told(await repeated.write(messages(["null", "ok"]))), ["held", "held"]);
  });
});
