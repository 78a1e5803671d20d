import assert from "node:assert/strict";
import { tokenRequests } from "../../../support";
import { A, CometdSuite, NAMES, NEW, numbers, Recorder, soon } from "./support";

describe("Events over CometD", () => {
  const suite = new CometdSuite();

  it("come as they are published", async () => {
    const heard = await suite.listen();
    suite.publish("1", "2");
    suite.publish("3");
    await heard.has(3);
    assert.deepEqual(heard.texts, ["1", "2", "3"]);
    const { replayId, eventUuid } = suite.org.events("A__e")[2]!;
    assert.deepEqual([heard.events[2]!.position, heard.events[2]!.eventUuid], [String(replayId), eventUuid]);
    assert.deepEqual(heard.kinds, ["connecting", "listening"]);
  });

  it("of five channels come over one session", async () => {
    const all = await Promise.all(NAMES.map((name) => suite.listen(`/event/${name}`)));
    for (const name of NAMES) suite.publishTo(name, name);
    await Promise.all(all.map((heard) => heard.has(1)));
    assert.deepEqual(all.map(({ texts }) => texts), NAMES.map((name) => [name]));
    assert.equal(suite.streams().length, 1);
  });

  describe("begin", () => {
    beforeEach(() => suite.publish("1", "2", "3"));

    it("with all that is retained", async () => {
      const heard = await suite.listen(A, { from: "all" });
      await heard.has(3);
      assert.deepEqual(heard.texts, ["1", "2", "3"]);
    });

    it("behind a position, each listener of a channel behind its own", async () => {
      const [first, second] = suite.org.events("A__e").map(({ replayId }) => String(replayId));
      const [one, two, three] = await Promise.all([suite.listen(A, { from: "after", position: first! }), suite.listen(A, { from: "after", position: second! }), suite.listen(A)]);
      suite.publish("4");
      await Promise.all([one.has(3), two.has(2), three.has(1)]);
      assert.deepEqual([one.texts, two.texts, three.texts], [["2", "3", "4"], ["3", "4"], ["4"]]);
      assert.equal(suite.streams().length, 3, "a session holds a channel once");
    });

    it("with what comes with the answer to the subscription", async () => {
      suite.org.control.deliverWithSubscribe({ on: true });
      const heard = await suite.listen(A, { from: "all" });
      await heard.has(3);
      suite.publish("4");
      await heard.has(4);
      assert.deepEqual(heard.texts, ["1", "2", "3", "4"]);
    });
  });

  describe("go on, and none is missed,", () => {
    /** Publishes before, while and after something happens to the stream. */
    const goesOn = async (trouble: () => unknown): Promise<Recorder> => {
      const heard = await suite.listen();
      suite.publish("before");
      await heard.has(1);
      await trouble();
      suite.publish("after");
      await heard.has(2);
      await heard.is("listening");
      assert.deepEqual(heard.texts, ["before", "after"]);
      return heard;
    };

    it("when the token is over: with another one", async () => {
      await goesOn(() => suite.org.control.expireTokens());
      assert.equal(tokenRequests(suite.org), 2);
    });

    it("when tokens are over that several sessions use: with one login", async () => {
      const all = await Promise.all([suite.listen(), suite.listen(), suite.listen()]);
      suite.publish("1");
      await Promise.all(all.map((heard) => heard.has(1)));
      suite.org.control.expireTokens();
      suite.publish("2");
      await Promise.all(all.map((heard) => heard.has(2)));
      assert.equal(tokenRequests(suite.org), 2);
    });

    for (const cut of [false, true]) {
      it(`when the session is dropped${cut ? " and the connection cut" : ""}: with the same token`, async () => {
        await goesOn(() => suite.org.control.dropStreams({ cut }));
        assert.equal(tokenRequests(suite.org), 1);
      });
    }

    it("when the server is too busy and calls it 401: with the same token", async () => {
      const { states } = await goesOn(() => suite.org.control.streamFault({ kind: "busy", count: 3 }));
      assert.equal(tokenRequests(suite.org), 1);
      assert.match(states.find(({ kind }) => kind === "waiting")?.error?.message ?? "", /503::Server is too busy/);
    });

    for (const kind of ["protect", "concurrentLimit"] as const) {
      it(`when the handshake is denied for a while (${kind})`, async () => {
        await goesOn(() => {
          suite.org.control.streamFault({ kind, count: 3 });
          suite.org.control.dropStreams();
        });
        assert.equal(tokenRequests(suite.org), 1);
      });
    }

    for (const kind of ["unauthorized", "disconnect"] as const) {
      it(`when a poll is answered 401 (${kind})`, async () => {
        await goesOn(() => suite.org.control.streamFault({ kind }));
        assert.equal(suite.streams().length, 1);
      });
    }

    it("when the client is unknown and advised to do nothing", async () => {
      const { states } = await goesOn(() => suite.org.control.streamFault({ kind: "unknownClient", reconnect: "none" }));
      assert.deepEqual(states.map(({ kind }) => kind), ["connecting", "listening", "connecting", "listening"]);
      assert.match(states[2]?.error?.message ?? "", /403::Unknown client/, "it says why it connects again");
    });

    it("when the client is unknown each time: with pauses", async () => {
      await goesOn(() => suite.org.control.streamFault({ kind: "unknownClient", count: 4 }));
    });

    it("when an error comes that nobody has seen yet", async () => {
      await goesOn(() => suite.org.control.streamFault({ error: "499::Something new", reconnect: "none" }));
    });

    it("when advice comes that nobody has seen yet", async () => {
      await goesOn(() => suite.org.control.streamFault({ error: "403::Unknown client", reconnect: "dance" as "none" }));
    });

    it("when the org is away for a time, with a web page", async () => {
      await goesOn(async () => {
        suite.org.control.unavailable({ html: true });
        suite.org.control.dropStreams({ cut: true });
        await soon("refused calls", () => suite.org.control.stats().lastRequests.filter(({ status }) => status === 503).length > 2);
        suite.org.control.clearFaults();
      });
    });

    for (const when of ["before", "during", "after"] as const) {
      it(`when connections are reset ${when} the answer`, async () => {
        await goesOn(() => {
          suite.org.control.resetConnections({ kind: "streaming", count: 3, when });
          suite.org.control.dropStreams();
        });
      });
    }

    it("when a poll is never answered: the watchdog breaks it off", async () => {
      const heldBriefly = await suite.start(60);
      const heard = new Recorder();
      suite.connect(heldBriefly, { patience: 1_000 }).subscribe(A, NEW, heard);
      await heard.is("listening");
      heldBriefly.control.insert({ object: "A__e", records: [{ Text__c: "before" }] });
      await heard.has(1);
      heldBriefly.control.holdConnects();
      await heard.is("waiting");
      assert.match(heard.states.at(-1)?.error?.message ?? "", /no answer within 1.06 s/);
      heldBriefly.control.insert({ object: "A__e", records: [{ Text__c: "while" }] });
      heldBriefly.control.holdConnects({ ms: 0 });
      await heard.has(2);
    });

    it("when the day's events are used up: after a long pause", async () => {
      const { states } = await goesOn(() => suite.org.control.streamFault({ kind: "dailyLimit" }));
      const waiting = states.find(({ kind }) => kind === "waiting");
      assert.deepEqual([waiting?.error?.code, waiting?.retryAt === undefined], ["ORG_LIMIT", false]);
    });

    it("when no token is to be had for a while", async () => {
      const { states } = await goesOn(() => {
        suite.org.control.failNext({ count: 3, status: 503, oauth: true, path: "oauth2/token" });
        suite.org.control.expireTokens();
      });
      assert.equal(states.find(({ kind }) => kind === "waiting")?.error?.code, "ORG_UNAVAILABLE");
    });

    it("when the stream breaks again and again", async () => {
      const heard = await suite.listen();
      const all = numbers(200);
      suite.publish("0");
      await heard.has(1);
      for (const text of all.slice(1)) {
        suite.publish(text);
        if (Number(text) % 20 === 0) suite.org.control.dropStreams({ cut: Number(text) % 40 === 0 });
        await new Promise(setImmediate);
      }
      await heard.has(200);
      assert.deepEqual(heard.texts, all);
    });
  });
});
