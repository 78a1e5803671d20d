import assert from "node:assert/strict";
import { startEmulator, type Emulator, type ObjectDefinition } from "../src/index";
import { Api, assertError } from "./helpers";

const DEVICE: ObjectDefinition = {
  name: "Device__c",
  fields: [
    { name: "Name", type: "string", length: 80, required: true },
    { name: "Serial__c", type: "string", length: 20, externalId: true, unique: true, caseSensitive: true },
    { name: "Account__c", type: "reference", referenceTo: ["Account"], childRelationshipName: "Devices__r" },
    { name: "Tags__c", type: "multipicklist", picklistValues: ["hot", "cold"], restrictedPicklist: true },
    { name: "Active__c", type: "boolean", defaultValue: true },
  ],
  rules: [{ condition: "Name LIKE 'test%'", message: "No test devices", fields: ["Name"] }],
};

describe("a schema file", () => {
  let emulator: Emulator;
  let api: Api;

  before(async () => {
    const schema: ObjectDefinition[] = [
      DEVICE,
      {
        name: "Case",
        fields: [
          { name: "Device__c", type: "reference", referenceTo: ["Device__c"] },
          { name: "Origin", type: "picklist" },
        ],
      },
    ];
    emulator = await startEmulator({ schema });
    api = await Api.connect(emulator);
  });
  after(() => emulator.stop());

  it("adds an object with its own ids, defaults, references and children", async () => {
    const account = await api.create("Account", { Name: "Acme" });
    const device = await api.create("Device__c", { Name: "Pump", Serial__c: "s1", Account__c: account, Tags__c: "hot;cold" });
    assert.match(device, /^a00/);
    assert.equal(emulator.records("Device__c")[0]!["Active__c"], true);
    await api.create("Case", { Subject: "x", Device__c: device, Origin: "Anything goes" });
    const cases = await api.query("SELECT Device__r.Name, Device__r.Account__r.Name FROM Case");
    assert.equal(cases.body.records[0].Device__r.Account__r.Name, "Acme");
    const accounts = await api.query("SELECT (SELECT Name FROM Devices__r) FROM Account");
    assert.equal(accounts.body.records[0].Devices__r.records[0].Name, "Pump");
  });

  it("keeps the fields an object had", async () => {
    const { body } = await api.get("/sobjects/Case/describe");
    const names = body.fields.map((field: { name: string }) => field.name);
    assert.ok(names.includes("Subject") && names.includes("Device__c"));
    assert.equal(names.filter((name: string) => name === "Origin").length, 1);
  });

  it("tells unique values apart by case when the field says so", async () => {
    await api.create("Device__c", { Name: "a", Serial__c: "X1" });
    await api.create("Device__c", { Name: "b", Serial__c: "x1" });
    assertError(await api.send("POST", "/sobjects/Device__c", { Name: "c", Serial__c: "x1" }), 400, "DUPLICATE_VALUE", /Serial__c/);
    const { body } = await api.query("SELECT Name FROM Device__c WHERE Serial__c = 'x1'");
    assert.deepEqual(
      body.records.map((record: Record<string, string>) => record["Name"]),
      ["b"],
    );
  });

  it("checks each value of a multi-select picklist, and its own rules", async () => {
    const wrong = await api.send("POST", "/sobjects/Device__c", { Name: "a", Tags__c: "hot;warm" });
    assertError(wrong, 400, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", /bad value for restricted picklist field: warm/);
    assertError(
      await api.send("POST", "/sobjects/Device__c", { Name: "Test 1" }),
      400,
      "FIELD_CUSTOM_VALIDATION_EXCEPTION",
      "No test devices",
    );
  });

  it("compares the values of a multi-select picklist in any order, and only as a whole", async () => {
    await api.create("Device__c", { Name: "tagged", Tags__c: "hot;cold" });
    const found = async (condition: string) => (await api.query(`SELECT Id FROM Device__c WHERE Name = 'tagged' AND ${condition}`)).body.totalSize as number;
    assert.deepEqual([await found("Tags__c = 'Cold;hot'"), await found("Tags__c = 'hot'"), await found("Tags__c != 'cold;hot'")], [1, 0, 0]);
    for (const condition of ["Tags__c LIKE 'hot%'", "Tags__c < 'z'"]) {
      assertError(await api.query(`SELECT Id FROM Device__c WHERE ${condition}`), 400, "INVALID_QUERY_FILTER_OPERATOR", /multipicklist/);
    }
  });

  const wrong: [string, unknown, RegExp][] = [
    ["no fields", { name: "A__c" }, /needs a name and a list of fields/],
    ["an unknown type", { name: "A__c", fields: [{ name: "B__c", type: "blob" }] }, /A__c\.B__c has the unknown type blob; there are .*string.*double/],
    ["a reference to nowhere", { name: "A__c", fields: [{ name: "B__c", type: "reference" }] }, /without referenceTo/],
    [
      "a reference to what is not there",
      { name: "A__c", fields: [{ name: "B__c", type: "reference", referenceTo: ["C__c"] }] },
      /refers to C__c/,
    ],
    ["a key prefix of two letters", { name: "A__c", keyPrefix: "a0", fields: [] }, /keyPrefix of A__c/],
    ["another object's key prefix", { name: "A__c", keyPrefix: "500", fields: [] }, /ids of A__c and Case begin with the same 500/],
    ["a rule that is no condition", { name: "A__c", fields: [], rules: [{ condition: "Nope__c = 1", message: "x" }] }, /Nope__c/],
  ];
  for (const [what, definition, text] of wrong) {
    it(`is refused with ${what}`, async () => {
      await assert.rejects(startEmulator({ schema: [definition as ObjectDefinition] }), text);
    });
  }
});
