import assert from "node:assert/strict";
import { startEmulator, type Emulator } from "../src/index";
import { Api, assertError } from "./helpers";

const NOW = Date.parse("2026-11-20T09:15:31Z");

describe("query", () => {
  let emulator: Emulator;
  let api: Api;
  let acme: string;

  before(async () => {
    emulator = await startEmulator({
      clock: () => NOW,
      schema: [
        {
          name: "Reading__c",
          fields: [
            { name: "Name", type: "string" },
            { name: "Level__c", type: "double" },
            { name: "Day__c", type: "date" },
            { name: "At__c", type: "datetime" },
            { name: "Ok__c", type: "boolean" },
          ],
        },
      ],
    });
    api = await Api.connect(emulator);
    acme = await api.create("Account", { Name: "Acme", Phone: "1" });
    const empty = await api.create("Account", { Name: "Empty" });
    for (const [LastName, AccountId] of [
      ["Ada", acme],
      ["Bob", acme],
      ["Cy", null],
    ])
      await api.create("Contact", { LastName, AccountId });
    await api.create("Case", { Subject: "Pump 50% leak", Priority: "High", AccountId: acme, Device_Event_Id__c: "e1" });
    await api.create("Case", { Subject: "pump_2 hot", Origin: "Device", AccountId: empty, Device_Event_Id__c: "e2" });
    await api.create("Case", { Subject: 'It\'s "odd" \\ here', Priority: "Low", Device_Event_Id__c: "E3" });
    await api.create("Case", { Status: "Closed", Device_Event_Id__c: "e4" });
    const readings: [string, number | null, string | null, string | null, boolean][] = [
      ["r1", 1.5, "2026-11-20", "2026-11-20T09:00:00Z", true],
      ["r2", -2, "2026-11-19", "2026-11-19T23:59:59+00:00", false],
      ["r3", 10, "2026-10-31", "2026-11-01T01:00:00+0200", true],
      ["r4", null, null, null, false],
    ];
    for (const [Name, Level__c, Day__c, At__c, Ok__c] of readings) await api.create("Reading__c", { Name, Level__c, Day__c, At__c, Ok__c });
  });
  after(() => emulator.stop());

  /** External ids of the cases a condition finds. */
  async function cases(where: string): Promise<string> {
    const { status, body } = await api.query(`SELECT Device_Event_Id__c FROM Case WHERE ${where} ORDER BY Device_Event_Id__c`);
    assert.equal(status, 200, JSON.stringify(body));
    assert.equal(body.totalSize, body.records.length);
    return body.records.map((record: Record<string, string>) => record["Device_Event_Id__c"]).join(" ");
  }

  /** Names of the readings a condition finds. */
  async function readings(where: string): Promise<string> {
    const { status, body } = await api.query(`SELECT Name FROM Reading__c WHERE ${where} ORDER BY Name`);
    assert.equal(status, 200, JSON.stringify(body));
    return body.records.map((record: Record<string, string>) => record["Name"]).join(" ");
  }

  describe("conditions on text", () => {
    const table: [string, string][] = [
      ["Device_Event_Id__c = 'E1'", "e1"],
      ["Device_Event_Id__c IN ('e2', 'e3', 'nothing')", "e2 E3"],
      ["Device_Event_Id__c NOT IN ('e2', 'e3')", "e1 e4"],
      ["Priority != 'Medium'", "e1 E3"],
      ["Subject = null", "e4"],
      ["Subject != null", "e1 e2 E3"],
      ["Origin != 'Device'", "e1 E3 e4"],
      ["Subject LIKE 'PUMP%'", "e1 e2"],
      ["Subject LIKE 'pump_2%'", "e2"],
      ["Subject LIKE 'pump\\_2%'", "e2"],
      ["Subject LIKE '%50\\% leak'", "e1"],
      ["(NOT Subject LIKE 'pump%')", "E3 e4"],
      ["Subject = 'It\\'s \\\"odd\\\" \\\\ here'", "E3"],
      ["Subject > 'q'", ""],
      ["Subject >= 'pump'", "e1 e2"],
      ["Subject = '%'", ""],
    ];
    for (const [where, expected] of table)
      it(`${where} finds ${expected || "nothing"}`, async () => assert.equal(await cases(where), expected));
  });

  describe("conditions joined", () => {
    const table: [string, string][] = [
      ["Priority = 'High' OR Priority = 'Low'", "e1 E3"],
      ["IsClosed = false AND Priority = 'Medium'", "e2"],
      ["IsClosed = true OR (Origin = 'Device' AND Subject != null)", "e2 e4"],
      ["NOT (Priority = 'High' OR IsClosed = true)", "e2 E3"],
      ["Subject != null AND NOT Priority = 'High'", "e2 E3"],
      ["NOT (NOT (Priority = 'High'))", "e1"],
      ["Subject != 'do NOT \\' NOT' AND Device_Event_Id__c NOT IN ('e1')", "e2 E3 e4"],
      ["((Priority = 'High') OR (NOT (Subject != null)))", "e1 e4"],
      ["Device_Event_Id__c = 'e1' AND Priority = 'Low'", ""],
      ["Account.Name = 'acme'", "e1"],
      ["Account.Name = null", "E3 e4"],
      ["Owner.Name = 'Integration' AND Account.Owner.Name != null", "e1 e2"],
    ];
    for (const [where, expected] of table)
      it(`${where} finds ${expected || "nothing"}`, async () => assert.equal(await cases(where), expected));

    it("needs parentheses where AND and OR meet, as the org does", async () => {
      const answer = await api.query("SELECT Id FROM Case WHERE Subject = 'a' OR Subject = 'b' AND Priority = 'High'");
      assertError(answer, 400, "MALFORMED_QUERY", /unexpected token: 'AND'/);
    });

    it("compares ids in either form, and refuses what is no id", async () => {
      assert.equal(await cases(`AccountId = '${acme.slice(0, 15)}'`), "e1");
      assert.equal(await cases(`AccountId IN ('${acme}')`), "e1");
      assertError(
        await api.query("SELECT Id FROM Case WHERE AccountId = 'x'"),
        400,
        "INVALID_QUERY_FILTER_OPERATOR",
        /invalid ID field: x/,
      );
    });
  });

  describe("conditions on numbers, booleans and dates", () => {
    const table: [string, string][] = [
      ["Level__c > 1", "r1 r3"],
      ["Level__c <= 1.5", "r1 r2"],
      ["Level__c = -2", "r2"],
      ["Level__c != 10", "r1 r2 r4"],
      ["Level__c IN (10, 1.5)", "r1 r3"],
      ["Ok__c = TRUE", "r1 r3"],
      ["Ok__c != true", "r2 r4"],
      ["Day__c = 2026-11-19", "r2"],
      ["Day__c = TODAY", "r1"],
      ["Day__c < TODAY", "r2 r3"],
      ["Day__c = YESTERDAY", "r2"],
      ["Day__c = THIS_MONTH", "r1 r2"],
      ["Day__c = LAST_MONTH", "r3"],
      ["Day__c != THIS_MONTH", "r3 r4"],
      ["Day__c = LAST_N_DAYS:1", "r1 r2"],
      ["Day__c >= LAST_N_DAYS:1", "r1 r2"],
      ["Day__c = N_DAYS_AGO:20", "r3"],
      ["Day__c = THIS_QUARTER", "r1 r2 r3"],
      ["At__c > 2026-11-19T23:59:59Z", "r1"],
      ["At__c >= 2026-11-20T00:59:59+01:00", "r1 r2"],
      ["At__c = TODAY", "r1"],
      ["At__c <= YESTERDAY", "r2 r3"],
      ["At__c > YESTERDAY", "r1"],
      ["At__c = null", "r4"],
      ["At__c = LAST_MONTH", "r3"],
    ];
    for (const [where, expected] of table)
      it(`${where} finds ${expected || "nothing"}`, async () => assert.equal(await readings(where), expected));

    it("refuses a literal of another type", async () => {
      const wrong = (where: string) => api.query(`SELECT Id FROM Reading__c WHERE ${where}`);
      assertError(
        await wrong("Level__c = '1'"),
        400,
        "INVALID_FIELD",
        /'Level__c' must be of type double and should not be enclosed in quotes/,
      );
      assertError(await wrong("Ok__c = 'true'"), 400, "INVALID_FIELD", /must be of type boolean/);
      assertError(await wrong("At__c = 2026-11-20"), 400, "INVALID_FIELD", /must be of type dateTime/);
      assertError(await wrong("Name = 5"), 400, "INVALID_FIELD", /must be of type string and should be enclosed in quotes/);
    });
  });

  it("shows fields in the case they were declared, parents nested and null where there is none", async () => {
    const { body } = await api.query(
      "select id, ACCOUNT.name, account.phone, c.subject from case c where Device_Event_Id__c in ('e1','e3') order by device_event_id__c",
    );
    assert.deepEqual(Object.keys(body.records[0]), ["attributes", "Id", "Account", "Subject"]);
    assert.deepEqual(body.records[0].Account, {
      attributes: { type: "Account", url: `/services/data/v66.0/sobjects/Account/${acme}` },
      Name: "Acme",
      Phone: "1",
    });
    assert.equal(body.records[1].Account, null);
  });

  it("counts without records", async () => {
    const { body } = await api.query("SELECT COUNT() FROM Case WHERE Subject != null");
    assert.deepEqual(body, { totalSize: 3, done: true, records: [] });
  });

  it("orders, nulls first unless told otherwise, and cuts with LIMIT and OFFSET", async () => {
    const levels = async (tail: string) =>
      (await api.query(`SELECT Level__c FROM Reading__c ${tail}`)).body.records.map(
        (record: Record<string, unknown>) => record["Level__c"],
      );
    assert.deepEqual(await levels("ORDER BY Level__c"), [null, -2, 1.5, 10]);
    assert.deepEqual(await levels("ORDER BY Level__c DESC NULLS LAST"), [10, 1.5, -2, null]);
    assert.deepEqual(await levels("ORDER BY Ok__c, Level__c DESC NULLS LAST"), [-2, null, 10, 1.5]);
    assert.deepEqual(await levels("ORDER BY Level__c LIMIT 2 OFFSET 1"), [-2, 1.5]);
    assert.deepEqual(await levels("LIMIT 1"), [1.5]);
    assert.deepEqual(await levels("OFFSET 3"), [null]);
    assertError(await api.query("SELECT Id FROM Case OFFSET 2001"), 400, "NUMBER_OUTSIDE_VALID_RANGE", /2000/);
  });

  it("selects children one level down", async () => {
    const { body } = await api.query(
      "SELECT Name, (SELECT LastName, Account.Name FROM Contacts WHERE LastName != 'x' ORDER BY LastName DESC) FROM Account ORDER BY Name",
    );
    const [first, second] = body.records;
    assert.equal(first.Contacts.totalSize, 2);
    assert.equal(first.Contacts.done, true);
    assert.deepEqual(
      first.Contacts.records.map((record: Record<string, string>) => record["LastName"]),
      ["Bob", "Ada"],
    );
    assert.equal(first.Contacts.records[0].Account.Name, "Acme");
    assert.equal(second.Contacts, null);
    assertError(await api.query("SELECT (SELECT Id FROM Foos) FROM Account"), 400, "INVALID_TYPE", /relationship 'Foos'/);
  });

  it("shows deleted records by queryAll alone", async () => {
    const id = await api.create("Case", { Device_Event_Id__c: "gone" });
    await api.send("DELETE", `/sobjects/Case/${id}`);
    const soql = `SELECT Id, IsDeleted FROM Case WHERE Id = '${id}'`;
    assert.equal((await api.query(soql)).body.totalSize, 0);
    assert.equal((await api.query(soql, "queryAll")).body.records[0].IsDeleted, true);
  });

  it("pages through more than a page, 2,000 records or what the caller asks for", async () => {
    const records = (from: number) => Array.from({ length: 200 }, (_, i) => ({ attributes: { type: "Group" }, Name: `g${from + i}` }));
    for (let from = 0; from < 2200; from += 200) await api.send("POST", "/composite/sobjects", { records: records(from) });
    const soql = `/query?q=${encodeURIComponent("SELECT Name FROM Group")}`;
    const first = (await api.get(soql)).body;
    assert.deepEqual([first.totalSize, first.done, first.records.length], [2200, false, 2000]);
    assert.match(first.nextRecordsUrl, /^\/services\/data\/v66\.0\/query\/01g\w{15}-2000$/);
    const last = (await api.get(first.nextRecordsUrl.slice(api.base.length))).body;
    assert.deepEqual([last.totalSize, last.done, last.records.length, last.nextRecordsUrl], [2200, true, 200, undefined]);
    const names = new Set([...first.records, ...last.records].map((record: Record<string, string>) => record["Name"]));
    assert.equal(names.size, 2200);
    const small = (await api.get(soql, { "Sforce-Query-Options": "batchSize=200" })).body;
    assert.equal(small.records.length, 200);
  });

  describe("outside the supported part of SOQL", () => {
    const refused = [
      "SELECT FIELDS(ALL) FROM Case LIMIT 200",
      "SELECT toLabel(Status) FROM Case",
      "SELECT TYPEOF Owner WHEN User THEN Name END FROM Case",
      "SELECT Id FROM Case FOR UPDATE",
      "SELECT Id FROM Case USING SCOPE mine",
      "SELECT Id FROM Case WITH SECURITY_ENFORCED",
      "SELECT Id FROM Case WHERE AccountId IN (SELECT Id FROM Account)",
      "SELECT Id FROM Case WHERE CALENDAR_YEAR(CreatedDate) = 2026",
      "SELECT Id FROM Case WHERE CreatedDate = THIS_FISCAL_YEAR",
      "SELECT Id FROM Case WHERE Subject = :subject",
      "SELECT Id FROM Case WHERE Subject INCLUDES ('a')",
      "SELECT Id, Id FROM Case",
      "SELECT Subject s FROM Case",
      "SELECT Id, COUNT() FROM Case",
      "SELECT Id FROM Case WHERE Subject = 'unfinished",
      "SELECT Id FROM Case WHERE (Subject = 'a'",
      "SELECT Id FROM Case WHERE Subject = 'bad \\q escape'",
      "SELECT Id FROM Case ORDER BY Description",
      "SELECT FROM Case",
      "SELECT Id FROM Case WHERE Subject = 'a' Subject = 'b'",
      "SELECT Id FROM Case WHERE Subject = 'a' (Subject = 'b')",
      "SELECT COUNT() total FROM Case",
      "SELECT Status, COUNT() FROM Case GROUP BY Status",
      "SELECT Id FROM Case HAVING COUNT(Id) > 1",
      "SELECT Id FROM Case WHERE NOT (NOT (NOT (Subject = 'a')))",
      "SELECT Id FROM Case ORDER WHERE Subject = 'a'",
      "SELECT Id FROM Case ALL ROWS",
      "SELECT Id FROM Case, Contact",
      'SELECT Id FROM Case WHERE Subject = "a"',
      "UPDATE Case SET Subject = 'x'",
      "",
    ];
    for (const soql of refused) {
      it(`refuses ${soql || "an empty query"}`, async () => assertError(await api.query(soql), 400, "MALFORMED_QUERY", /./));
    }

    it("refuses to filter long text, as the org does", async () => {
      assertError(
        await api.query("SELECT Id FROM Case WHERE Description = 'x'"),
        400,
        "INVALID_FIELD",
        /'Description' can not be filtered/,
      );
    });

    it("points at the error", async () => {
      const { body } = await api.query("SELECT Id,\nFoo FROM Case");
      assert.ok(
        body[0].message.startsWith("\nFoo FROM Case\n^\nERROR at Row:2:Column:1\nNo such column 'Foo' on entity 'Case'."),
        body[0].message,
      );
    });
  });
});
