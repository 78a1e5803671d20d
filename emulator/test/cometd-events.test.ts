import assert from "node:assert/strict";
import { startEmulator, type Emulator } from "../src/index";
import { Bayeux } from "./bayeux";
import { Api } from "./helpers";

const ALERT = {
  name: "Device_Alert__e",
  platformEvent: true,
  fields: [
    { name: "Serial__c", type: "string" as const }, { name: "At__c", type: "datetime" as const }, { name: "Day__c", type: "date" as const }, { name: "Level__c", type: "double" as const },
  ],
};

const CONTACT = { name: "Contact", fields: [{ name: "MailingCity", type: "string" as const }] };

describe("events over CometD", () => {
  let emulator: Emulator;
  let api: Api;
  let client: Bayeux;

  before(async () => {
    emulator = await startEmulator({ schema: [ALERT, CONTACT], cometd: { timeout: 60, maxInterval: 5000 } });
  });
  beforeEach(async () => {
    emulator.control.reset();
    api = await Api.connect(emulator);
    client = await Bayeux.open(emulator, api.token);
  });
  after(() => emulator.stop());

  /** Subscribes, does something, and gives the one event that comes of it. */
  async function eventOf(channel: string, work: () => Promise<unknown>): Promise<{ channel: string; data: Record<string, unknown> & { payload: Record<string, unknown> } }> {
    assert.equal((await client.subscribe(channel)).error, undefined);
    await work();
    const [message, ...more] = await client.receive(1);
    assert.equal(more.length, 0);
    return message as never;
  }

  const topic = (name: string, query: string): Promise<string> => api.create("PushTopic", { Name: name, Query: query, ApiVersion: 66 });

  it("has platform events with all their fields, the schema and the EventUuid", async () => {
    const message = await eventOf("/event/Device_Alert__e", () => api.create("Device_Alert__e", { Serial__c: "X1", At__c: "2026-11-20T09:15:31.000+0100" }));
    const [event] = emulator.events();
    const { uuid } = (await api.get("/sobjects/Device_Alert__e/eventSchema")).body;
    assert.deepEqual(message, {
      channel: "/event/Device_Alert__e",
      data: {
        schema: uuid,
        payload: { CreatedDate: event!.createdDate.replace(".000Z", "Z"), CreatedById: event!.createdById, Serial__c: "X1", At__c: "2026-11-20T08:15:31Z", Day__c: null, Level__c: null },
        event: { EventUuid: event!.eventUuid, replayId: event!.replayId },
      },
    });
  });

  it("has times as numbers for a client that asks for the compact layout", async () => {
    client = await Bayeux.open(emulator, api.token, { "payload.format": "COMPACT" });
    const { data } = await eventOf("/event/Device_Alert__e", () => api.create("Device_Alert__e", { At__c: "2026-11-20T08:15:31.000Z", Day__c: "2026-11-20" }));
    assert.equal(data.payload["At__c"], Date.parse("2026-11-20T08:15:31Z"));
    assert.equal(data.payload["Day__c"], Date.parse("2026-11-20"));
    assert.equal(data.payload["CreatedDate"], Date.parse(emulator.events()[0]!.createdDate));
  });

  it("has records that meet a PushTopic, and the id alone of a deleted one", async () => {
    await topic("Open", "SELECT Id, Subject, Status FROM Case WHERE Status = 'New'");
    let id = "";
    const created = await eventOf("/topic/Open", async () => (id = await api.create("Case", { Subject: "a" })));
    const { createdDate, replayId } = created.data["event"] as Record<string, unknown>;
    assert.match(String(createdDate), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    assert.equal(typeof replayId, "number");
    assert.deepEqual(created, { channel: "/topic/Open", data: { event: { createdDate, replayId, type: "created" }, sobject: { Id: id, Subject: "a", Status: "New" } } });
    const deleted = await eventOf("/topic/Open", () => api.send("DELETE", `/sobjects/Case/${id}`));
    assert.equal((deleted.data["event"] as { type: string }).type, "deleted");
    assert.deepEqual(deleted.data["sobject"], { Id: id });
  });

  describe("of a PushTopic with a filter", () => {
    const channel = "/topic/Cases?Status='New'&Subject=it's%20here";

    beforeEach(() => topic("Cases", "SELECT Id, Subject, Status, IsClosed FROM Case"));

    it("are those that meet it, under the name that was subscribed to", async () => {
      const message = await eventOf(channel, async () => {
        await api.create("Case", { Subject: "elsewhere" });
        await api.create("Case", { Subject: "it's here", Status: "Closed" });
        await api.create("Case", { Subject: "it's here" });
      });
      assert.equal(message.channel, channel);
      assert.equal(emulator.records("Case").length, 3);
    });

    it("are selected by values of all types, and by null", async () => {
      const message = await eventOf("/topic/Cases?isclosed=false&Subject=null", async () => {
        await api.create("Case", { Subject: "a" });
        await api.create("Case", { Status: "Closed" });
        await api.create("Case", { Status: "Working" });
      });
      assert.equal((message.data["sobject"] as { Status: string }).Status, "Working");
    });

    it("are replayed by the name without the filter", async () => {
      await api.create("Case", { Subject: "it's here" });
      assert.match((await client.subscribe(channel, { [channel]: -2 })).error!, /^400::The replayId for channel \{\/topic\/Cases\} wasn't found using .*\{\{\/topic\/Cases\?Status='New'/);
      assert.equal((await client.subscribe(channel, { "/topic/Cases": -2 })).successful, true);
      assert.equal((await client.receive(1)).length, 1);
    });

    it("name fields the topic has", async () => {
      assert.equal((await client.subscribe("/topic/Cases?Foo=1&Status='New'&Bar=2")).error, "400::Query fields {Foo, Bar} do not exist on the topic entity");
    });
  });

  it("has changes with their header, fields that changed, and parts of names and addresses in their groups", async () => {
    const id = await api.create("Contact", { LastName: "Muster", FirstName: "Erika", Phone: "1", MailingCity: "Ulm" });
    const { data, channel } = await eventOf("/data/ChangeEvents", () => api.send("PATCH", `/sobjects/Contact/${id}`, { LastName: "Neu", Phone: null, MailingCity: "Bonn" }));
    assert.equal(channel, "/data/ChangeEvents");
    const { ChangeEventHeader: header, LastModifiedDate, ...fields } = data.payload;
    assert.deepEqual(fields, { Name: { LastName: "Neu" }, Phone: null, MailingAddress: { City: "Bonn" } });
    assert.match(String(LastModifiedDate), /Z$/);
    const { commitTimestamp, commitNumber, transactionKey, ...rest } = header as Record<string, unknown>;
    assert.deepEqual([typeof commitTimestamp, typeof commitNumber, typeof transactionKey], ["number", "number", "string"]);
    assert.deepEqual(rest, {
      entityName: "Contact",
      recordIds: [id],
      changeType: "UPDATE",
      changeOrigin: "com/salesforce/api/rest/66.0",
      sequenceNumber: 1,
      commitUser: emulator.records("User")[0]!.Id,
      changedFields: ["Name.LastName", "Phone", "MailingAddress.City", "LastModifiedDate"],
    });
    assert.deepEqual(Object.keys(data["event"] as object), ["replayId"]);
    assert.equal(typeof data["schema"], "string");
  });

  it("has commit numbers to the last digit", async () => {
    emulator.control.setCommitNumber({ next: "9007199254740993" });
    await client.subscribe("/data/CaseChangeEvent", undefined);
    await api.create("Case", { Subject: "a" });
    const text = await (await fetch(`${emulator.url}/cometd/66.0`, {
      method: "POST",
      headers: { "Content-Type": "application/json", Authorization: `Bearer ${api.token}`, Cookie: client.cookie! },
      body: JSON.stringify([client.message("/meta/connect", { connectionType: "long-polling" })]),
    })).text();
    assert.match(text, /"commitNumber":9007199254740993[,}]/);
  });

  describe("of a generic channel", () => {
    it("are the texts that were pushed", async () => {
      const id = await api.create("StreamingChannel", { Name: "/u/notes" });
      const message = await eventOf("/u/notes", () => api.send("POST", `/sobjects/StreamingChannel/${id}/push`, { pushEvents: [{ payload: "hello", userIds: [] }] }));
      const { createdDate, replayId } = message.data["event"] as Record<string, unknown>;
      assert.deepEqual(message, { channel: "/u/notes", data: { event: { createdDate, replayId }, payload: "hello" } });
    });

    it("come only from an existing channel, spelled in its case", async () => {
      await api.create("StreamingChannel", { Name: "/u/notes" });
      assert.equal((await client.subscribe("/u/Notes")).error, "404::channel names may not vary only by case");
      assert.equal((await client.subscribe("/u/others")).error, "404::Unknown channel");
    });
  });

  it("comes twice when it is on two channels of a client, each in its order", async () => {
    for (const channel of ["/data/ChangeEvents", "/data/CaseChangeEvent"]) await client.subscribe(channel);
    await api.create("Case", { Subject: "a" });
    assert.deepEqual((await client.receive(2)).map(({ channel }) => channel), ["/data/ChangeEvents", "/data/CaseChangeEvent"]);
  });
});
