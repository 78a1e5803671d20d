import assert from "node:assert/strict";
import { startEmulator, type Emulator } from "../src/index";
import { Api, assertError } from "./helpers";

describe("search", () => {
  let emulator: Emulator;
  let api: Api;

  before(async () => {
    emulator = await startEmulator();
    api = await Api.connect(emulator);
    await api.create("Account", { Name: "Acme Pumps", Website: "https://acme.example" });
    await api.create("Account", { Name: "Beta (Berlin) AG" });
    await api.create("Contact", { LastName: "Acme", Email: "ada@beta.example" });
    await api.create("Case", { Subject: "Pump leaks at Acme", Description: "pressure low", Priority: "High" });
    await api.create("Case", { Subject: "pumping stopped", Priority: "Low" });
  });
  after(() => emulator.stop());

  const sosl = (text: string) => api.get(`/search?q=${encodeURIComponent(text)}`);

  /** What is found, by the first column that is no id. */
  async function found(text: string): Promise<string[]> {
    const { status, body } = await sosl(text);
    assert.equal(status, 200, JSON.stringify(body));
    return body.searchRecords.map((record: Record<string, string>) => record["Name"] ?? record["Subject"] ?? record["Id"]!.slice(0, 3));
  }

  const table: [string, string[]][] = [
    ["FIND {acme} RETURNING Account(Name), Case(Subject)", ["Acme Pumps", "Pump leaks at Acme"]],
    ["find {ACME} in all fields returning Account(Id, Name)", ["Acme Pumps"]],
    ["FIND {acme} IN NAME FIELDS RETURNING Contact(Name), Case(Subject)", ["Acme"]],
    ["FIND {beta} IN EMAIL FIELDS RETURNING Contact(Name), Account(Name)", ["Acme"]],
    ["FIND {pump leaks} RETURNING Case(Subject)", ["Pump leaks at Acme"]],
    ['FIND {"leaks pump"} RETURNING Case(Subject)', []],
    ['FIND {"leaks at acme"} RETURNING Case(Subject)', ["Pump leaks at Acme"]],
    ["FIND {pump*} RETURNING Case(Subject)", ["Pump leaks at Acme", "pumping stopped"]],
    ["FIND {pum?} RETURNING Case(Subject)", ["Pump leaks at Acme"]],
    ["FIND {leaks OR stopped} RETURNING Case(Subject)", ["Pump leaks at Acme", "pumping stopped"]],
    ["FIND {pump* AND NOT stopped} RETURNING Case(Subject)", ["Pump leaks at Acme"]],
    ["FIND {\\(berlin\\)} RETURNING Account(Name)", ["Beta (Berlin) AG"]],
    ["FIND {pump*} RETURNING Case(Subject WHERE Priority = 'Low')", ["pumping stopped"]],
    ["FIND {pump*} RETURNING Case(Subject WHERE Subject IN ('x)', 'pumping stopped') ORDER BY Subject LIMIT 5)", ["pumping stopped"]],
    ["FIND {pump*} RETURNING Case(Subject ORDER BY Subject DESC LIMIT 1)", ["pumping stopped"]],
    ["FIND {pump*} RETURNING Case(Subject) LIMIT 1", ["Pump leaks at Acme"]],
    ["FIND {leaks}", ["500"]],
  ];
  for (const [text, expected] of table) it(`${text} finds ${expected.join(", ") || "nothing"}`, async () => assert.deepEqual(await found(text), expected));

  for (const text of [
    "",
    "FIND acme RETURNING Account(Name)",
    "FIND {acme RETURNING Account(Name)",
    "FIND {a}",
    "FIND {}",
    "FIND {acme & co} RETURNING Account(Name)",
    "FIND {acme OR beta AND gamma}",
    "FIND {(acme OR beta)}",
    "FIND {acme AND}",
    "FIND {NOT acme}",
    "FIND {it's} RETURNING Account(Name)",
    "FIND {*acme}",
    "FIND {acme} IN SIDEBAR FIELDS",
    "FIND {acme} RETURNING Account(Name USING ListView = x)",
    "FIND {acme} RETURNING Account(COUNT(Id))",
    "FIND {acme} RETURNING Account(Name) WITH HIGHLIGHT",
    "FIND {acme} RETURNING Account(Name) UPDATE TRACKING",
    "FIND {acme} RETURNING Account(Name WHERE Name = 'x' Name = 'y')",
    "SELECT Id FROM Account",
  ]) {
    it(`refuses ${text || "an empty search"}`, async () => assertError(await sosl(text), 400, "MALFORMED_SEARCH", /./));
  }

  it("refuses unknown names as a query does", async () => {
    assertError(await sosl("FIND {acme} RETURNING Foo(Id)"), 400, "INVALID_TYPE", /'Foo' is not supported/);
    assertError(await sosl("FIND {acme} RETURNING Account(Foo)"), 400, "INVALID_FIELD", /No such column 'Foo'/);
  });

  it("takes its parts as JSON or in the address", async () => {
    const { body } = await api.send("POST", "/parameterizedSearch", { q: "pump*", in: "ALL", sobjects: [{ name: "Case", fields: ["Subject"], where: "Priority = 'Low'" }], overallLimit: 10 });
    assert.deepEqual(body.searchRecords.map((record: Record<string, string>) => record["Subject"]), ["pumping stopped"]);
    const simple = await api.get("/parameterizedSearch?q=acme&sobject=Account&Account.fields=Id,Name&Account.limit=1");
    assert.deepEqual(simple.body.searchRecords.map((record: Record<string, string>) => record["Name"]), ["Acme Pumps"]);
    assertError(await api.send("POST", "/parameterizedSearch", { q: "acme", spellCorrection: true }), 400, "JSON_PARSER_ERROR", /spellCorrection/);
  });
});
