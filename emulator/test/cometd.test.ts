import assert from "node:assert/strict";
import { startEmulator, type Emulator } from "../src/index";
import { Bayeux, type Answered } from "./bayeux";
import { login } from "./helpers";

const ALERT = {
  name: "Device_Alert__e",
  platformEvent: true,
  fields: [{ name: "Serial__c", type: "string" as const, required: true }, { name: "At__c", type: "datetime" as const }],
};
const CHANNEL = "/event/Device_Alert__e";

describe("the CometD server", () => {
  let emulator: Emulator;
  let token: string;

  before(async () => {
    emulator = await startEmulator({ schema: [ALERT], cometd: { timeout: 60, maxInterval: 5000 } });
  });
  beforeEach(async () => {
    emulator.control.reset();
    token = await login(emulator);
  });
  after(() => emulator.stop());

  const publish = (...serials: string[]): void => {
    emulator.control.insert({ object: "Device_Alert__e", records: serials.map((Serial__c) => ({ Serial__c })) });
  };
  const serials = (messages: Answered[]): unknown[] => messages.map(({ data }) => data.payload.Serial__c);
  const open = (): Promise<Bayeux> => Bayeux.open(emulator, token);

  describe("shakes hands", () => {
    it("with the replay extension, a client id and a cookie", async () => {
      const client = new Bayeux(emulator, token);
      const asked = { channel: "/meta/handshake", id: "7", version: "1.0", minimumVersion: "1.0", supportedConnectionTypes: ["long-polling"], ext: { replay: true } };
      const { status, body, headers } = await client.post([asked]);
      assert.equal(status, 200);
      const { clientId, ...rest } = body[0];
      assert.match(clientId, /^[a-z0-9]{20,}$/);
      assert.deepEqual(rest, {
        ext: { replay: true, "payload.format": true },
        minimumVersion: "1.0",
        supportedConnectionTypes: ["long-polling"],
        channel: "/meta/handshake",
        id: "7",
        version: "1.0",
        successful: true,
      });
      assert.match(headers.get("set-cookie") ?? "", /^BAYEUX_BROWSER=[0-9a-f]+;Path=\/cometd\/;HttpOnly$/);
      assert.equal(headers.get("content-type"), "application/json;charset=UTF-8");
    });
  });

  it("answers the first connect at once, with advice, and holds the next until its time is up", async () => {
    const client = new Bayeux(emulator, token);
    await client.handshake();
    assert.deepEqual(await client.connect({ id: "c1" }), [
      { clientId: client.clientId, advice: { interval: 0, timeout: 60, reconnect: "retry" }, channel: "/meta/connect", id: "c1", successful: true },
    ]);
    const started = performance.now();
    assert.deepEqual(await client.connect({ id: "c2" }), [{ clientId: client.clientId, channel: "/meta/connect", id: "c2", successful: true }]);
    assert.ok(performance.now() - started >= 50, "it was held");
  });

  it("delivers an event by the connect that waits for it", async () => {
    const client = await open();
    assert.deepEqual(await client.subscribe(CHANNEL), { clientId: client.clientId, channel: "/meta/subscribe", id: "3", subscription: CHANNEL, successful: true });
    const waiting = client.connect();
    await client.held();
    publish("a");
    const [message, ...more] = await waiting;
    const event = emulator.events()[0]!;
    assert.deepEqual(message!.data.event, { EventUuid: event.eventUuid, replayId: event.replayId });
    assert.deepEqual(message!.data.payload, { CreatedDate: event.createdDate.replace(".000Z", "Z"), CreatedById: event.createdById, Serial__c: "a", At__c: null });
    assert.equal(message!.channel, CHANNEL);
    assert.ok(!("clientId" in message!));
    assert.equal(more.length, 1);
    assert.equal(more[0]!.channel, "/meta/connect");
  });

  it("replays everything, what is behind an id, or nothing", async () => {
    publish("a", "b", "c");
    const client = await open();
    await client.subscribe(CHANNEL, { [CHANNEL]: -2 });
    const messages = await client.receive(3);
    assert.deepEqual(serials(messages), ["a", "b", "c"]);
    await client.unsubscribe(CHANNEL);
    await client.subscribe(CHANNEL, { [CHANNEL]: messages[1]!.data.event.replayId });
    assert.deepEqual(serials(await client.receive(1)), ["c"]);
    await client.unsubscribe(CHANNEL);
    await client.subscribe(CHANNEL, { [CHANNEL]: -1 });
    publish("d");
    assert.deepEqual(serials(await client.receive(1)), ["d"]);
  });
});
