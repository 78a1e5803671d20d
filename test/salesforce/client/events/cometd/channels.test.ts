import assert from "node:assert/strict";
import type { Emulator } from "../../../../../emulator/src/index";
import { AHEAD } from "../../../../../nodes/salesforce/client/events/cometd/channel";
import type { EventTransport, StartPoint, Subscription } from "../../../../../nodes/salesforce/client/events/event-stream";
import { clientCredentials, Orgs } from "../../../support";
import { QUICK, Recorder, soon } from "./support";

const platformEvent = (name: string) => ({ name, platformEvent: true, fields: [{ name: "Text__c", type: "string" as const }] });
const NAMES = ["A", "B", "C", "D", "E"].map((letter) => `${letter}__e`);
const A = "/event/A__e";
const B = "/event/B__e";
const NEW: StartPoint = { from: "new" };
const numbers = (count: number, from = 0): string[] => Array.from({ length: count }, (_, index) => String(from + index));

describe("A channel over CometD", () => {
  const servers = new Orgs();
  const clients = new Orgs();
  let org: Emulator;
  let cometd: EventTransport;
  before(async () => (org = await servers.start({ schema: NAMES.map(platformEvent), cometd: { timeout: 3000, maxInterval: 3000 } })));
  after(() => servers.stop());
  beforeEach(() => {
    org.control.reset();
    cometd = clients.client(clientCredentials(org, { streams: QUICK })).streams.over("cometd");
  });
  afterEach(() => clients.stop());

  const publishTo = (object: string, ...texts: string[]): void => void org.control.insert({ object, records: texts.map((Text__c) => ({ Text__c })) });
  const publish = (...texts: string[]): void => publishTo("A__e", ...texts);
  const streams = () => org.control.listStreams().streams;
  const begin = (channel = A, start: StartPoint = NEW, recorder = new Recorder()): Recorder & { subscription: Subscription } =>
    Object.assign(recorder, { subscription: cometd.subscribe(channel, start, recorder) });
  const listen = async (channel = A, start: StartPoint = NEW): Promise<Recorder & { subscription: Subscription }> => {
    const recorder = begin(channel, start);
    await recorder.is("listening");
    return recorder;
  };

  describe("whose position the org does not know any more", () => {
    const staleWith = async (fallback: StartPoint | undefined, position?: string): Promise<Recorder> => {
      publish("gone");
      const { replayId } = org.events("A__e")[0]!;
      org.control.ageEvents();
      const recorder = new Recorder();
      recorder.fallback = fallback;
      publish("kept");
      begin(A, { from: "after", position: position ?? String(replayId) }, recorder);
      await soon("the stale position", () => recorder.stale.length > 0);
      assert.deepEqual([recorder.stale[0]!.position, recorder.stale[0]!.error.code], [position ?? String(replayId), "POSITION_STALE"]);
      return recorder;
    };

    it("begins with all that is retained, when its listener says so", async () => {
      const heard = await staleWith({ from: "all" });
      await heard.has(1);
      assert.deepEqual(heard.texts, ["kept"]);
    });

    it("begins with what is new, when its listener says so", async () => {
      const heard = await staleWith({ from: "new" });
      await heard.is("listening");
      publish("new");
      await heard.has(1);
      assert.deepEqual(heard.texts, ["new"]);
    });

    it("stops, when its listener says so, and the others go on", async () => {
      const other = await listen(B);
      const heard = await staleWith(undefined);
      assert.deepEqual([heard.state, heard.states.at(-1)?.error?.code], ["stopped", "POSITION_STALE"]);
      publishTo("B__e", "1");
      await other.has(1);
      org.control.dropStreams();
      publishTo("B__e", "2");
      await other.has(2);
      publish("lost");
      assert.deepEqual([heard.state, heard.texts], ["stopped", []]);
    });

    it("or never has: one that another transport gave", async () => {
      const heard = await staleWith({ from: "all" }, "0000000000000a2f0000");
      await heard.has(1);
    });

    it("asks again with pauses, when what the listener says is no good either", async () => {
      const heard = await staleWith({ from: "after", position: "999999999" });
      await soon("more stale positions", () => heard.stale.length > 3);
      assert.ok(heard.kinds.includes("waiting"));
    });

    it("goes on behind what came last, after an outage too", async () => {
      const heard = await listen();
      publish("1");
      await heard.has(1);
      heard.fallback = { from: "all" };
      org.control.streamFault({ kind: "protect", count: 2 });
      org.control.dropStreams();
      org.control.ageEvents();
      publish("2");
      await heard.has(2);
      assert.deepEqual([heard.texts, heard.stale.map(({ position }) => position)], [["1", "2"], [heard.events[0]!.position]]);
    });
  });

  describe("that is refused", () => {
    for (const [why, channel, text] of [
      ["as it does not exist", "/event/Nobody__e", /doesn.t exist/],
      ["as its letters are of another case", "/event/a__e", /case|exist/],
    ] as const) {
      it(`${why} leaves four others working, and says so`, async () => {
        const working = await Promise.all(NAMES.slice(1).map((name) => listen(`/event/${name}`)));
        const began = Date.now();
        const refused = begin(channel);
        await refused.is("failed");
        const { error, retryAt } = refused.states.at(-1)!;
        assert.deepEqual([error?.code, retryAt! > began], ["CHANNEL_UNAVAILABLE", true]);
        assert.match(error?.message ?? "", text);
        for (const name of NAMES) publishTo(name, name);
        await Promise.all(working.map((heard) => heard.has(1)));
        assert.ok(working.every(({ kinds }) => kinds.join() === "connecting,listening"));
        assert.equal(streams().length, 1);
      });
    }

    it("works as soon as it may be read", async () => {
      org.control.streamFault({ on: "subscribe", channel: A, error: "403::Subscriber does not have access to the entity in this topic", reconnect: "none", count: 3 });
      const heard = begin();
      await heard.is("failed");
      await heard.is("listening");
      publish("1");
      await heard.has(1);
    });

    it("for a moment only is tried again soon, and the others go on", async () => {
      const other = await listen(B);
      org.control.streamFault({ on: "subscribe", channel: A, kind: "busy", count: 3 });
      const heard = begin();
      await heard.is("waiting");
      publishTo("B__e", "1");
      await other.has(1);
      await heard.is("listening");
      assert.deepEqual(other.kinds, ["connecting", "listening"]);
    });

    it("with a session that is over brings about another session", async () => {
      org.control.streamFault({ on: "subscribe", channel: A, kind: "unauthorized" });
      const heard = await listen();
      publish("1");
      await heard.has(1);
    });
  });

  describe("whose listener has no room", () => {
    it("is left out, while two others go on, and goes on alone when there is room; nothing is missed", async () => {
      const full = begin(A);
      full.capacity = 10;
      const others = await Promise.all([listen(B), listen("/event/C__e")]);
      await full.is("listening");
      const all = numbers(10 + 3 * AHEAD);
      publish(...all.slice(0, AHEAD + 20));
      await full.is("full");
      publish(...all.slice(AHEAD + 20));
      publishTo("B__e", "b");
      publishTo("C__e", "c");
      await Promise.all(others.map((heard) => heard.has(1)));
      assert.deepEqual(full.texts, all.slice(0, 10));
      assert.deepEqual(streams().map(({ channels }) => channels), [[B, "/event/C__e"]], "it asks for nothing more");
      full.capacity = Infinity;
      full.subscription.more();
      await full.has(all.length);
      assert.deepEqual(full.texts, all);
      assert.equal(full.state, "listening");
      assert.deepEqual(streams().map(({ channels }) => channels), [[B, "/event/C__e"], [A]]);
      assert.ok(others.every(({ kinds }) => kinds.join() === "connecting,listening"));
    });

    it("gets a long backlog though it takes it slowly, and the org sends hardly any of it twice", async () => {
      const all = numbers(5000);
      publish(...all);
      const other = await listen(B);
      const heard = begin(A, { from: "all" });
      const { onEvents } = heard;
      heard.capacity = 100;
      heard.onEvents = (events) => {
        onEvents.call(heard, events);
        setImmediate(() => {
          heard.capacity = heard.events.length + 100;
          heard.subscription.more();
        });
      };
      await heard.has(all.length);
      assert.deepEqual(heard.texts, all);
      assert.deepEqual([heard.kinds, other.kinds], Array(2).fill(["connecting", "listening"]));
    });

    it("ends a session that it has alone, when it takes nothing for long", async () => {
      cometd = clients.client(clientCredentials(org, { streams: { ...QUICK, patience: 100 } })).streams.over("cometd");
      const all = numbers(3 * AHEAD);
      publish(...all);
      const heard = begin(A, { from: "all" });
      heard.capacity = 1;
      await heard.is("full");
      await soon("no session", () => streams().length === 0);
      publish("last");
      heard.capacity = 300;
      heard.subscription.more();
      await heard.has(300);
      assert.equal(streams().length, 0, "it takes what was kept first");
      heard.capacity = Infinity;
      heard.subscription.more();
      await heard.has(all.length + 1);
      assert.deepEqual(heard.texts, [...all, "last"]);
    });

    it("keeps nothing twice when the session is dropped meanwhile", async () => {
      const heard = await listen();
      heard.capacity = 1;
      const all = numbers(2 * AHEAD);
      publish(...all);
      await heard.has(1);
      org.control.dropStreams();
      heard.capacity = Infinity;
      heard.subscription.more();
      publish("last");
      await heard.has(all.length + 1);
      assert.deepEqual(heard.texts, [...all, "last"]);
    });

    it("is closed like any other", async () => {
      cometd = clients.client(clientCredentials(org, { streams: { ...QUICK, patience: 100 } })).streams.over("cometd");
      const heard = await listen();
      heard.capacity = 1;
      publish(...numbers(2 * AHEAD));
      await heard.is("full");
      await heard.subscription.close();
      heard.capacity = Infinity;
      heard.subscription.more();
      assert.deepEqual([heard.events.length, streams()], [1, []]);
    });

    it("says that there is room while it is given events", async () => {
      const heard = begin(A, { from: "all" });
      heard.capacity = 2;
      const { onEvents } = heard;
      heard.onEvents = (events) => {
        onEvents.call(heard, events);
        heard.capacity += 2;
        heard.subscription.more();
      };
      await heard.is("listening");
      publish(...numbers(50));
      await heard.has(50);
      assert.deepEqual(heard.texts, numbers(50));
    });
  });

  describe("that is closed", () => {
    it("is unsubscribed, while the others go on", async () => {
      const [heard, other] = await Promise.all([listen(), listen(B)]);
      await heard.subscription.close();
      assert.deepEqual(streams().map(({ channels }) => channels), [[B]]);
      publish("unheard");
      publishTo("B__e", "1");
      await other.has(1);
      assert.deepEqual(heard.texts, []);
    });

    it("ends the session when it was the last one, the held poll too", async () => {
      const heard = await listen();
      await soon("a held poll", () => streams()[0]?.held);
      await heard.subscription.close();
      assert.deepEqual(streams(), []);
    });

    it("from within its own event hears nothing more", async () => {
      const heard = await listen();
      const { onEvents } = heard;
      heard.onEvents = (events) => {
        onEvents.call(heard, events);
        void heard.subscription.close();
      };
      heard.capacity = 2;
      publish("1", "2", "3");
      await soon("no session", () => streams().length === 0);
      assert.deepEqual([heard.texts, heard.kinds], [["1", "2"], ["connecting", "listening"]]);
    });

    it("and listened to again gets what came meanwhile, and no old event ahead of it", async () => {
      const other = await listen(B);
      let heard = await listen();
      const all = numbers(60);
      for (const text of all) {
        publish(text);
        if (Number(text) % 6 !== 5) continue;
        await heard.has(6);
        const { position } = heard.events.at(-1)!;
        const closed = heard.subscription.close();
        publish(`${text} meanwhile`);
        heard = begin(A, { from: "after", position });
        await heard.has(1);
        assert.deepEqual(heard.texts, [`${text} meanwhile`]);
        heard.events.pop();
        await closed;
      }
      assert.ok(streams().length <= 3);
      assert.deepEqual(other.kinds, ["connecting", "listening"]);
    });

    for (const kind of ["protect", "busy"] as const) {
      it(`while the org is away ends at once (${kind})`, async () => {
        const heard = await listen();
        org.control.streamFault({ kind, on: "handshake", count: 1000 });
        org.control.dropStreams();
        await heard.is("waiting");
        const began = Date.now();
        await heard.subscription.close();
        assert.ok(Date.now() - began < 500);
      });
    }

    it("while nobody answers ends in seconds, and the transport with it", async () => {
      cometd = clients.client(clientCredentials(org, { streams: { ...QUICK, patience: 100 } })).streams.over("cometd");
      await listen();
      org.control.slow({ ms: 60_000, kind: "streaming" });
      const began = Date.now();
      await cometd.close();
      assert.ok(Date.now() - began < 10_000);
      org.control.clearFaults();
    });
  });

  it("leaves no timer and no socket behind, whatever happened", async () => {
    const open = (): number => process.getActiveResourcesInfo().filter((kind) => kind === "Timeout" || kind.startsWith("TCPSocket")).length;
    const all = await Promise.all([listen(), listen(), listen(B)]);
    const refused = begin("/event/Nobody__e");
    await refused.is("failed");
    org.control.streamFault({ kind: "dailyLimit" });
    await soon("a session that waits", () => all.some(({ state }) => state === "waiting"));
    const during = open();
    await clients.stop();
    org.control.reset();
    await soon("fewer timers and sockets", () => open() <= during - 4);
  });
});
