import assert from "node:assert/strict";
import { startEmulator, type Emulator } from "../src/index";
import { Api, assertError } from "./helpers";

describe("aggregate queries", () => {
  let emulator: Emulator;
  let api: Api;

  before(async () => {
    emulator = await startEmulator({ schema: [{ name: "Reading__c", fields: [{ name: "Line__c", type: "string" }, { name: "Level__c", type: "double" }, { name: "At__c", type: "datetime" }, { name: "Account__c", type: "reference", referenceTo: ["Account"] }] }] });
    api = await Api.connect(emulator);
    const acme = await api.create("Account", { Name: "Acme" });
    const rows: [string | null, number | null, string, string | null][] = [
      ["north", 1, "2026-01-01T00:00:00Z", acme],
      ["North", 3, "2026-01-03T00:00:00Z", acme],
      ["south", 10, "2026-01-02T00:00:00Z", null],
      [null, null, "2026-01-05T00:00:00Z", null],
    ];
    for (const [Line__c, Level__c, At__c, Account__c] of rows) await api.create("Reading__c", { Line__c, Level__c, At__c, Account__c });
  });
  after(() => emulator.stop());

  const groups = async (soql: string): Promise<unknown[]> => {
    const { status, body } = await api.query(soql);
    assert.equal(status, 200, JSON.stringify(body));
    assert.equal(body.done, true);
    for (const record of body.records) assert.deepEqual(record.attributes, { type: "AggregateResult" });
    return body.records.map(({ attributes: _attributes, ...columns }: Record<string, unknown>) => columns);
  };

  it("computes functions over all records, named expr0 and so on or by alias", async () => {
    const soql = "SELECT COUNT(Id), COUNT(Level__c) levels, SUM(Level__c), AVG(Level__c), MIN(Level__c), MAX(At__c) latest, COUNT_DISTINCT(Line__c) FROM Reading__c";
    assert.deepEqual(await groups(soql), [{ expr0: 4, levels: 3, expr1: 14, expr2: 14 / 3, expr3: 1, latest: "2026-01-05T00:00:00.000+0000", expr4: 2 }]);
  });

  it("gives one row for no records, and none when it is grouped", async () => {
    assert.deepEqual(await groups("SELECT COUNT(Id) n, SUM(Level__c) s FROM Reading__c WHERE Level__c > 100"), [{ n: 0, s: null }]);
    assert.deepEqual(await groups("SELECT Line__c, COUNT(Id) n FROM Reading__c WHERE Level__c > 100 GROUP BY Line__c"), []);
  });

  it("groups by fields, text without case, and by fields of a parent", async () => {
    assert.deepEqual(await groups("SELECT Line__c line, COUNT(Id) FROM Reading__c GROUP BY Line__c ORDER BY Line__c"), [
      { line: null, expr0: 1 },
      { line: "north", expr0: 2 },
      { line: "south", expr0: 1 },
    ]);
    assert.deepEqual(await groups("SELECT Account__r.Name, SUM(Level__c) s FROM Reading__c GROUP BY Account__r.Name ORDER BY SUM(Level__c) DESC NULLS LAST LIMIT 1"), [{ Name: null, s: 10 }]);
  });

  it("filters groups by HAVING, and orders and cuts them", async () => {
    assert.deepEqual(await groups("SELECT Line__c, COUNT(Id) n FROM Reading__c GROUP BY Line__c HAVING COUNT(Id) > 1"), [{ Line__c: "north", n: 2 }]);
    assert.deepEqual(await groups("SELECT Line__c FROM Reading__c GROUP BY Line__c HAVING Line__c LIKE 's%' OR MAX(Level__c) = 3 ORDER BY MAX(Level__c) DESC"), [{ Line__c: "south" }, { Line__c: "north" }]);
    assert.deepEqual(await groups("SELECT Line__c FROM Reading__c GROUP BY Line__c ORDER BY Line__c NULLS LAST LIMIT 1 OFFSET 1"), [{ Line__c: "south" }]);
  });

  for (const [soql, code, text] of [
    ["SELECT Line__c, COUNT(Id) FROM Reading__c", "MALFORMED_QUERY", /must be grouped or aggregated: Line__c/],
    ["SELECT Level__c FROM Reading__c GROUP BY Line__c", "MALFORMED_QUERY", /must be grouped or aggregated: Level__c/],
    ["SELECT SUM(Line__c) FROM Reading__c", "MALFORMED_QUERY", /does not support aggregate operator SUM/],
    ["SELECT COUNT(Id) FROM Reading__c LIMIT 1", "MALFORMED_QUERY", /cannot also use LIMIT/],
    ["SELECT COUNT(Id) n, SUM(Level__c) N FROM Reading__c", "MALFORMED_QUERY", /duplicate alias/],
    ["SELECT Line__c FROM Reading__c GROUP BY ROLLUP(Line__c)", "MALFORMED_QUERY", /not supported by the emulator/],
    ["SELECT CALENDAR_YEAR(At__c) FROM Reading__c GROUP BY CALENDAR_YEAR(At__c)", "MALFORMED_QUERY", /not supported by the emulator/],
    ["SELECT COUNT(Id) FROM Reading__c GROUP BY Line__c ORDER BY At__c", "MALFORMED_QUERY", /must be grouped or aggregated: At__c/],
    ["SELECT COUNT(Nope__c) FROM Reading__c", "INVALID_FIELD", /No such column 'Nope__c'/],
    ["SELECT Description, COUNT(Id) FROM Case GROUP BY Description", "INVALID_FIELD", /can not be grouped/],
  ] as const) {
    it(`refuses ${soql}`, async () => assertError(await api.query(soql), 400, code, text));
  }

  it("refuses more groups than fit one answer", async () => {
    const records = (from: number) => Array.from({ length: 200 }, (_, i) => ({ attributes: { type: "Group" }, Name: `g${from + i}` }));
    for (let from = 0; from < 2200; from += 200) await api.send("POST", "/composite/sobjects", { records: records(from) });
    assertError(await api.query("SELECT Name, COUNT(Id) FROM Group GROUP BY Name"), 400, "EXCEEDED_ID_LIMIT", /use LIMIT/);
    assert.equal((await groups("SELECT Name, COUNT(Id) FROM Group GROUP BY Name LIMIT 2000")).length, 2000);
  });
});

describe("explain and locators", () => {
  let emulator: Emulator;
  let api: Api;

  before(async () => {
    emulator = await startEmulator();
    api = await Api.connect(emulator);
    await api.create("Case", { Device_Event_Id__c: "e1" });
    await api.create("Case", { Device_Event_Id__c: "e2" });
  });
  after(() => emulator.stop());

  it("explains a query without running it", async () => {
    const soql = "SELECT Id FROM Case WHERE Device_Event_Id__c = 'e1'";
    const { body } = await api.get(`/query?explain=${encodeURIComponent(soql)}`);
    assert.equal(body.sourceQuery, soql);
    assert.deepEqual(body.plans.map((plan: Record<string, unknown>) => [plan["leadingOperationType"], plan["cardinality"], plan["relativeCost"]]), [["Index", 1, 0.5], ["TableScan", 2, 1]]);
    const scan = (await api.get(`/query?explain=${encodeURIComponent("SELECT Id FROM Case WHERE Subject = 'x'")}`)).body;
    assert.deepEqual(scan.plans.map((plan: Record<string, unknown>) => plan["leadingOperationType"]), ["TableScan"]);
    assertError(await api.get(`/query?explain=${encodeURIComponent("SELECT Id FRM Case")}`), 400, "MALFORMED_QUERY", /unexpected token/);
  });

  it("forgets locators after two days, or when it is told to", async () => {
    for (let from = 0; from < 400; from += 200) {
      await api.send("POST", "/composite/sobjects", { records: Array.from({ length: 200 }, (_, i) => ({ attributes: { type: "Group" }, Name: `g${from + i}` })) });
    }
    const first = async (): Promise<string> => {
      const { body } = await api.get(`/query?q=${encodeURIComponent("SELECT Name FROM Group")}`, { "Sforce-Query-Options": "batchSize=200" });
      return body.nextRecordsUrl.slice(api.base.length);
    };
    const kept = await first();
    assert.equal((await api.get(kept)).status, 200);
    assert.deepEqual(emulator.control.ageLocators(), { aged: 1 });
    assertError(await api.get(kept), 400, "INVALID_QUERY_LOCATOR", "invalid query locator");
    const old = await first();
    emulator.control.shiftClock({ ms: 49 * 3_600_000 });
    const later = await Api.connect(emulator);
    assertError(await later.get(old), 400, "INVALID_QUERY_LOCATOR", "invalid query locator");
  });
});
