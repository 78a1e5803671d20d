import assert from "node:assert/strict";
import { startEmulator, type Emulator } from "../src/index";
import { Bayeux, type Answered } from "./bayeux";
import { login } from "./helpers";

const ALERT = { name: "Device_Alert__e", platformEvent: true, fields: [{ name: "Serial__c", type: "string" as const, required: true }] };
const CHANNEL = "/event/Device_Alert__e";

describe("subscriptions over CometD", () => {
  let emulator: Emulator;
  let token: string;

  before(async () => {
    emulator = await startEmulator({ schema: [ALERT], cometd: { timeout: 250, maxInterval: 5000 } });
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

  describe("deliver", () => {
    it("an event by the connect that waits for it", async () => {
      const client = await open();
      assert.deepEqual(await client.subscribe(CHANNEL), { clientId: client.clientId, channel: "/meta/subscribe", id: "3", subscription: CHANNEL, successful: true });
      const waiting = client.connect();
      await client.held();
      publish("a", "b");
      const messages = await waiting;
      assert.deepEqual(messages.map(({ channel, clientId }) => [channel, clientId]), [[CHANNEL, undefined], [CHANNEL, undefined], ["/meta/connect", client.clientId]]);
      assert.deepEqual(serials(messages.slice(0, 2)), ["a", "b"]);
    });

    it("everything that is retained, what is behind an id, or what is new", async () => {
      publish("a", "b", "c");
      const client = await open();
      await client.subscribe(CHANNEL, { [CHANNEL]: -2 });
      const messages = await client.receive(3);
      assert.deepEqual(serials(messages), ["a", "b", "c"]);
      for (const [value, expected] of [[messages[1]!["data"].event.replayId, ["c", "d"]], [-1, ["e"]], [undefined, ["f"]]] as const) {
        await client.unsubscribe(CHANNEL);
        assert.equal((await client.subscribe(CHANNEL, value === undefined ? undefined : { [CHANNEL]: value })).successful, true);
        publish(expected.at(-1)!);
        assert.deepEqual(serials(await client.receive(expected.length)), expected);
      }
    });

    it("what was on its way when a client unsubscribed, too", async () => {
      const client = await open();
      await client.subscribe(CHANNEL);
      publish("a");
      await client.unsubscribe(CHANNEL);
      publish("b");
      assert.deepEqual(serials((await client.connect()).slice(0, -1)), ["a"]);
    });

    it("many in order, no more than a thousand at once", async () => {
      const names = Array.from({ length: 1200 }, (_, index) => `s${index}`);
      publish(...names);
      const client = await open();
      await client.subscribe(CHANNEL, { [CHANNEL]: -2 });
      const first = await client.connect();
      assert.equal(first.length, 1001);
      const rest = await client.connect();
      assert.deepEqual(serials([...first.slice(0, -1), ...rest.slice(0, -1)]), names);
    });

    it("to each client what it has subscribed to, until it unsubscribes", async () => {
      const [one, other] = [await open(), await open()];
      await one.subscribe(CHANNEL);
      await other.subscribe(CHANNEL);
      publish("a");
      assert.deepEqual(serials(await other.receive(1)), ["a"]);
      assert.deepEqual(serials(await one.receive(1)), ["a"]);
      assert.deepEqual(await one.unsubscribe(CHANNEL), { clientId: one.clientId, channel: "/meta/unsubscribe", id: "5", subscription: CHANNEL, successful: true });
      publish("b");
      assert.equal((await one.connect()).length, 1);
      assert.equal((await one.unsubscribe("")).error, "400::Channel name not specified");
    });

    it("no more events than the org has for a day", async () => {
      publish("a", "b");
      emulator.control.setLimit({ name: "DailyDeliveredPlatformEvents", used: 0, max: 1 });
      const client = await open();
      await client.subscribe(CHANNEL, { [CHANNEL]: -2 });
      assert.deepEqual(serials(await client.receive(1)), ["a"]);
      const [refused] = await client.connect();
      assert.deepEqual([refused!.error, refused!.advice], ["403::Organization total events daily limit exceeded", { reconnect: "none", interval: 0 }]);
      assert.equal((await client.subscribe(CHANNEL, { [CHANNEL]: -2 })).error, "403::Organization total events daily limit exceeded");
    });

    it("without a call of the API", async () => {
      const client = await open();
      await client.subscribe(CHANNEL);
      await client.connect();
      const { apiCalls, apiUsage, lastRequests } = emulator.control.stats();
      assert.deepEqual([apiCalls, apiUsage.used], [0, 0]);
      assert.ok(lastRequests.some(({ kind, path }) => kind === "CometD" && path === "/cometd/66.0/"));
    });
  });

  describe("are refused", () => {
    const gone = (name: string): string => `400::The channel you requested to subscribe to doesn’t exist {${name}}`;
    const missing = (map: string): string =>
      `400::The replayId for channel {${CHANNEL}} wasn't found using the provided replay ID map {${map}}. ` +
      "Ensure that the channel name you provided in the replay map is valid and matches the channel name used for subscribing.";
    const stale = (value: unknown): string =>
      `400::The replayId {${value as string}} you provided was invalid.  Please provide a valid ID, -2 to replay all events, or -1 to replay only new events.`;
    const cases: [what: string, subscription: unknown, replay: unknown, error: string][] = [
      ["without a channel", undefined, undefined, "400::Channel name not specified"],
      ["to a channel without a slash", "event/Device_Alert__e", undefined, "400::Channel subscriptions must start with a leading '/'"],
      ["to an event there is not", "/event/None__e", undefined, gone("/event/None__e")],
      ["to an event in another case", "/event/device_alert__e", undefined, gone("/event/device_alert__e")],
      ["to a topic there is not", "/topic/None", undefined, gone("/topic/None")],
      ["to change events of an object there is not", "/data/NoneChangeEvent", undefined, gone("/data/NoneChangeEvent")],
      ["to an event with a filter", `${CHANNEL}?Serial__c='a'`, undefined, gone(`${CHANNEL}?Serial__c='a'`)],
      ["to a channel of no kind", "/chat/room", undefined, "403::Cannot create channel {/chat/room}"],
      ["to all channels", "/event/*", undefined, "403::Restricted channel"],
      ["to a channel of the protocol", "/meta/connect", undefined, "403::Restricted channel"],
      ["with an empty map of replay ids", CHANNEL, {}, missing("{}")],
      ["with replay ids of other channels", CHANNEL, { "/event/B__e": -1, "/topic/T": 7 }, missing("{/event/B__e=-1, /topic/T=7}")],
      ["behind an id that was never given out", CHANNEL, { [CHANNEL]: 82 }, stale(82)],
      ["behind an id as text", CHANNEL, { [CHANNEL]: "-1" }, stale("-1")],
      ["behind a value that means nothing", CHANNEL, { [CHANNEL]: -3 }, stale(-3)],
    ];
    for (const [what, subscription, replay, error] of cases) {
      it(what, async () => {
        const client = await open();
        const [answer] = await client.send(client.message("/meta/subscribe", { id: "9", ...(subscription === undefined ? {} : { subscription }), ...(replay === undefined ? {} : { ext: { replay } }) }));
        assert.deepEqual(answer, { clientId: client.clientId, channel: "/meta/subscribe", id: "9", ...(subscription === undefined ? {} : { subscription }), error, successful: false });
      });
    }

    it("behind an id that is not retained any more", async () => {
      publish("a");
      const { replayId } = emulator.events()[0]!;
      const client = await open();
      assert.equal((await client.subscribe(CHANNEL, { [CHANNEL]: replayId })).successful, true);
      emulator.control.shiftClock({ ms: 3 * 86_400_000 + 1000 });
      assert.equal((await client.subscribe(CHANNEL, { [CHANNEL]: replayId })).error, stale(replayId));
    });
  });
});
