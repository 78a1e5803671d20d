import assert from "node:assert/strict";
import { startEmulator, type Emulator } from "../src/index";
import type { FieldPlace } from "../src/events/change-schema";
import { bitmaps } from "../src/pubsub/bitmaps";
import type { FetchResponse } from "../src/pubsub/messages";
import { Api } from "./helpers";
import { PubSub, until, type TestStream } from "./pubsub-client";

/** What a change event says, as far as the tests look. */
interface Change {
  ChangeEventHeader: Record<string, unknown> & { changedFields: string[]; nulledFields: string[] };
  [field: string]: unknown;
}

describe("change events over the Pub/Sub API", () => {
  let emulator: Emulator;
  let api: Api;
  let client: PubSub;

  before(async () => {
    emulator = await startEmulator({ schema: [{ name: "Device__c", fields: [{ name: "Name", type: "string" }] }], changeEvents: ["Account", "Contact", "Case", "Device__c"], pubsub: true });
  });
  after(() => emulator.stop());
  beforeEach(async () => {
    emulator.control.reset();
    api = await Api.connect(emulator);
    client = await PubSub.connect(emulator);
  });
  afterEach(() => client.close());

  async function listen(topicName: string): Promise<TestStream<unknown, FetchResponse>> {
    const stream = client.subscribe({ topicName, numRequested: 100 });
    await until("it listens", () => emulator.control.pubsubStreams().length > 0);
    return stream as TestStream<unknown, FetchResponse>;
  }

  async function changes(stream: TestStream<unknown, FetchResponse>, count: number): Promise<Change[]> {
    const events = () => stream.messages.flatMap((message) => message.events);
    await until(`${count} come`, () => events().length >= count);
    const decoded = await Promise.all(events().map(({ event }) => client.decode(event)));
    return decoded.map((change) => JSON.parse(JSON.stringify(change, (_, value: unknown) => (typeof value === "bigint" ? `${value}n` : value))) as Change);
  }

  /** Places in a schema of the fields a bitmap names, by the rule of the API's documentation, not by the emulator's code. */
  async function named(topicName: string, entries: string[]): Promise<string[]> {
    const { schemaId } = await client.ask("GetTopic", { topicName });
    const { schemaJson } = await client.ask("GetSchema", { schemaId: schemaId! });
    const { fields } = JSON.parse(schemaJson!) as { fields: { name: string; type: [string, { fields: { name: string }[] }] }[] };
    return entries.flatMap((text) => {
      const [, parent, hex] = /^(?:(\d+)-)?0x([0-9A-F]+)$/.exec(text) ?? assert.fail(`no bitmap: ${text}`);
      const owner = parent === undefined ? undefined : fields[Number(parent)];
      const among = owner ? owner.type[1].fields : fields;
      const bits = BigInt(`0x${hex}`);
      return among.filter((_, index) => (bits >> BigInt(index)) & 1n).map(({ name }) => (owner ? `${owner.name}.${name}` : name));
    });
  }

  it("reports a creation with its user, its time, and all fields that have a value", async () => {
    const topic = "/data/ContactChangeEvent";
    const stream = await listen(topic);
    const id = await api.create("Contact", { LastName: "Ray", FirstName: "Ann", Birthdate: "1990-02-03", DoNotCall: true });
    const [change] = await changes(stream, 1);
    const { ChangeEventHeader: header, ...fields } = change!;
    assert.deepEqual([header["entityName"], header["changeType"], header["recordIds"], header["sequenceNumber"]], ["Contact", "CREATE", [id], 1]);
    assert.deepEqual([header.changedFields, header.nulledFields, header["diffFields"]], [[], [], []]);
    assert.match(String(header["commitUser"]), /^005/);
    assert.deepEqual(fields["Name"], { Salutation: null, FirstName: "Ann", LastName: "Ray" });
    assert.equal(fields["Birthdate"], `${Date.parse("1990-02-03")}n`);
    assert.equal(fields["DoNotCall"], true);
    assert.equal(fields["Email"], null);
    assert.ok(!("Id" in fields) && !("LastName" in fields));
  });

  it("names the fields of an update in bitmaps, and parts of compounds after the place of the compound", async () => {
    const id = await api.create("Account", { Name: "A", Phone: "1", BillingCity: "Ulm", BillingCountry: "DE" });
    const topic = "/data/AccountChangeEvent";
    const stream = await listen(topic);
    await api.send("PATCH", `/sobjects/Account/${id}`, { Phone: null, Website: "https://a.example", BillingCity: "Bonn", BillingCountry: null });
    const [{ ChangeEventHeader: header, ...fields }] = (await changes(stream, 1)) as [Change];
    assert.deepEqual((await named(topic, header.changedFields)).sort(), ["BillingAddress.City", "BillingAddress.Country", "LastModifiedDate", "Phone", "Website"]);
    assert.deepEqual((await named(topic, header.nulledFields)).sort(), ["BillingAddress.Country", "Phone"]);
    assert.match(header.changedFields[1]!, /^\d+-0x12$/, "City is the second part, Country the fifth");
    assert.deepEqual([fields["Phone"], fields["Website"], fields["Name"]], [null, "https://a.example", null]);
    assert.deepEqual(fields["BillingAddress"], { Street: null, City: "Bonn", State: null, PostalCode: null, Country: null });
  });

  it("writes bitmaps in capitals, the whole fields first and then compounds by their places", () => {
    const part = (index: number, name: string, at: number): FieldPlace => ({ index, name, part: { name: "part", index: at } });
    const places = new Map([["A", { index: 1, name: "A" }], ["B", { index: 67, name: "B" }], ["C", part(12, "Late", 3)], ["D", part(5, "Early", 1)], ["E", part(12, "Late", 1)]]);
    assert.deepEqual(bitmaps(places, ["C", "B", "E", "unknown", "D", "A"]), ["0x80000000000000002", "5-0x2", "12-0xA"]);
    assert.deepEqual(bitmaps(places, ["D"]), ["5-0x2"]);
    assert.deepEqual(bitmaps(places, []), []);
  });

  it("keeps every digit of a commit number", async () => {
    emulator.control.setCommitNumber({ next: "9007199254740993" });
    const stream = await listen("/data/CaseChangeEvent");
    await api.create("Case", { Subject: "S" });
    const [change] = await changes(stream, 1);
    assert.equal(change?.ChangeEventHeader["commitNumber"], "9007199254740993n");
  });

  it("reports all objects on one channel, each with a schema of its own that stays the same", async () => {
    const stream = await listen("/data/ChangeEvents");
    const accountId = await api.create("Account", { Name: "A" });
    const deviceId = await api.create("Device__c", { Name: "D" });
    await api.send("DELETE", `/sobjects/Device__c/${deviceId}`);
    const found = await changes(stream, 3);
    assert.deepEqual(found.map(({ ChangeEventHeader: { entityName, changeType, recordIds } }) => [entityName, changeType, recordIds]), [
      ["Account", "CREATE", [accountId]],
      ["Device__c", "CREATE", [deviceId]],
      ["Device__c", "DELETE", [deviceId]],
    ]);
    const [account, device, gone] = stream.messages.flatMap(({ events }) => events.map(({ event }) => event.schemaId));
    assert.deepEqual([device, gone], Array(2).fill((await client.ask("GetTopic", { topicName: "/data/Device__ChangeEvent" }))["schemaId"]));
    assert.notEqual(account, device);
    const several = (await client.ask("GetTopic", { topicName: "/data/ChangeEvents" })) as unknown as { schemaId: string; canPublish: boolean };
    assert.deepEqual([several.schemaId, several.canPublish], ["", false]);
  });

  it("reports gaps", async () => {
    const stream = await listen("/data/CaseChangeEvent");
    emulator.control.gapEvent({ object: "Case", changeType: "GAP_UPDATE" });
    const [change] = await changes(stream, 1);
    assert.deepEqual([change?.ChangeEventHeader["changeType"], change?.ChangeEventHeader["recordIds"]], ["GAP_UPDATE", ["500*"]]);
  });
});
