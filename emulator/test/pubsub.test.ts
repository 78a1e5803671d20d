import assert from "node:assert/strict";
import { status } from "@grpc/grpc-js";
import { startEmulator, type Emulator } from "../src/index";
import type { FetchRequest, FetchResponse } from "../src/pubsub/messages";
import { Api, http } from "./helpers";
import { PubSub, replayBytes, replayIds, until, type TestStream } from "./pubsub-client";

const EVENT = { name: "Device_Alert__e", fields: [{ name: "Serial__c", type: "string" as const, required: true }, { name: "Level__c", type: "double" as const }, { name: "Since__c", type: "datetime" as const }, { name: "Text__c", type: "textarea" as const, length: 1_000_000 }] };
const TOPIC = "/event/Device_Alert__e";
const [LATEST, EARLIEST, CUSTOM] = [0, 1, 2];

describe("the Pub/Sub API", () => {
  let emulator: Emulator;
  let api: Api;
  let client: PubSub;

  before(async () => {
    emulator = await startEmulator({ schema: [EVENT], pubsub: { keepAlive: 60 } });
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

  async function ending(stream: TestStream<FetchRequest, FetchResponse>): Promise<[number, string | undefined]> {
    const { status: code, code: errorCode } = await stream.ended();
    return [code, errorCode];
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
    assert.deepEqual(fields, { Text__c: null, Serial__c: "X1", Level__c: 2.5, Since__c: BigInt(Date.parse("2026-11-21T08:00:00Z")) });
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
    for (const unknown of [replayBytes(1), replayBytes(2n ** 63n), Buffer.from("1234"), Buffer.alloc(9)]) {
      const { status: code, code: errorCode } = await custom(unknown);
      assert.deepEqual([code, errorCode], [status.INVALID_ARGUMENT, "subscription.fetch.replayid.corrupted"]);
    }
    assert.equal((await custom(Buffer.alloc(0))).code, "subscription.fetch.replayid.validation.failed");
    const kept = replayBytes(emulator.events()[0]!.replayId);
    emulator.control.shiftClock({ ms: 73 * 3_600_000 });
    client.close();
    client = await PubSub.connect(emulator);
    assert.equal((await custom(kept)).code, "subscription.fetch.replayid.corrupted", "older than 72 hours");
  });

  it("counts the preset of the first request only, and holds a stream to its topic", async () => {
    await publish("a");
    const stream = client.subscribe({ topicName: TOPIC, numRequested: 1 });
    await until("it listens", () => emulator.control.pubsubStreams().length === 1);
    stream.send({ topicName: TOPIC, numRequested: 1, replayPreset: EARLIEST });
    await publish("b");
    await until("the new one comes", () => replayIds(stream).length === 1);
    assert.equal(replayIds(stream)[0], BigInt(emulator.events()[1]!.replayId));
    stream.send({ topicName: "/event/Other__e", numRequested: 1 });
    assert.deepEqual(await ending(stream), [status.INVALID_ARGUMENT, "subscription.fetch.topic.mismatch"]);
  });

  it("refuses requests for no events", async () => {
    for (const numRequested of [0, -1]) {
      assert.deepEqual(await ending(client.subscribe({ topicName: TOPIC, numRequested })), [status.INVALID_ARGUMENT, "subscription.fetch.requested.events.invalid"]);
    }
  });

  it("serves no PushTopics, no generic channels, and no channels that do not exist", async () => {
    for (const topicName of ["/topic/Open", "/u/notes", "/event/None__e", "/event/device_alert__e", ""]) {
      await assert.rejects(client.ask("GetTopic", { topicName }), { status: status.NOT_FOUND, code: "topic.not.found" });
      assert.deepEqual(await ending(client.subscribe({ topicName, numRequested: 1 })), [status.NOT_FOUND, "topic.not.found"]);
    }
    await assert.rejects(client.ask("GetSchema", { schemaId: "none" }), { status: status.NOT_FOUND, code: "schema.not.found" });
  });

  it("sends the newest replay id while nothing comes, after which a client can go on", async () => {
    const stream = client.subscribe({ topicName: TOPIC, numRequested: 1 });
    await until("it has said so twice", () => stream.messages.length >= 2);
    assert.ok(stream.messages.every(({ events }) => events.length === 0));
    const { latestReplayId, pendingNumRequested } = stream.messages[1]!;
    assert.equal(pendingNumRequested, 1);
    await publish("a");
    const after = client.subscribe({ topicName: TOPIC, numRequested: 1, replayPreset: CUSTOM, replayId: latestReplayId });
    await until("it comes", () => replayIds(after).length === 1);
  });

  it("closes a stream that requests nothing, but not one that has received nothing", async () => {
    const hasty = await startEmulator({ schema: [EVENT], pubsub: { fetchTimeout: 30 } });
    const other = await PubSub.connect(hasty);
    try {
      const waiting = other.subscribe({ topicName: TOPIC, numRequested: 2 });
      const idle = other.subscribe({ topicName: TOPIC, numRequested: 1 });
      await until("they listen", () => hasty.control.pubsubStreams().length === 2);
      hasty.control.insert({ object: EVENT.name, records: [{ Serial__c: "a" }] });
      assert.deepEqual(await ending(idle), [status.OK, undefined]);
      assert.equal(waiting.ending, undefined);
      assert.deepEqual(hasty.control.pubsubStreams().map(({ topic, pending }) => [topic, pending]), [[TOPIC, 1]]);
    } finally {
      other.close();
      await hasty.stop();
    }
  });

  it("delivers the same event twice when the bus does", async () => {
    emulator.control.duplicateEvents({ count: 1 });
    const stream = client.subscribe({ topicName: TOPIC, numRequested: 10 });
    await until("it listens", () => emulator.control.pubsubStreams().length === 1);
    await publish("a", "b");
    await until("three come", () => replayIds(stream).length === 3);
    const [first, second, third] = stream.messages.flatMap(({ events }) => events);
    assert.deepEqual([first?.event.id, first?.replayId], [second?.event.id, second?.replayId]);
    assert.notEqual(third?.event.id, second?.event.id);
  });

  it("splits what would be too long for a client", async () => {
    for (let count = 0; count < 6; count++) await api.send("POST", "/sobjects/Device_Alert__e", { Serial__c: `L${count}`, Text__c: "x".repeat(900_000) });
    const stream = client.subscribe({ topicName: TOPIC, numRequested: 100, replayPreset: EARLIEST });
    await until("all come", () => replayIds(stream).length === 6);
    const batches = stream.messages.filter(({ events }) => events.length > 0);
    assert.deepEqual(batches.map(({ events, pendingNumRequested }) => [events.length, pendingNumRequested]), [[3, 97], [3, 94]]);
  });

  describe("with sessions", () => {
    it("refuses headers that are missing, of another org, or of no session", async () => {
      const wrong: Record<string, string>[] = [{ tenantid: "00D000000000000AAA" }, { instanceurl: "" }, { accesstoken: "" }];
      for (const headers of wrong) {
        const other = await PubSub.connect(emulator, headers);
        await assert.rejects(other.ask("GetTopic", { topicName: TOPIC }), { status: status.UNAUTHENTICATED, code: "service.auth.headers.invalid" });
        assert.deepEqual(await ending(other.subscribe({ topicName: TOPIC, numRequested: 1 })), [status.UNAUTHENTICATED, "service.auth.headers.invalid"]);
        other.close();
      }
      client.token = `${api.token}x`;
      assert.deepEqual(await ending(client.subscribe({ topicName: TOPIC, numRequested: 1 })), [status.UNAUTHENTICATED, "service.auth.error"]);
    });

    it("ends a stream whose session is over, without the event that shows it", async () => {
      const stream = client.subscribe({ topicName: TOPIC, numRequested: 5 });
      await until("it listens", () => emulator.control.pubsubStreams().length === 1);
      emulator.control.expireTokens();
      api = await Api.connect(emulator);
      await publish("a");
      assert.deepEqual(await ending(stream), [status.UNAUTHENTICATED, "service.auth.error"]);
      assert.equal(replayIds(stream).length, 0);
    });

    it("goes on with a token that came in time", async () => {
      const stream = client.subscribe({ topicName: TOPIC, numRequested: 1 });
      await until("it listens", () => emulator.control.pubsubStreams().length === 1);
      const { token } = await Api.connect(emulator);
      stream.send({ numRequested: 1, authRefresh: token });
      await until("it is asked for two", () => emulator.control.pubsubStreams()[0]?.pending === 2);
      await http(`${emulator.url}/services/oauth2/revoke`, { method: "POST", body: new URLSearchParams({ token: String(client.metadata.get("accesstoken")[0]) }) });
      await publish("a");
      await until("it comes", () => replayIds(stream).length === 1);
      stream.send({ numRequested: 1, authRefresh: "none" });
      assert.deepEqual(await ending(stream), [status.UNAUTHENTICATED, "service.auth.refresh.invalid"]);
    });
  });
});
