import assert from "node:assert/strict";
import { AHEAD } from "../../../../../nodes/salesforce/client/events/cometd/channel";
import type { StartPoint } from "../../../../../nodes/salesforce/client/events/event-stream";
import { A, CometdSuite, NAMES, numbers, Recorder, soon } from "./support";

const B = "/event/B__e";

describe("A channel over CometD", () => {
  const suite = new CometdSuite();

  describe("whose position the org does not know any more", () => {
    const staleWith = async (fallback: StartPoint | undefined, position?: string): Promise<Recorder> => {
      suite.publish("gone");
      const { replayId } = suite.org.events("A__e")[0]!;
      suite.org.control.ageEvents();
      const recorder = new Recorder();
      recorder.fallback = fallback;
      suite.publish("kept");
      suite.begin(A, { from: "after", position: position ?? String(replayId) }, recorder);
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
      suite.publish("new");
      await heard.has(1);
      assert.deepEqual(heard.texts, ["new"]);
    });

    it("stops, when its listener says so, and the others go on", async () => {
      const other = await suite.listen(B);
      const heard = await staleWith(undefined);
      assert.deepEqual([heard.state, heard.states.at(-1)?.error?.code], ["stopped", "POSITION_STALE"]);
      suite.publishTo("B__e", "1");
      await other.has(1);
      suite.org.control.dropStreams();
      suite.publishTo("B__e", "2");
      await other.has(2);
      suite.publish("lost");
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
      const heard = await suite.listen();
      suite.publish("1");
      await heard.has(1);
      heard.fallback = { from: "all" };
      suite.org.control.streamFault({ kind: "protect", count: 2 });
      suite.org.control.dropStreams();
      suite.org.control.ageEvents();
      suite.publish("2");
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
        const working = await Promise.all(NAMES.slice(1).map((name) => suite.listen(`/event/${name}`)));
        const began = Date.now();
        const refused = suite.begin(channel);
        await refused.is("failed");
        const { error, retryAt } = refused.states.at(-1)!;
        assert.deepEqual([error?.code, retryAt! > began], ["CHANNEL_UNAVAILABLE", true]);
        assert.match(error?.message ?? "", text);
        for (const name of NAMES) suite.publishTo(name, name);
        await Promise.all(working.map((heard) => heard.has(1)));
        assert.ok(working.every(({ kinds }) => kinds.join() === "connecting,listening"));
        assert.equal(suite.streams().length, 1);
      });
    }

    it("works as soon as it may be read", async () => {
      suite.org.control.streamFault({ on: "subscribe", channel: A, error: "403::Subscriber does not have access to the entity in this topic", reconnect: "none", count: 3 });
      const heard = suite.begin();
      await heard.is("failed");
      await heard.is("listening");
      suite.publish("1");
      await heard.has(1);
    });

    it("for a moment only is tried again soon, and the others go on", async () => {
      const other = await suite.listen(B);
      suite.org.control.streamFault({ on: "subscribe", channel: A, kind: "busy", count: 3 });
      const heard = suite.begin();
      await heard.is("waiting");
      suite.publishTo("B__e", "1");
      await other.has(1);
      await heard.is("listening");
      assert.deepEqual(other.kinds, ["connecting", "listening"]);
    });

    it("with a session that is over brings about another session", async () => {
      suite.org.control.streamFault({ on: "subscribe", channel: A, kind: "unauthorized" });
      const heard = await suite.listen();
      suite.publish("1");
      await heard.has(1);
    });
  });

  describe("whose listener has no room", () => {
    it("is left out, while two others go on, and goes on alone when there is room; nothing is missed", async () => {
      const full = suite.begin(A);
      full.capacity = 10;
      const others = await Promise.all([suite.listen(B), suite.listen("/event/C__e")]);
      await full.is("listening");
      const all = numbers(10 + 3 * AHEAD);
      suite.publish(...all.slice(0, AHEAD + 20));
      await full.is("full");
      suite.publish(...all.slice(AHEAD + 20));
      suite.publishTo("B__e", "b");
      suite.publishTo("C__e", "c");
      await Promise.all(others.map((heard) => heard.has(1)));
      assert.deepEqual(full.texts, all.slice(0, 10));
      assert.deepEqual(suite.streams().map(({ channels }) => channels), [[B, "/event/C__e"]], "it asks for nothing more");
      full.capacity = Infinity;
      full.subscription.more();
      await full.has(all.length);
      assert.deepEqual(full.texts, all);
      assert.equal(full.state, "listening");
      assert.deepEqual(suite.streams().map(({ channels }) => channels), [[B, "/event/C__e"], [A]]);
      assert.ok(others.every(({ kinds }) => kinds.join() === "connecting,listening"));
    });

    it("gets a long backlog though it takes it slowly, and the org sends hardly any of it twice", async () => {
      const all = numbers(5000);
      suite.publish(...all);
      const other = await suite.listen(B);
      const heard = suite.begin(A, { from: "all" });
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
      suite.cometd = suite.connect(suite.org, { patience: 500 });
      const all = numbers(3 * AHEAD);
      suite.publish(...all);
      const heard = suite.begin(A, { from: "all" });
      heard.capacity = 1;
      await heard.is("full");
      await soon("no session", () => suite.streams().length === 0);
      suite.publish("last");
      heard.capacity = 300;
      heard.subscription.more();
      await heard.has(300);
      assert.equal(suite.streams().length, 0, "it takes what was kept first");
      heard.capacity = Infinity;
      heard.subscription.more();
      await heard.has(all.length + 1);
      assert.deepEqual(heard.texts, [...all, "last"]);
    });

    it("keeps nothing twice when the session is dropped meanwhile", async () => {
      const heard = await suite.listen();
      heard.capacity = 1;
      const all = numbers(2 * AHEAD);
      suite.publish(...all);
      await heard.has(1);
      suite.org.control.dropStreams();
      heard.capacity = Infinity;
      heard.subscription.more();
      suite.publish("last");
      await heard.has(all.length + 1);
      assert.deepEqual(heard.texts, [...all, "last"]);
    });

    it("is closed like any other", async () => {
      suite.cometd = suite.connect(suite.org, { patience: 500 });
      const heard = await suite.listen();
      heard.capacity = 1;
      suite.publish(...numbers(2 * AHEAD));
      await heard.is("full");
      await heard.subscription.close();
      heard.capacity = Infinity;
      heard.subscription.more();
      assert.deepEqual([heard.events.length, suite.streams()], [1, []]);
    });

    it("says that there is room while it is given events", async () => {
      const heard = suite.begin(A, { from: "all" });
      heard.capacity = 2;
      const { onEvents } = heard;
      heard.onEvents = (events) => {
        onEvents.call(heard, events);
        heard.capacity += 2;
        heard.subscription.more();
      };
      await heard.is("listening");
      suite.publish(...numbers(50));
      await heard.has(50);
      assert.deepEqual(heard.texts, numbers(50));
    });
  });

  describe("that is closed", () => {
    it("is unsubscribed, while the others go on", async () => {
      const [heard, other] = await Promise.all([suite.listen(), suite.listen(B)]);
      await heard.subscription.close();
      assert.deepEqual(suite.streams().map(({ channels }) => channels), [[B]]);
      suite.publish("unheard");
      suite.publishTo("B__e", "1");
      await other.has(1);
      assert.deepEqual(heard.texts, []);
    });

    it("ends the session when it was the last one, the held poll too", async () => {
      const heard = await suite.listen();
      await soon("a held poll", () => suite.streams()[0]?.held);
      await heard.subscription.close();
      assert.deepEqual(suite.streams(), []);
    });

    it("from within its own event hears nothing more", async () => {
      const heard = await suite.listen();
      const { onEvents } = heard;
      heard.onEvents = (events) => {
        onEvents.call(heard, events);
        void heard.subscription.close();
      };
      heard.capacity = 2;
      suite.publish("1", "2", "3");
      await soon("no session", () => suite.streams().length === 0);
      assert.deepEqual([heard.texts, heard.kinds], [["1", "2"], ["connecting", "listening"]]);
    });

    it("and listened to again gets what came meanwhile, and no old event ahead of it", async () => {
      const other = await suite.listen(B);
      let heard = await suite.listen();
      const all = numbers(60);
      for (const text of all) {
        suite.publish(text);
        if (Number(text) % 6 !== 5) continue;
        await heard.has(6);
        const { position } = heard.events.at(-1)!;
        const closed = heard.subscription.close();
        suite.publish(`${text} meanwhile`);
        heard = suite.begin(A, { from: "after", position });
        await heard.has(1);
        assert.deepEqual(heard.texts, [`${text} meanwhile`]);
        heard.events.pop();
        await closed;
      }
      assert.ok(suite.streams().length <= 3);
      assert.deepEqual(other.kinds, ["connecting", "listening"]);
    });

    for (const kind of ["protect", "busy"] as const) {
      it(`while the org is away ends at once (${kind})`, async () => {
        suite.cometd = suite.connect(suite.org, { patience: 20_000 });
        const heard = await suite.listen();
        suite.org.control.streamFault({ kind, on: "handshake", count: 1000 });
        suite.org.control.dropStreams();
        await heard.is("waiting");
        const began = Date.now();
        await heard.subscription.close();
        assert.ok(Date.now() - began < 10_000);
      });
    }

    it("while nobody answers ends in seconds, and the transport with it", async () => {
      suite.cometd = suite.connect(suite.org, { patience: 500 });
      await suite.listen();
      suite.org.control.slow({ ms: 60_000, kind: "streaming" });
      const began = Date.now();
      await suite.cometd.close();
      assert.ok(Date.now() - began < 10_000);
      suite.org.control.clearFaults();
    });
  });

  it("leaves no timer and no socket behind, whatever happened", async () => {
    const open = (): number => process.getActiveResourcesInfo().filter((kind) => kind === "Timeout" || kind.startsWith("TCPSocket")).length;
    const all = await Promise.all([suite.listen(), suite.listen(), suite.listen(B)]);
    const refused = suite.begin("/event/Nobody__e");
    await refused.is("failed");
    suite.org.control.streamFault({ kind: "dailyLimit" });
    await soon("a session that waits", () => all.some(({ state }) => state === "waiting"));
    const during = open();
    await suite.disconnect();
    suite.org.control.reset();
    await soon("fewer timers and sockets", () => open() <= during - 4);
  });
});
