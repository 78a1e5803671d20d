import assert from "node:assert/strict";
import { connect } from "node:net";
import { status } from "@grpc/grpc-js";
import { startEmulator, type Emulator, type PubSubFault } from "../src/index";
import { Api, http } from "./helpers";
import { PubSub, replayIds, until } from "./pubsub-client";

const EVENT = { name: "Device_Alert__e", fields: [{ name: "Serial__c", type: "string" as const }] };
const TOPIC = "/event/Device_Alert__e";

describe("the Pub/Sub API, made to misbehave", () => {
  let emulator: Emulator;
  let api: Api;
  let client: PubSub;

  before(async () => {
    emulator = await startEmulator({ schema: [EVENT], pubsub: { keepAlive: 40 } });
  });
  after(() => emulator.stop());
  beforeEach(async () => {
    emulator.control.reset();
    api = await Api.connect(emulator);
    client = await PubSub.connect(emulator);
  });
  afterEach(() => client.close());

  const listening = (count: number) => until("it listens", () => emulator.control.pubsubStreams().length === count);
  const publish = () => api.create("Device_Alert__e", { Serial__c: "X" });

  it("fails the next calls with the code it is given, and its status", async () => {
    emulator.control.pubsubFault({ code: "sfdc.platform.eventbus.grpc.service.unavailable", count: 2 });
    await assert.rejects(client.ask("GetTopic", { topicName: TOPIC }), { status: status.INTERNAL, code: "service.unavailable" });
    const stream = client.subscribe({ topicName: TOPIC, numRequested: 1 });
    assert.deepEqual(await stream.ended().then(({ status: code, code: errorCode }) => [code, errorCode]), [status.INTERNAL, "service.unavailable"]);
    await client.ask("GetTopic", { topicName: TOPIC });
  });

  it("fails one RPC alone, or without a code as the network does", async () => {
    emulator.control.pubsubFault({ rpc: "GetSchema", code: "schema.api.unavailable" });
    const { schemaId } = await client.ask("GetTopic", { topicName: TOPIC });
    await assert.rejects(client.ask("GetSchema", { schemaId: schemaId! }), { status: status.UNAVAILABLE, code: "schema.api.unavailable" });
    emulator.control.pubsubFault({ status: status.INTERNAL, message: "Received RST_STREAM with code 2 (Internal server error)" });
    await assert.rejects(client.ask("GetTopic", { topicName: TOPIC }), { status: status.INTERNAL, code: undefined, details: /RST_STREAM/ });
  });

  for (const [verb, lose] of [
    ["pubsubFault", () => emulator.control.pubsubFault({ rpc: "Publish", when: "after" })],
    ["resetConnections", () => emulator.control.resetConnections({ kind: "streaming", when: "after" })],
  ] as const) {
    it(`loses the answer of what it has published, by ${verb}`, async () => {
      const event = await client.event(TOPIC, "e1", { Serial__c: "X" });
      lose();
      await assert.rejects(client.ask("Publish", { topicName: TOPIC, events: [event] }), { status: status.UNAVAILABLE, code: undefined });
      assert.deepEqual(emulator.events().map(({ eventUuid }) => eventUuid), ["e1"]);
    });
  }

  it("ends streams that are open with a code", async () => {
    const stream = client.subscribe({ topicName: TOPIC, numRequested: 1 });
    await listening(1);
    emulator.control.pubsubFault({ code: "subscription.limit.exceeded", open: true });
    assert.equal((await stream.ended()).code, "subscription.limit.exceeded");
    client.subscribe({ topicName: TOPIC, numRequested: 1 });
    await listening(1);
  });

  it("is told by HTTP as well, forgets its faults when it is asked to, and takes no code it does not have", async () => {
    await http(`${emulator.url}/__emu/pubsubFault`, { method: "POST", body: JSON.stringify({ code: "service.unavailable", count: 5 }) });
    emulator.control.clearFaults();
    await client.ask("GetTopic", { topicName: TOPIC });
    assert.throws(() => emulator.control.pubsubFault({ code: "service.unavailabel" } satisfies PubSubFault), /no error code service.unavailabel/);
  });

  it("is unavailable as long as the org is", async () => {
    emulator.control.unavailable();
    await assert.rejects(client.ask("GetTopic", { topicName: TOPIC }), { status: status.INTERNAL, code: "service.unavailable" });
    assert.equal((await client.subscribe({ topicName: TOPIC, numRequested: 1 }).ended()).code, "service.unavailable");
    emulator.control.clearFaults();
    await client.ask("GetTopic", { topicName: TOPIC });
  });

  it("delivers no more than the day's allocation", async () => {
    emulator.control.setLimit({ name: "DailyDeliveredPlatformEvents", max: 2 });
    for (let count = 0; count < 3; count++) await publish();
    const stream = client.subscribe({ topicName: TOPIC, numRequested: 5, replayPreset: 1 });
    assert.deepEqual(await stream.ended().then(({ status: code, code: errorCode }) => [code, errorCode]), [status.RESOURCE_EXHAUSTED, "subscription.limit.exceeded"]);
    assert.equal(replayIds(stream).length, 2);
  });

  it("breaks connections, or ends streams well", async () => {
    const cut = client.subscribe({ topicName: TOPIC, numRequested: 1 });
    await listening(1);
    assert.deepEqual(emulator.control.killStreams(), { killed: 1 });
    assert.deepEqual([(await cut.ended()).status, cut.ending?.code], [status.UNAVAILABLE, undefined]);
    const ended = client.subscribe({ topicName: TOPIC, numRequested: 1 });
    await listening(1);
    emulator.control.killStreams({ how: "end" });
    assert.equal((await ended.ended()).status, status.OK);
  });

  it("sends nothing any more on open streams, and everything on new ones", async () => {
    const dead = client.subscribe({ topicName: TOPIC, numRequested: 5 });
    await until("it is kept alive", () => dead.messages.length > 0);
    assert.deepEqual(emulator.control.silence(), { silenced: 1 });
    const heard = dead.messages.length;
    const live = client.subscribe({ topicName: TOPIC, numRequested: 5 });
    await listening(2);
    await publish();
    await until("it comes, and is kept alive thrice", () => replayIds(live).length === 1 && live.messages.length >= 4);
    assert.deepEqual([dead.messages.length, dead.ending], [heard, undefined]);
  });

  it("releases a stream that the client gives up", async () => {
    const stream = client.subscribe({ topicName: TOPIC, numRequested: 5 });
    await listening(1);
    stream.cancel();
    await listening(0);
  });

  it("ends all streams at once when it stops, and stops listening", async () => {
    const other = await startEmulator({ schema: [EVENT], pubsub: true });
    const guest = await PubSub.connect(other);
    const stream = guest.subscribe({ topicName: TOPIC, numRequested: 5 });
    await until("it listens", () => other.control.pubsubStreams().length === 1);
    other.control.silence();
    const started = Date.now();
    await other.stop();
    assert.ok(Date.now() - started < 10_000);
    assert.equal((await stream.ended()).status, status.UNAVAILABLE);
    guest.close();
    const [host, port] = other.pubsubEndpoint!.split(":");
    await new Promise((resolve) => connect(Number(port), host).on("error", resolve));
  });

  it("is not served unless asked for, nor on a port that is taken", async () => {
    const plain = await startEmulator();
    try {
      assert.equal(plain.pubsubEndpoint, undefined);
      await assert.rejects(startEmulator({ pubsub: { port: plain.port } }), /EADDRINUSE/);
    } finally {
      await plain.stop();
    }
  });

  describe("with managed subscriptions", () => {
    const define = { developerName: "Alerts", topicName: TOPIC };

    it("goes on after what was committed, and before that begins where it is told to", async () => {
      await publish();
      const { id } = emulator.control.setManagedSubscription({ ...define, defaultReplay: "EARLIEST" });
      assert.match(id, /^18x/);
      const first = client.manage({ developerName: "Alerts", numRequested: 5 });
      await until("it comes", () => replayIds(first).length === 1);
      await publish();
      await until("the next comes", () => replayIds(first).length === 2);
      const [done] = first.messages.flatMap(({ events }) => events);
      first.send({ commitReplayIdRequest: { commitRequestId: "c1", replayId: done!.replayId } });
      first.send({ commitReplayIdRequest: { commitRequestId: "c2", replayId: Buffer.alloc(8, 9) } });
      await until("both are answered", () => first.messages.filter(({ commitResponse }) => commitResponse).length === 2);
      const [good, bad] = first.messages.flatMap(({ commitResponse }) => commitResponse ?? []);
      assert.deepEqual([good?.commitRequestId, good?.replayId, good?.error], ["c1", done?.replayId, null]);
      assert.ok(good!.processTime > Date.now() - 60_000);
      assert.deepEqual([bad?.commitRequestId, bad?.error?.code], ["c2", 2]);
      first.cancel();
      await listening(0);
      const again = client.manage({ subscriptionId: id, numRequested: 5 });
      await until("the one that was not committed comes", () => replayIds(again).length === 1);
      assert.deepEqual(replayIds(again), replayIds(first).slice(1));
    });

    it("serves one client at a time, and none once it is stopped", async () => {
      emulator.control.setManagedSubscription(define);
      const stream = client.manage({ developerName: "Alerts", numRequested: 5 });
      await listening(1);
      const second = await client.manage({ developerName: "Alerts", numRequested: 5 }).ended();
      assert.deepEqual([second.status, second.code], [status.ALREADY_EXISTS, "managed.subscription.already.active"]);
      emulator.control.setManagedSubscription({ ...define, state: "STOP" });
      assert.equal((await stream.ended()).code, "managed.subscription.config.stopped");
      assert.equal((await client.manage({ developerName: "Alerts", numRequested: 5 }).ended()).code, "managed.subscription.config.stopped");
      assert.equal((await client.manage({ developerName: "None", numRequested: 5 }).ended()).code, "managed.subscription.developer.name.not.found");
    });

    it("is of a channel that this API serves only", () => {
      emulator.control.insert({ object: "StreamingChannel", records: [{ Name: "/u/notes" }] });
      for (const topicName of ["/u/notes", "/event/None__e"]) {
        assert.throws(() => emulator.control.setManagedSubscription({ developerName: "Notes", topicName }), /no channel .* that the Pub\/Sub API serves/);
      }
    });

    it("begins as its error recovery says when the committed replay id is no longer known", async () => {
      emulator.control.setManagedSubscription({ ...define, defaultReplay: "EARLIEST", errorRecoveryReplay: "LATEST" });
      await publish();
      const first = client.manage({ developerName: "Alerts", numRequested: 5 });
      await until("it comes", () => replayIds(first).length === 1);
      first.send({ commitReplayIdRequest: { commitRequestId: "c1", replayId: first.messages[0]!.latestReplayId } });
      await until("it is committed", () => first.messages.some(({ commitResponse }) => commitResponse));
      first.cancel();
      await listening(0);
      emulator.control.ageEvents();
      await publish();
      const again = client.manage({ developerName: "Alerts", numRequested: 5 });
      await listening(1);
      await publish();
      await until("only the newest comes", () => replayIds(again).length === 1);
      assert.equal(replayIds(again)[0], BigInt(emulator.events().at(-1)!.replayId));
    });
  });
});
