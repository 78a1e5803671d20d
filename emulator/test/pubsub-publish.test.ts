import assert from "node:assert/strict";
import { status } from "@grpc/grpc-js";
import { startEmulator, type Emulator } from "../src/index";
import type { PublishResponse } from "../src/pubsub/messages";
import { PubSub, replayBytes, until } from "./pubsub-client";

const EVENT = {
  name: "Device_Alert__e",
  fields: [
    { name: "Serial__c", type: "string" as const, required: true, length: 20 },
    { name: "Level__c", type: "double" as const },
    { name: "Day__c", type: "date" as const },
    { name: "Since__c", type: "datetime" as const },
    { name: "On__c", type: "boolean" as const },
    { name: "Text__c", type: "textarea" as const, length: 2_000_000 },
  ],
};
const TOPIC = "/event/Device_Alert__e";
const NOTHING = { Level__c: null, Day__c: null, Since__c: null, On__c: null, Text__c: null };

describe("publishing over the Pub/Sub API", () => {
  let emulator: Emulator;
  let client: PubSub;

  before(async () => {
    emulator = await startEmulator({ schema: [EVENT], pubsub: { publishTimeout: 80 } });
  });
  after(() => emulator.stop());
  beforeEach(async () => {
    emulator.control.reset();
    client = await PubSub.connect(emulator);
  });
  afterEach(() => client.close());

  const event = (id: string, fields: object = {}) => client.event(TOPIC, id, { Serial__c: id, ...NOTHING, ...fields });
  const publish = async (events: object[], topicName = TOPIC): Promise<PublishResponse> => (await client.ask("Publish", { topicName, events })) as unknown as PublishResponse;

  it("puts events on the bus that REST's are on, and tells their replay ids", async () => {
    const since = Date.parse("2026-11-21T08:00:00Z");
    const { results, schemaId } = await publish([await event("a", { Level__c: 1.5, Day__c: BigInt(Date.parse("2026-11-20")), Since__c: BigInt(since), On__c: true }), await event("b")]);
    const [first, second] = emulator.events(EVENT.name);
    assert.deepEqual(first?.payload, { Serial__c: "a", Level__c: 1.5, Day__c: "2026-11-20", Since__c: "2026-11-21T08:00:00.000+0000", On__c: true, Text__c: null });
    assert.deepEqual([first?.eventUuid, second?.eventUuid], ["a", "b"]);
    assert.deepEqual(results.map(({ replayId, error, correlationKey }) => [replayId, error, correlationKey]), [
      [replayBytes(first!.replayId), null, "a"],
      [replayBytes(second!.replayId), null, "b"],
    ]);
    assert.equal(schemaId, (await client.ask("GetTopic", { topicName: TOPIC }))["schemaId"]);
  });

  it("tells of each event what is wrong with it, and publishes the others", async () => {
    const good = await event("good");
    const events = [
      good,
      await event("long", { Serial__c: "x".repeat(21) }),
      await event("large", { Text__c: "x".repeat(1024 * 1024) }),
      { ...good, id: "other", schemaId: "none" },
      { ...good, id: "bytes", payload: Buffer.from([255]) },
      await event("last"),
    ];
    const { results } = await publish(events);
    assert.deepEqual(results.map(({ error, correlationKey }) => [correlationKey, error?.code]), [["good", undefined], ["long", 1], ["large", 1], ["other", 1], ["bytes", 1], ["last", undefined]]);
    assert.match(results[1]!.error!.msg, /STRING_TOO_LONG/);
    assert.match(results[2]!.error!.msg, /1 MB/);
    assert.equal(results[2]!.replayId?.length, 0);
    assert.deepEqual(emulator.events().map(({ eventUuid }) => eventUuid), ["good", "last"]);
  });

  it("refuses what is too much, and topics that nobody publishes to", async () => {
    const one = await event("a");
    for (const events of [[], Array<object>(201).fill(one)]) await assert.rejects(publish(events), { status: status.INVALID_ARGUMENT, code: "publish.event.count.invalid" });
    const large = await event("a", { Text__c: "x".repeat(900_000) });
    await assert.rejects(publish(Array<object>(5).fill(large)), { status: status.UNAVAILABLE, code: undefined, details: /upstream connect error/ });
    await assert.rejects(publish([one], "/data/CaseChangeEvent"), { code: "publish.topic.cannot.publish" });
    await assert.rejects(publish([one], "/event/None__e"), { code: "topic.not.found" });
    assert.equal(emulator.events().length, 0);
  });

  it("counts against the hour's allocation", async () => {
    emulator.control.setLimit({ name: "HourlyPublishedPlatformEvents", max: 1 });
    const { results } = await publish([await event("a"), await event("b")]);
    assert.match(results[1]!.error!.msg, /LIMIT_EXCEEDED/);
  });

  it("answers each request of a stream, and closes one that publishes nothing", async () => {
    const [a, b, c] = await Promise.all(["a", "b", "c"].map((id) => event(id)));
    const stream = client.publishStream({ topicName: TOPIC, events: [a!] });
    stream.send({ events: [b!, c!] });
    await until("both are answered", () => stream.messages.length === 2);
    assert.deepEqual(stream.messages.map(({ results }) => results.map(({ correlationKey }) => correlationKey)), [["a"], ["b", "c"]]);
    assert.equal((await stream.ended()).code, "publish.stream.sweeper.timeout");
  });

  it("holds a stream to its topic", async () => {
    const [a, b] = await Promise.all(["a", "b"].map((id) => event(id)));
    const stream = client.publishStream({ topicName: TOPIC, events: [a!] });
    stream.send({ topicName: "/event/Other__e", events: [b!] });
    assert.equal((await stream.ended()).status, status.INVALID_ARGUMENT);
    assert.equal(emulator.events().length, 1);
  });
});
