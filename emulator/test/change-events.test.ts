import assert from "node:assert/strict";
import { startEmulator, type ChangeEvent, type Emulator } from "../src/index";
import { Api, assertError, http } from "./helpers";

const SCHEMA = [
  { name: "Device__c", fields: [{ name: "Name", type: "string" as const }, { name: "Seen__c", type: "datetime" as const }] },
  { name: "Alert__e", fields: [{ name: "Serial__c", type: "string" as const, required: true }] },
];

describe("change events", () => {
  let emulator: Emulator;
  let api: Api;

  beforeEach(async () => {
    emulator = await startEmulator({ schema: SCHEMA });
    api = await Api.connect(emulator);
  });
  afterEach(() => emulator.stop());

  const told = (channel = "/data/ChangeEvents") => emulator.channel(channel).map((event) => event as ChangeEvent);
  const shape = (events: ChangeEvent[]) => events.map(({ entity, header }) => [entity, header.changeType, ...header.recordIds]);
  const cases = (...records: object[]) => records.map((fields) => ({ attributes: { type: "Case" }, ...fields }));

  it("report a new record with all fields that have a value", async () => {
    const id = await api.create("Case", { Subject: "x", Priority: "High" });
    const [event, ...more] = told();
    assert.equal(more.length, 0);
    const [row] = emulator.records("Case");
    const { commitTimestamp, transactionKey, ...header } = event!.header;
    assert.deepEqual(header, {
      entityName: "Case",
      recordIds: [id],
      changeType: "CREATE",
      changeOrigin: "com/salesforce/api/rest/66.0",
      sequenceNumber: 1,
      commitNumber: 92847272000n,
      commitUser: row?.["CreatedById"],
      nulledFields: [],
      diffFields: [],
      changedFields: [],
    });
    assert.match(transactionKey, /^[0-9a-f-]{36}$/);
    assert.equal(new Date(commitTimestamp).toISOString(), event?.createdDate);
    const stamp = String(row?.["CreatedDate"]).replace("+0000", "Z");
    const own = { CaseNumber: row?.["CaseNumber"], OwnerId: row?.["OwnerId"], Subject: "x", Status: "New", Priority: "High", IsEscalated: false, IsClosed: false };
    assert.deepEqual(event?.values, { CreatedDate: stamp, LastModifiedDate: stamp, CreatedById: row?.["CreatedById"], LastModifiedById: row?.["LastModifiedById"], ...own });
  });

  it("report what an update has changed and emptied, and LastModifiedDate", async () => {
    const id = await api.create("Case", { Subject: "x", Priority: "High", Description: "long" });
    await api.send("PATCH", `/sobjects/Case/${id}`, { Subject: null, Priority: "High", Status: "Closed" }, { "Sforce-Call-Options": "client=surewire, defaultNamespace=x" });
    const event = told()[1]!;
    const [row] = emulator.records("Case");
    const iso = (name: string) => String(row?.[name]).replace("+0000", "Z");
    assert.deepEqual(event.values, { Subject: null, Status: "Closed", IsClosed: true, ClosedDate: iso("ClosedDate"), LastModifiedDate: iso("LastModifiedDate") });
    assert.deepEqual(event.header.changedFields, ["Subject", "Status", "IsClosed", "ClosedDate", "LastModifiedDate"]);
    assert.deepEqual(event.header.nulledFields, ["Subject"]);
    assert.equal(event.header.changeOrigin, "com/salesforce/api/rest/66.0;client=surewire");
  });

  it("report a deletion by the header alone, and an undeletion with all fields", async () => {
    const id = await api.create("Account", { Name: "x" });
    await api.send("DELETE", `/sobjects/Account/${id}`);
    await soap("undelete", id);
    const [, deleted, back] = told();
    assert.deepEqual(shape(told()), [["Account", "CREATE", id], ["Account", "DELETE", id], ["Account", "UNDELETE", id]]);
    assert.deepEqual([deleted?.values, deleted?.header.changedFields], [{}, []]);
    assert.equal(back?.values["Name"], "x");
    assert.equal(back.header.changeOrigin, "com/salesforce/api/soap/64.0");
  });

  it("have one transaction for each call, numbers within it, and rising commit numbers", async () => {
    await api.send("POST", "/composite/sobjects", { records: [...cases({ Subject: "a" }, { Subject: "b" }), { attributes: { type: "Account" }, Name: "c" }] });
    await api.create("Contact", { LastName: "d" });
    const headers = told().map(({ header }) => header);
    assert.deepEqual(headers.map(({ sequenceNumber }) => sequenceNumber), [1, 2, 3, 1]);
    const [first, second, third, other] = headers;
    assert.equal(new Set([first, second, third].map((header) => header?.transactionKey)).size, 1);
    assert.notEqual(other?.transactionKey, first?.transactionKey);
    assert.ok(other!.commitNumber > third!.commitNumber);
    assert.equal(first?.commitNumber, third?.commitNumber);
  });

  it("report the same change of several records by one event", async () => {
    const ids = emulator.control.insert({ object: "Case", records: [{ Subject: "a" }, { Subject: "b" }, { Subject: "c" }] }).ids;
    assert.deepEqual(told().map(({ header }) => [header.changeOrigin, header.recordIds.length]), [["", 1], ["", 1], ["", 1]]);
    await api.send("PATCH", "/composite/sobjects", { records: cases(...ids.map((Id, index) => ({ Id, Priority: index < 2 ? "High" : "Low" }))) });
    await api.send("DELETE", `/composite/sobjects?ids=${ids.join(",")}`);
    const [a, b, c] = ids as [string, string, string];
    assert.deepEqual(shape(told().slice(3)), [["Case", "UPDATE", a, b], ["Case", "UPDATE", c], ["Case", "DELETE", a, b, c]]);
    assert.deepEqual(told().slice(3).map(({ header }) => header.sequenceNumber), [1, 2, 1]);
  });

  it("report every change of a record that a call changes several times", async () => {
    const id = await api.create("Case", { Subject: "a" });
    await api.send("PATCH", "/composite/sobjects", { records: cases(...[1, 2, 3].map(() => ({ Id: id, Priority: "High" }))) });
    assert.deepEqual(told().slice(1).map(({ values }) => Object.keys(values)), [["Priority", "LastModifiedDate"], ["LastModifiedDate"], ["LastModifiedDate"]]);
  });

  it("do not report what was refused or rolled back", async () => {
    await api.send("POST", "/composite/sobjects", { records: cases({ Subject: "a" }, { Priority: "Nope" }) });
    await api.send("POST", "/composite/sobjects", { allOrNone: true, records: cases({ Subject: "b" }, { Priority: "Nope" }) });
    const request = (referenceId: string, body: object) => ({ method: "POST", url: `${api.base}/sobjects/Case`, referenceId, body });
    await api.send("POST", "/composite", { allOrNone: true, compositeRequest: [request("a", { Subject: "c" }), request("b", { Priority: "Nope" })] });
    assert.deepEqual(told().map(({ values, header }) => [values["Subject"], header.sequenceNumber]), [["a", 1]]);
  });

  it("report records of bulk jobs, and those that the org itself creates", async () => {
    const job = (await api.send("POST", "/jobs/ingest", { object: "Account", operation: "insert" })).body;
    await api.send("PUT", `/jobs/ingest/${job.id}/batches`, "Name\na\nb\n", { "Content-Type": "text/csv" });
    await api.send("PATCH", `/jobs/ingest/${job.id}`, { state: "UploadComplete" });
    while ((await api.get(`/jobs/ingest/${job.id}`)).body.state !== "JobComplete");
    assert.deepEqual(told().map(({ header, values }) => [values["Name"], header.changeOrigin, header.sequenceNumber]), [["a", "com/salesforce/api/bulkapi/66.0", 1], ["b", "com/salesforce/api/bulkapi/66.0", 2]]);
    const [lead = ""] = emulator.control.insert({ object: "Lead", records: [{ LastName: "l", Company: "c" }] }).ids;
    await soap("convertLead", "", `<leadConverts><leadId>${lead}</leadId><convertedStatus>Closed - Converted</convertedStatus></leadConverts>`);
    assert.deepEqual(told().slice(2).map(({ entity, header }) => [entity, header.sequenceNumber]), [["Account", 1], ["Contact", 2]]);
  });

  it("stand on the channel of their object, and on that of all when the object is enabled", async () => {
    await api.create("Case", {});
    await api.create("Account", { Name: "a" });
    await api.create("Device__c", { Name: "quiet" });
    assert.deepEqual(shape(told("/data/CaseChangeEvent")).map(([entity]) => entity), ["Case"]);
    assert.deepEqual(emulator.control.enableChangeEvents({ objects: ["device__C"] }).enabled, ["Account", "Contact", "Case", "EmailMessage", "Device__c"]);
    emulator.control.disableChangeEvents({ objects: ["Account"] });
    await api.create("Device__c", { Name: "d", Seen__c: "2026-11-20T10:00:00+01:00" });
    await api.create("Account", { Name: "b" });
    assert.equal(told("/data/Device__ChangeEvent").length, 1);
    assert.equal(told("/data/Device__ChangeEvent")[0]?.values["Seen__c"], "2026-11-20T09:00:00.000Z");
    assert.deepEqual(told().map(({ entity }) => entity), ["Case", "Device__c"]);
    assert.equal(told("/data/AccountChangeEvent").length, 1);
    for (const object of ["Group", "CaseComment"]) assert.throws(() => emulator.control.enableChangeEvents({ objects: [object] }), new RegExp(`${object} has no change events`));
    emulator.control.reset();
    emulator.control.insert({ object: "Device__c", records: [{ Name: "d" }] });
    emulator.control.insert({ object: "Account", records: [{ Name: "d" }] });
    assert.deepEqual(told().map(({ entity }) => entity), ["Account"]);
  });

  it("and platform events go to custom channels that have them as members", async () => {
    const channels = [{ name: "Support__chn", kind: "data" as const, members: ["CaseChangeEvent", "Device__ChangeEvent"] }, { name: "Alerts__chn", kind: "event" as const, members: ["Alert__e"] }];
    emulator.control.declare({ channels });
    await api.create("Case", {});
    await api.create("Contact", { LastName: "x" });
    await api.create("Device__c", { Name: "captured for the channel" });
    await api.create("Alert__e", { Serial__c: "1" });
    assert.deepEqual(told("/data/Support__chn").map(({ entity }) => entity), ["Case", "Device__c"]);
    assert.deepEqual(told().map(({ entity }) => entity), ["Case", "Contact"]);
    assert.deepEqual(emulator.channel("/event/Alerts__chn"), emulator.channel("/event/Alert__e"));
    assert.equal(emulator.channel("/event/Alerts__chn").length, 1);
    assert.throws(() => emulator.channel("/event/Support__chn"), /no channel/);
    for (const wrong of [{ name: "x", members: [] }, { name: "X__chn", members: ["Case"] }, { name: "X__chn", members: ["GroupChangeEvent"] }, { name: "X__chn", members: ["Alert__e"] }]) {
      assert.throws(() => emulator.control.declare({ channels: [{ kind: "data", ...wrong }] }), /__chn|cannot be a member/);
    }
  });

  it("can be lost to a gap: of records, of an object, or of everything", () => {
    emulator.control.gapEvent({ object: "Case", changeType: "GAP_DELETE", ids: ["500000000000001AAA"] });
    emulator.control.gapEvent({ object: "Case" });
    emulator.control.gapEvent({ object: "Account", changeType: "GAP_OVERFLOW" });
    const [account] = told().slice(2);
    assert.deepEqual(shape(told()), [["Case", "GAP_DELETE", "500000000000001AAA"], ["Case", "GAP_UPDATE", "500*"], ["Account", "GAP_OVERFLOW", "000000000000000AAA"]]);
    assert.deepEqual([account?.values, account?.header.changedFields], [{}, []]);
    assert.throws(() => emulator.control.gapEvent({ object: "Case", changeType: "CREATE" as never }), /changeType must be one of/);
  });

  it("count commits beyond what a number holds, and the control API shows all digits", async () => {
    emulator.control.setCommitNumber({ next: "9223372036854775806" });
    await api.create("Case", {});
    const { body } = await http(`${emulator.url}/__emu/channel?name=/data/CaseChangeEvent`);
    assert.equal(body.events[0].header.commitNumber, "9223372036854775806");
    assert.equal((await http(`${emulator.url}/__emu/channel?name=/data/Nope`)).status, 404);
    for (const next of ["9223372036854775808", "-1", "x", 1.5]) assert.throws(() => emulator.control.setCommitNumber({ next }), /64 bits/);
  });

  it("are forgotten by ageEvents, which says how many", async () => {
    await api.create("Case", {});
    const last = told()[0]!.replayId;
    assert.deepEqual(emulator.control.ageEvents(), { aged: 1 });
    assert.deepEqual(told(), []);
    await api.create("Case", {});
    assert.ok(told()[0]!.replayId > last);
  });

  it("come with mails and members of queues, and not with comments, which have none", async () => {
    const ParentId = await api.create("Case", {});
    await api.create("CaseComment", { ParentId, CommentBody: "hello" });
    const mail = { ParentId, Incoming: true, FromAddress: "a@example.com", ToAddress: "b@example.com", Subject: "s", TextBody: "t" };
    const id = await api.create("EmailMessage", mail);
    const [email] = told().slice(1);
    const [user = ""] = emulator.control.insert({ object: "User", records: [{ Username: "agent@example.org", LastName: "Agent", Email: "agent@example.org" }] }).ids;
    emulator.control.insert({ object: "Case", records: [{ Subject: "by somebody else" }], username: "agent@example.org" });
    const other = told().at(-1);
    assert.deepEqual([other?.values["CreatedById"], other?.header.commitUser], [user, user]);
    assert.deepEqual([email?.values["Incoming"], email?.values["Status"], typeof email?.values["MessageDate"]], [true, "0", "string"]);
    assertError(await api.send("PATCH", `/sobjects/EmailMessage/${id}`, { Incoming: false }), 400, "INVALID_FIELD_FOR_INSERT_UPDATE", /Incoming/);
    const queue = emulator.control.addQueue({ name: "Repairs" }).id;
    await api.create("GroupMember", { GroupId: queue, UserOrGroupId: emulator.records("User")[0]?.Id });
    const { body } = await api.query("SELECT Name, (SELECT UserOrGroup.Name FROM GroupMembers), (SELECT SobjectType FROM QueueSobjects) FROM Group WHERE Type = 'Queue'");
    assert.deepEqual([body.records[0].GroupMembers.totalSize, body.records[0].QueueSobjects.records[0].SobjectType], [1, "Case"]);
  });

  async function soap(operation: string, id: string, content = `<ids>${id}</ids>`): Promise<void> {
    const body = `<?xml version="1.0"?><e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/" xmlns="urn:partner.soap.sforce.com"><e:Header><SessionHeader><sessionId>${api.token}</sessionId></SessionHeader></e:Header><e:Body><${operation}>${content}</${operation}></e:Body></e:Envelope>`;
    const answer = await fetch(`${emulator.url}/services/Soap/u/64.0`, { method: "POST", headers: { "Content-Type": "text/xml", SOAPAction: '""' }, body });
    assert.match(await answer.text(), /<success>true</);
  }
});
