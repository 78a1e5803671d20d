import assert from "node:assert/strict";
import { status } from "@grpc/grpc-js";
import { startEmulator, type Emulator } from "../src/index";
import { Api } from "./helpers";
import { PubSub, replayIds, until } from "./pubsub-client";

const EVENT = { name: "Device_Alert__e", fields: [{ name: "Serial__c", type: "string" as const, required: true }, { name: "Level__c", type: "double" as const }, { name: "Since__c", type: "datetime" as const }] };
const TOPIC = "/event/Device_Alert__e";
const [LATEST, EARLIEST, CUSTOM] = [0, 1, 2];

describe("the Pub/Sub API", () => {
  let emulator: Emulator;
  let api: Api;
  let client: PubSub;

  before(async () => {
    emulator = await startEmulator({ schema: [EVENT], pubsub: { keepAlive: 60, fetchTimeout: 60 } });
  });
  after(() => emulator.stop());
  beforeEach(async () => {
    emulator.control.reset();
    api = await Api.connect(emulator);
    client = await PubSub.connect(emulator);
  });
  afterEach(() => client.close());

  /** Publishes by REST. */
  async function publish(...serials: string[]): Promise<void> {
    const records = serials.map((Serial__c) => ({ attributes: { type: "Device_Alert__e" }, Serial__c }));
    assert.equal((await api.send("POST", "/composite/sobjects", { records })).status, 200);
  }

  const numbered = (count: number): string[] => Array.from({ length: count }, (_, index) => `S${index}`);

  it("delivers what is published, in Avro by the schema it names", async () => {
    const topic = await client.ask("GetTopic", { topicName: TOPIC });
    const stream = client.subscribe({ topicName: TOPIC, numRequested: 5 });
    await until("it listens", () => emulator.control.pubsubStreams().length === 1);
    await api.send("POST", "/sobjects/Device_Alert__e", { Serial__c: "X1", Level__c: 2.5, Since__c: "2026-11-21T08:00:00Z" });
    await until("it comes", () => stream.messages.length === 1);
    const [{ events, latestReplayId, pendingNumRequested }] = stream.messages as [(typeof stream.messages)[number]];
    const [published] = emulator.events();
    assert.equal(events[0]?.event.id, published?.eventUuid);
    assert.equal(events[0]?.event.schemaId, topic["schemaId"]);
    assert.deepEqual([latestReplayId, pendingNumRequested], [events[0]?.replayId, 4]);
    assert.equal(replayIds(stream)[0], BigInt(published!.replayId));
    const { CreatedDate, CreatedById, ...fields } = await client.decode(events[0]!.event);
    assert.deepEqual(fields, { Serial__c: "X1", Level__c: 2.5, Since__c: BigInt(Date.parse("2026-11-21T08:00:00Z")) });
    assert.equal(CreatedDate, BigInt(Date.parse(published!.createdDate)));
    assert.equal(CreatedById, published?.createdById);
  });

  it("delivers no more than was asked for, and never more than 100 ahead", async () => {
    const stream = client.subscribe({ topicName: TOPIC, numRequested: 2 });
    await until("it listens", () => emulator.control.pubsubStreams().length === 1);
    await publish(...numbered(120));
    await until("two come", () => replayIds(stream).length === 2);
    stream.send({ numRequested: 160 });
    await until("a hundred more come", () => replayIds(stream).length === 102);
    assert.equal(stream.messages.at(-1)?.pendingNumRequested, 0);
    stream.send({ numRequested: 100 });
    await until("the rest comes", () => replayIds(stream).length === 120);
    assert.deepEqual(replayIds(stream), emulator.events().map(({ replayId }) => BigInt(replayId)), "in order, none twice, none left out");
  });

  it("begins with all that is kept, behind an id, or with what is new", async () => {
    await publish("a", "b", "c");
    const ids = emulator.events().map(({ replayId }) => BigInt(replayId));
    const all = client.subscribe({ topicName: TOPIC, numRequested: 10, replayPreset: EARLIEST });
    await until("all come", () => replayIds(all).length === 3);
    const after = client.subscribe({ topicName: TOPIC, numRequested: 10, replayPreset: CUSTOM, replayId: all.messages[0]!.events[0]!.replayId });
    const fresh = client.subscribe({ topicName: TOPIC, numRequested: 10, replayPreset: LATEST });
    await until("they listen", () => emulator.control.pubsubStreams().length === 3);
    await publish("d");
    await until("the new one comes everywhere", () => replayIds(all).length === 4 && replayIds(after).length === 3 && replayIds(fresh).length === 1);
    assert.deepEqual(replayIds(after).slice(0, 2), ids.slice(1));
  });

  it("refuses replay ids it does not know, with the code a client falls back on", async () => {
    await publish("a");
    const custom = (replayId: Buffer) => client.subscribe({ topicName: TOPIC, numRequested: 1, replayPreset: CUSTOM, replayId }).ended();
    const bytes = (id: bigint) => { const buffer = Buffer.alloc(8); buffer.writeBigUInt64BE(id); return buffer; };
    for (const unknown of [bytes(1n), bytes(2n ** 63n), Buffer.from("1234"), Buffer.alloc(9)]) {
      const { status: code, ...ending } = await custom(unknown);
      assert.deepEqual([code, ending.code], [status.INVALID_ARGUMENT, "subscription.fetch.replayid.corrupted"]);
    }
    assert.equal((await custom(Buffer.alloc(0))).code, "subscription.fetch.replayid.validation.failed");
    const kept = bytes(BigInt(emulator.events()[0]!.replayId));
    emulator.control.shiftClock({ ms: 73 * 3_600_000 });
    client.close();
    client = await PubSub.connect(emulator);
    assert.equal((await custom(kept)).code, "subscription.fetch.replayid.corrupted", "older than 72 hours");
  });
});
