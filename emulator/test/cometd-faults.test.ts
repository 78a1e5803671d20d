import assert from "node:assert/strict";
import { startEmulator, type Emulator } from "../src/index";
import { Bayeux, type Answered } from "./bayeux";
import { Api, http } from "./helpers";

const ALERT = { name: "Device_Alert__e", platformEvent: true, fields: [{ name: "Serial__c", type: "string" as const }] };
const CHANNEL = "/event/Device_Alert__e";

describe("faults of the CometD server", () => {
  let emulator: Emulator;
  let client: Bayeux;

  before(async () => {
    emulator = await startEmulator({ schema: [ALERT], cometd: { timeout: 250, maxInterval: 5000 } });
  });
  beforeEach(async () => {
    emulator.control.reset();
    client = await Bayeux.open(emulator);
  });
  after(() => emulator.stop());

  const publish = (): void => void emulator.control.insert({ object: "Device_Alert__e", records: [{ Serial__c: "a" }] });
  const last = (messages: Answered[]): Answered => messages.at(-1)!;

  describe("streamFault", () => {
    it("hides 503 behind an error of the sign-in, for the connect that is held", async () => {
      const waiting = client.connect({ id: "6" });
      await client.held();
      emulator.control.streamFault({ kind: "busy" });
      assert.deepEqual(await waiting, [
        {
          ext: { sfdc: { failureReason: "503::Server is too busy.  Please try your request again later." } },
          clientId: client.clientId,
          advice: { reconnect: "none", interval: 0 },
          channel: "/meta/connect",
          id: "6",
          error: "401::Authentication invalid",
          successful: false,
        },
      ]);
      assert.equal(last(await client.connect()).successful, true, "once only");
    });

    it("denies a handshake for too many connections", async () => {
      emulator.control.streamFault({ kind: "protect", count: 2 });
      for (let time = 0; time < 2; time++) {
        const denied = await client.handshake();
        assert.equal(denied.error, "403::Handshake denied");
        assert.match(denied["ext"].sfdc.failureReason, /^403::To protect all customers from excessive use/);
      }
      assert.equal((await client.handshake()).successful, true);
    });

    it("sends the client away before it says why", async () => {
      emulator.control.streamFault({ kind: "disconnect" });
      const [away, answer] = await client.connect();
      assert.deepEqual(away, { channel: "/meta/disconnect" });
      assert.equal(answer!.error, "401::Authentication invalid");
      assert.equal(last(await client.connect()).error, "403::Unknown client");
    });

    it("refuses for any reason, with any advice and HTTP status", async () => {
      emulator.control.streamFault({ kind: "dailyLimit" });
      assert.equal(last(await client.connect()).error, "403::Organization total events daily limit exceeded");
      emulator.control.streamFault({ kind: "unknownClient", reconnect: "none" });
      assert.deepEqual(last(await client.connect()).advice, { reconnect: "none", interval: 0 });
      client = await Bayeux.open(emulator);
      emulator.control.streamFault({ on: "subscribe", channel: CHANNEL, error: "403::Subscription limit exceeded for this topic", status: 403 });
      assert.match((await client.subscribe("/event/None__e")).error!, /^400::The channel/);
      const { status, body } = await client.post([client.message("/meta/subscribe", { subscription: CHANNEL })]);
      assert.deepEqual([status, body[0].error], [403, "403::Subscription limit exceeded for this topic"]);
    });

    it("refuses unknown arguments", () => {
      assert.throws(() => emulator.control.streamFault({ kind: "cold" as "busy" }), /kind must be one of busy, protect/);
      assert.throws(() => emulator.control.streamFault({ on: "publish" as "connect" }), /on must be one of handshake/);
      assert.throws(() => emulator.control.streamFault({ status: 99 }), /status/);
    });
  });

  it("dropStreams makes clients unknown, and can cut their connections", async () => {
    const waiting = client.connect();
    await client.held();
    assert.deepEqual(emulator.control.dropStreams(), { dropped: 1 });
    assert.deepEqual([last(await waiting).error, last(await waiting).advice], ["403::Unknown client", { reconnect: "handshake", interval: 0 }]);
    const [one, other] = [await Bayeux.open(emulator), await Bayeux.open(emulator)];
    const cut = one.connect();
    await one.held();
    assert.deepEqual(emulator.control.dropStreams({ cut: true, clientId: one.clientId }), { dropped: 1 });
    await assert.rejects(cut);
    assert.equal(last(await other.connect()).successful, true);
  });

  it("holdConnects lets nothing through until it ends", async () => {
    await client.subscribe(CHANNEL);
    emulator.control.holdConnects();
    let isAnswered = false;
    const waiting = client.connect().finally(() => (isAnswered = true));
    await client.held();
    publish();
    // another client's call takes longer than an event and a poll of 60 ms would
    emulator.control.slow({ ms: 80 });
    await (await Api.connect(emulator)).get("/limits");
    assert.equal(isAnswered, false);
    emulator.control.holdConnects({ ms: 0 });
    assert.deepEqual((await waiting).map(({ channel }) => channel), [CHANNEL, "/meta/connect"]);
    emulator.control.holdConnects({ ms: 20 });
    publish();
    assert.equal((await client.connect()).length, 2, "it ends by itself");
  });

  it("restartReplayIds breaks the connections of streams, which would count on by ids that are gone", async () => {
    await client.subscribe(CHANNEL);
    const held = client.connect();
    await client.held();
    emulator.control.restartReplayIds();
    await assert.rejects(held);
    assert.deepEqual(emulator.control.listStreams().streams, []);
  });

  it("deliverWithSubscribe puts replayed events ahead of the answer to the subscribe", async () => {
    publish();
    emulator.control.deliverWithSubscribe();
    const messages = await client.send(client.message("/meta/subscribe", { subscription: CHANNEL, ext: { replay: { [CHANNEL]: -2 } } }));
    assert.deepEqual(messages.map(({ channel }) => channel), [CHANNEL, "/meta/subscribe"]);
    assert.equal((await client.connect()).length, 1, "not once more");
  });

  it("listStreams tells who is connected, in the process and over HTTP", async () => {
    await client.subscribe(CHANNEL);
    publish();
    await new Promise(setImmediate);
    const stream = { clientId: client.clientId, username: "integration@surewire.example", channels: [CHANNEL], held: false, queued: 1 };
    assert.deepEqual(emulator.control.listStreams(), { streams: [stream] });
    assert.deepEqual((await http(`${emulator.url}/__emu/listStreams`, { method: "POST" })).body, { streams: [stream] });
  });

  describe("the faults of all calls", () => {
    it("hit streams if they are told to, and an outage always does", async () => {
      emulator.control.failNext({ status: 500 });
      assert.equal(last(await client.connect()).successful, true, "a fault of the REST API");
      emulator.control.clearFaults();
      emulator.control.failNext({ kind: "streaming", status: 502, html: "<h1>Bad Gateway</h1>" });
      const { status, body } = await client.post([]);
      assert.deepEqual([status, body], [502, "<h1>Bad Gateway</h1>"]);
      emulator.control.unavailable({ html: true });
      assert.equal((await client.post([])).status, 503);
      assert.equal((await http(`${emulator.url}/services/data/v66.0/limits`)).status, 503);
      emulator.control.unavailable({ kind: "api" });
      assert.equal((await client.post([])).status, 200);
      emulator.control.unavailable({ kind: "streaming" });
      assert.equal((await client.post([])).status, 503);
      assert.equal((await http(`${emulator.url}/services/data/v66.0/limits`)).status, 401);
    });

    it("cut connections: events that were on the way are lost to the session, and come again when replayed", async () => {
      await client.subscribe(CHANNEL);
      publish();
      for (const when of ["after", "during"] as const) {
        emulator.control.resetConnections({ kind: "streaming", when });
        await assert.rejects(client.connect());
      }
      assert.equal((await client.connect()).length, 1);
      await client.subscribe(CHANNEL, { [CHANNEL]: -2 });
      assert.equal((await client.receive(1)).length, 1);
    });

    it("end with clearFaults", async () => {
      emulator.control.holdConnects();
      const waiting = client.connect();
      await client.held();
      emulator.control.streamFault({ kind: "busy", count: 9, on: "subscribe" });
      emulator.control.unavailable();
      emulator.control.clearFaults();
      assert.equal(last(await waiting).successful, true);
      assert.equal((await client.subscribe(CHANNEL)).successful, true);
    });
  });
});
