import assert from "node:assert/strict";
import { startEmulator, type Emulator, type TopicEvent } from "../src/index";
import { Api, assertError } from "./helpers";

describe("a PushTopic", () => {
  let emulator: Emulator;
  let api: Api;

  beforeEach(async () => {
    emulator = await startEmulator({ schema: [{ name: "Alert__e", fields: [] }], clock: () => Date.UTC(2026, 10, 20, 12) });
    api = await Api.connect(emulator);
  });
  afterEach(() => emulator.stop());

  const topic = (more: Record<string, unknown> = {}) => ({ Name: "Open", Query: "SELECT Id, Status FROM Case WHERE Priority = 'High'", ApiVersion: 66.0, ...more });
  const told = (name = "Open") => emulator.channel(`/topic/${name}`).map((event) => event as TopicEvent);
  const types = (name?: string) => told(name).map(({ type }) => type);
  const change = async (id: string, values: Record<string, unknown>) => assert.equal((await api.send("PATCH", `/sobjects/Case/${id}`, values)).status, 204);

  it("reports records that match its query, with the fields that it selects", async () => {
    await api.create("PushTopic", topic({ Query: "SELECT Id, CaseNumber, Status, ContactId, CreatedDate FROM Case WHERE Priority = 'High' AND Subject LIKE 'a%'" }));
    const id = await api.create("Case", { Priority: "High", Subject: "abc" });
    await api.create("Case", { Priority: "Low", Subject: "abc" });
    await api.create("Account", { Name: "x" });
    const [event, ...more] = told();
    assert.equal(more.length, 0);
    const [row] = emulator.records("Case");
    assert.equal(event?.type, "created");
    assert.match(event.createdDate, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    assert.deepEqual(event.sobject, { Id: id, CaseNumber: row?.["CaseNumber"], Status: "New", ContactId: null, CreatedDate: String(row?.["CreatedDate"]).replace("+0000", "Z") });
  });

  it("reports an update by default if a field that it names has changed and the record matches afterwards", async () => {
    await api.create("PushTopic", topic());
    const id = await api.create("Case", { Priority: "Low" });
    await change(id, { Priority: "High" });
    await change(id, { Subject: "not named" });
    await change(id, { Status: "Working" });
    await change(id, { Status: "Working" });
    await change(id, { Priority: "Low", Status: "New" });
    assert.deepEqual(told().map(({ type, sobject }) => [type, sobject["Status"]]), [["updated", "New"], ["updated", "Working"]]);
  });

  it("checks all fields, those in SELECT or those in WHERE, as NotifyForFields says", async () => {
    for (const NotifyForFields of ["All", "Referenced", "Select", "Where"]) await api.create("PushTopic", topic({ Name: NotifyForFields, NotifyForFields, Query: "SELECT Id, Status FROM Case WHERE Priority != 'Low'" }));
    const id = await api.create("Case", { Priority: "Medium" });
    const fields = ["Subject", "Status", "Priority"];
    for (const [index, value] of ["x", "Working", "High"].entries()) await change(id, { [fields[index]!]: value });
    const updates = (name: string) => types(name).filter((type) => type === "updated").length;
    assert.deepEqual(["All", "Referenced", "Select", "Where"].map(updates), [3, 2, 1, 1]);
  });

  it("reports creates, updates, deletes and undeletes as it is told to, and a deletion by the id alone", async () => {
    const off = { NotifyForOperationCreate: false, NotifyForOperationUpdate: false, NotifyForOperationDelete: false, NotifyForOperationUndelete: false };
    await api.create("PushTopic", topic());
    for (const name of ["Create", "Update", "Delete", "Undelete"]) await api.create("PushTopic", topic({ Name: name, ...off, [`NotifyForOperation${name}`]: true }));
    const id = await api.create("Case", { Priority: "High" });
    await change(id, { Status: "Working" });
    await api.send("DELETE", `/sobjects/Case/${id}`);
    await undelete(id);
    assert.deepEqual(types(), ["created", "updated", "deleted", "undeleted"]);
    assert.deepEqual(told().map(({ sobject }) => sobject), [{ Id: id, Status: "New" }, { Id: id, Status: "Working" }, { Id: id }, { Id: id, Status: "Working" }]);
    assert.deepEqual(["Create", "Update", "Delete", "Undelete"].map((name) => types(name)), [["created"], ["updated"], ["deleted"], ["undeleted"]]);
  });

  it("reports nothing while it is inactive, of what was rolled back, or when it is deleted", async () => {
    const id = await api.create("PushTopic", topic({ IsActive: false }));
    await api.create("Case", { Priority: "High" });
    assert.deepEqual(types(), []);
    await api.send("PATCH", `/sobjects/PushTopic/${id}`, { IsActive: true });
    const records = [{ Priority: "High" }, { Priority: "Nope" }].map((fields) => ({ attributes: { type: "Case" }, ...fields }));
    await api.send("POST", "/composite/sobjects", { allOrNone: true, records });
    assert.deepEqual(types(), []);
    await api.send("POST", "/composite/sobjects", { records });
    assert.deepEqual(types(), ["created"]);
    await api.send("DELETE", `/sobjects/PushTopic/${id}`);
    assert.throws(() => types(), /no channel \/topic\/Open/);
  });

  it("reads fields with the name or the alias of the object in front", async () => {
    await api.create("PushTopic", topic({ Query: "SELECT c.Id, Case.Status FROM Case c WHERE c.Priority = 'High'" }));
    await api.create("Case", { Priority: "High" });
    assert.deepEqual(told().map(({ sobject }) => Object.keys(sobject)), [["Id", "Status"]]);
  });

  it("uses its present query", async () => {
    const id = await api.create("PushTopic", topic());
    await api.create("Case", { Priority: "High" });
    await api.send("PATCH", `/sobjects/PushTopic/${id}`, { Query: "SELECT Id, Name FROM Account" });
    await api.create("Case", { Priority: "High" });
    await api.create("Account", { Name: "x" });
    assert.deepEqual(told().map(({ sobject }) => sobject["Name"]), [undefined, "x"]);
  });

  it("evaluates date literals on the day of the write", async () => {
    await api.create("PushTopic", topic({ Query: "SELECT Id FROM Contact WHERE Birthdate = TODAY" }));
    const early = await api.create("Contact", { LastName: "before", Birthdate: "2026-11-20" });
    assert.deepEqual(told().map(({ sobject }) => sobject["Id"]), [early]);
    emulator.control.shiftClock({ ms: 86_400_000 });
    api = await Api.connect(emulator);
    await api.create("Contact", { LastName: "yesterday", Birthdate: "2026-11-20" });
    const today = await api.create("Contact", { LastName: "today", Birthdate: "2026-11-21" });
    assert.deepEqual(told().map(({ sobject }) => sobject["Id"]), [early, today]);
  });

  it("has a name of 25 characters that nobody else has, in whatever case", async () => {
    await api.create("PushTopic", topic());
    assertError(await api.send("POST", "/sobjects/PushTopic", topic({ Name: "OPEN" })), 400, "DUPLICATE_VALUE", /Name duplicates value on record with id: 0IF/);
    await api.create("PushTopic", topic({ Name: "x".repeat(25) }));
    assertError(await api.send("POST", "/sobjects/PushTopic", topic({ Name: "y".repeat(26) })), 400, "STRING_TOO_LONG", /max length=25/, ["Name"]);
    assertError(await api.send("POST", "/sobjects/PushTopic", topic({ Name: "z", ApiVersion: 19 })), 400, "INVALID_FIELD", /API version: 19/, ["ApiVersion"]);
    assertError(await api.send("POST", "/sobjects/PushTopic", { Name: "z" }), 400, "REQUIRED_FIELD_MISSING", /Query, ApiVersion/);
    assertError(await api.send("POST", "/sobjects/PushTopic", topic({ Name: "z", NotifyForFields: "Some" })), 400, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", /Some/);
  });

  const refusals: [string, RegExp][] = [
    ["SELECT Status FROM Case", /Id field is required/],
    ["SELECT COUNT(Id) FROM Case", /only fields/],
    ["SELECT Id, toLabel(Status) FROM Case", /only fields/],
    ["SELECT FIELDS(ALL) FROM Case", /only fields/],
    ["SELECT Id, TYPEOF Owner WHEN User THEN Id END FROM Case", /only fields/],
    ["SELECT Id, Status s FROM Case", /aliases/],
    ["SELECT Id FROM Case WHERE CALENDAR_YEAR(CreatedDate) = 2026", /functions/],
    ["SELECT Id, Account.Name FROM Case", /relationships are not supported/],
    ["SELECT Id, (SELECT Id FROM Contacts) FROM Account", /relationships are not supported/],
    ["SELECT Id FROM Case WHERE Account.Name = 'x'", /relationships are not supported/],
    ["SELECT Id FROM Case ORDER BY Status", /ORDER BY/],
    ["SELECT Id FROM Case LIMIT 5", /LIMIT/],
    ["SELECT Id, Id FROM Case", /duplicate field/],
    ["SELECT Id FROM Nope", /'Nope' is not supported/],
    ["SELECT Id FROM Alert__e", /'Alert__e' is not supported/],
    ["SELECT Id FROM PushTopic", /'PushTopic' is not supported/],
    ["SELECT Id, ParentId FROM CaseComment", /'CaseComment' is not supported/],
    ["SELECT Id, ParentId FROM EmailMessage", /'EmailMessage' is not supported/],
  ];
  it("has a query of one object, with Id and without anything that cannot be told of a single record", async () => {
    for (const [Query, reason] of refusals) assertError(await api.send("POST", "/sobjects/PushTopic", topic({ Query })), 400, "INVALID_FIELD", reason, ["Query"]);
    assertError(await api.send("POST", "/sobjects/PushTopic", topic({ Query: "SELECT Id, Nope FROM Case" })), 400, "INVALID_FIELD", /No such column 'Nope'/);
    assertError(await api.send("POST", "/sobjects/PushTopic", topic({ Query: "SELECT Id FROM Case WHERE ContactId IN (SELECT Id FROM Contact)" })), 400, "MALFORMED_QUERY", /semi-joins/);
    assertError(await api.send("POST", "/sobjects/PushTopic", topic({ Query: "nonsense" })), 400, "MALFORMED_QUERY", /unexpected token/);
    const long = `SELECT Id FROM Case WHERE Subject IN (${Array.from({ length: 400 }, () => "'a'").join(",")})`;
    assertError(await api.send("POST", "/sobjects/PushTopic", topic({ Query: long })), 400, "STRING_TOO_LONG", /max length=1300/, ["Query"]);
    assert.equal(emulator.records("PushTopic").length, 0);
    const id = await api.create("PushTopic", topic());
    assertError(await api.send("PATCH", `/sobjects/PushTopic/${id}`, { Query: "SELECT Status FROM Case" }), 400, "INVALID_FIELD", /Id field is required/, ["Query"]);
  });

  async function undelete(id: string): Promise<void> {
    const body = `<?xml version="1.0"?><e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/" xmlns="urn:partner.soap.sforce.com"><e:Header><SessionHeader><sessionId>${api.token}</sessionId></SessionHeader></e:Header><e:Body><undelete><ids>${id}</ids></undelete></e:Body></e:Envelope>`;
    const answer = await fetch(`${emulator.url}/services/Soap/u/64.0`, { method: "POST", headers: { "Content-Type": "text/xml", SOAPAction: '""' }, body });
    assert.match(await answer.text(), /<success>true</);
  }
});
