import assert from "node:assert/strict";
import { ConnectorError } from "../../../../nodes/common/errors";
import type { Session } from "../../../../nodes/salesforce/client/sign-in/login";
import { ListenBench, type Listening, ORG, type Sent, settle, waitFor } from "./listen-bench";
import { turns } from "../../../services/wait";
import { event, range } from "./scripted-transport";

const accept = (message: Sent): void => settle(message);

describe("a listener that keeps its position", () => {
  const bench = new ListenBench();
  afterEach(() => bench.closeAll());

  const lastState = ({ states }: Listening): string | undefined => states.at(-1)?.kind;

  describe("keeps how far events are settled", () => {
    it("as the lowest that is not, with those above it", async () => {
      const node = bench.open();
      (await node.subscribed()).bring(...range(1, 6));
      for (const index of [0, 2, 4]) settle(node.sent[index]);
      const stored = await bench.storedAt("1");
      await waitFor("those above it", async () => (await bench.stored())?.settled.length === 2);
      assert.deepEqual([stored.transport, (await bench.stored())?.settled], ["cometd", ["uuid-3", "uuid-5"]]);
      settle(node.sent[1]);
      assert.deepEqual((await bench.storedAt("3")).settled, ["uuid-5"]);
      settle(node.sent[3]);
      assert.deepEqual((await bench.storedAt("5")).settled, []);
    });

    it("so that a restart repeats none of them, and sends the others again", async () => {
      const first = bench.open();
      (await first.subscribed()).bring(...range(1, 6));
      for (const index of [0, 2, 4]) settle(first.sent[index]);
      await first.close();
      const second = bench.open({}, { answer: accept });
      const subscription = await second.subscribed();
      assert.deepEqual(subscription.start, { from: "after", position: "1" });
      subscription.bring(...range(2, 8));
      assert.deepEqual(second.ids, ["2", "4", "6", "7"]);
      await bench.storedAt("7");
    });

    it("so that a second restart repeats none of them either, though they had not come again before it", async () => {
      const first = bench.open();
      (await first.subscribed()).bring(...range(1, 7));
      for (const index of [0, 2, 4, 5]) settle(first.sent[index]);
      await first.close();
      const second = bench.open({}, { answer: accept });
      (await second.subscribed()).bring(event(2), event(3));
      assert.deepEqual((await bench.storedAt("3")).settled, ["uuid-5", "uuid-6"]);
      await second.close();
      const third = bench.open({}, { answer: accept });
      (await third.subscribed()).bring(...range(4, 8));
      assert.deepEqual(third.ids, ["4", "7"]);
      assert.deepEqual((await bench.storedAt("7")).settled, []);
    });

    it("and forgets those that do not come again where they should have come", async () => {
      await bench.store.write("salesforce-listen/00D000000000001AAA//event/Device_Alert__e/listen", { position: "1", transport: "cometd", settled: ["uuid-3", "uuid-5", "uuid-6"], time: "" });
      const node = bench.open({}, { answer: accept });
      const subscription = await node.subscribed();
      subscription.bring(event(2), event(5));
      assert.deepEqual((await bench.storedAt("5")).settled, ["uuid-6"]);
      subscription.listener.onPosition("8");
      assert.deepEqual((await bench.storedAt("8")).settled, []);
    });

    it("so that an event in the flow is sent again after a restart, though a repeat of it was passed over", async () => {
      const first = bench.open();
      (await first.subscribed()).bring(event(1), event(2), event(3, { eventUuid: "uuid-2" }), event(4));
      settle(first.sent[0]);
      settle(first.sent[2]);
      await waitFor("what is above it", async () => (await bench.stored())?.settled.length === 1);
      await first.close();
      const second = bench.open({}, { answer: accept });
      const subscription = await second.subscribed();
      assert.deepEqual(subscription.start, { from: "after", position: "1" });
      subscription.bring(event(2), event(3, { eventUuid: "uuid-2" }), event(4));
      assert.deepEqual(second.ids, ["2"]);
      await bench.storedAt("4");
    });

    it("not for each event, but at a pace", async () => {
      let writes = 0;
      const { store } = bench;
      const counting = { read: (key: string) => store.read(key), remove: (key: string) => store.remove(key), write: (key: string, value: unknown) => store.write(key, value).then(() => void (writes += 1)) };
      const node = bench.open({ maxInFlight: 1000 }, { answer: accept, store: counting });
      const subscription = await node.subscribed();
      const before = writes;
      subscription.bring(...range(1, 500));
      await bench.storedAt("499");
      assert.ok(writes - before <= 2, `${writes - before} writes`);
    });

    it("up to where the org says that there is nothing, when nothing is in the flow", async () => {
      const node = bench.open();
      const subscription = await node.subscribed();
      subscription.listener.onPosition("20");
      await bench.storedAt("20");
      subscription.bring(event(25));
      subscription.listener.onPosition("30");
      settle(node.sent[0]);
      await bench.storedAt("25");
    });

    it("by org, channel without filter, and name", async () => {
      const node = bench.open({ channel: "/topic/Open?Status='New'" }, { answer: accept });
      (await node.subscribed()).bring(event(9));
      await waitFor("its position", async () => (await bench.stored("/topic/Open"))?.position === "9");
    });

    it("and says so once while it cannot, tries again, and listens all the same", async () => {
      let fails = true;
      const { store } = bench;
      const failing = { read: (key: string) => store.read(key), remove: (key: string) => store.remove(key), write: (key: string, value: unknown) => (fails ? Promise.reject(new Error("disk full")) : store.write(key, value)) };
      const node = bench.open({}, { answer: accept, store: failing });
      (await node.subscribed()).bring(event(1), event(2));
      const told = (): string[] => node.warnings.filter((text) => /^STORE_UNAVAILABLE: The position .*disk full/.test(text));
      await waitFor("the warning", () => told().length > 0);
      assert.deepEqual(node.states.at(-1), { kind: "unsaved", reason: "disk full" });
      fails = false;
      await node.close();
      assert.deepEqual([told().length, (await bench.stored())?.position], [1, "2"]);
    });

    it("and begins nowhere while it cannot be read, rather than lose or repeat", async () => {
      let fails = true;
      const { store } = bench;
      await store.write("salesforce-listen/00D000000000001AAA//event/Device_Alert__e/listen", { position: "5", transport: "cometd", settled: [] });
      const failing = { write: (key: string, value: unknown) => store.write(key, value), remove: (key: string) => store.remove(key), read: (key: string) => (fails ? Promise.reject(new Error("gone")) : store.read(key)) };
      const node = bench.open({}, { store: failing });
      await waitFor("the state", () => lastState(node) === "failed");
      assert.equal(node.transport.subscriptions.length, 0);
      fails = false;
      assert.deepEqual((await node.subscribed()).start, { from: "after", position: "5" });
    });

    it("in the form of the other transport when that is chosen", async () => {
      const first = bench.open({}, { answer: accept });
      (await first.subscribed()).bring(event(4660));
      await first.close();
      const second = bench.open({ transport: "pubsub" }, { answer: accept });
      assert.deepEqual((await second.subscribed()).start, { from: "after", position: "0000000000001234" });
      second.transport.current?.bring(event(4661, { position: "00000000000012350000" }));
      await second.close();
      assert.deepEqual((await bench.open().subscribed()).start, { from: "after", position: "4661" });
    });
  });

  describe("begins", () => {
    it("with what is new while nothing is kept", async () => {
      assert.deepEqual((await bench.open().subscribed()).start, { from: "new" });
    });

    it("a second time where the first time began, though no event has come since, and passes over what is older", async () => {
      const first = bench.open();
      await first.subscribed();
      const begun = Date.now();
      await first.close();
      const second = bench.open({}, { answer: accept });
      const subscription = await second.subscribed();
      assert.deepEqual(subscription.start, { from: "all" });
      const at = (seconds: number) => ({ createdDate: new Date(begun + 1000 * seconds).toISOString() });
      subscription.bring(event(1, at(-600)), event(2, at(-120)), event(3, at(1)), event(4, at(-120)));
      assert.deepEqual(second.ids, ["3", "4"]);
      await bench.storedAt("4");
    });

    it("a second time so as well when nobody can read an event among those that are older", async () => {
      await bench.open().subscribed();
      await bench.closeOpen();
      const node = bench.open({}, { answer: accept });
      const ago = { createdDate: new Date(Date.now() - 600_000).toISOString() };
      const { createdDate: _, ...timeless } = event(2, { unreadable: new ConnectorError("FORMAT_INVALID", "it does not fit its schema") });
      (await node.subscribed()).bring(event(1, ago), timeless, event(3, ago), event(4));
      assert.deepEqual(node.ids, ["4"]);
    });

    it("a third time behind what was passed over, and passes over the rest of it", async () => {
      const ago = { createdDate: new Date(Date.now() - 600_000).toISOString() };
      await bench.open().subscribed();
      await bench.closeOpen();
      (await bench.open().subscribed()).bring(event(1, ago), event(2, ago));
      await bench.storedAt("2");
      await bench.closeOpen();
      const third = bench.open({}, { answer: accept });
      const subscription = await third.subscribed();
      assert.deepEqual(subscription.start, { from: "after", position: "2" });
      subscription.bring(event(3, ago), event(4), event(5));
      assert.deepEqual(third.ids, ["4", "5"]);
      assert.equal((await bench.storedAt("5")).since, undefined);
    });

    for (const before of [["listening"], ["listening", "full"]] as const) {
      it(`there as well when the stream is lost before the first event, while it was ${before.at(-1)}, and once only`, async () => {
        const node = bench.open({}, { answer: accept });
        const subscription = await node.subscribed();
        for (const kind of before) subscription.state({ kind });
        assert.equal(subscription.closed, false);
        for (const kind of ["waiting", "connecting"] as const) subscription.state({ kind, error: new ConnectorError("ORG_UNAVAILABLE", "503") });
        await waitFor("another subscription", () => node.transport.subscriptions.length === 2);
        assert.deepEqual([subscription.closed, node.transport.current?.start], [true, { from: "all" }]);
        for (const kind of ["listening", "connecting", "listening"] as const) node.transport.current?.state({ kind });
        node.transport.current?.bring(event(1, { createdDate: new Date(Date.now() - 60_000).toISOString() }), event(2));
        assert.deepEqual([node.ids, node.transport.subscriptions.length], [["2"], 2]);
      });
    }

    it("with what is new once more when the org had not taken the subscription", async () => {
      const node = bench.open();
      const subscription = await node.subscribed();
      for (const kind of ["waiting", "connecting", "listening"] as const) subscription.state({ kind });
      await new Promise((resolve) => setImmediate(resolve));
      assert.equal(node.transport.current, subscription);
    });

    it("with what came since it was told to listen, when the org does not take the subscription for long", async () => {
      const node = bench.open();
      const subscription = await node.subscribed();
      subscription.state({ kind: "waiting", error: new ConnectorError("ORG_UNAVAILABLE", "away"), retryAt: Date.now() + 30_000 });
      const again = await waitFor("a subscription anew", () => node.transport.subscriptions[1]);
      assert.deepEqual([subscription.closed, again.start], [true, { from: "all" }]);
      again.state({ kind: "waiting", error: new ConnectorError("ORG_UNAVAILABLE", "away"), retryAt: Date.now() + 30_000 });
      again.state({ kind: "listening" });
      again.bring(event(1, { createdDate: new Date(Date.now() - 60_000).toISOString() }), event(2));
      assert.deepEqual([node.ids, node.transport.subscriptions.length], [["2"], 2]);
    });

    describe("as much later as the org takes to let it in or to take the subscription,", () => {
      const clock = performance.now.bind(performance);
      const passMinute = (): void => void (performance.now = () => clock() + 60_000);
      const secondsAgo = (seconds: number) => ({ createdDate: new Date(Date.now() - 1000 * seconds).toISOString() });
      afterEach(() => (performance.now = clock));

      for (const [name, meanwhile] of [["", () => undefined], [", though it was paused meanwhile", ({ listener }: Listening) => [listener.pause("asked"), listener.resume("asked")]]] as const) {
        it(`with what came since it was told to listen${name}`, async () => {
          let letIn = (): void => undefined;
          const openSession = () => new Promise<Session>((resolve) => (letIn = () => resolve({ accessToken: "t", instanceUrl: "http://org", orgId: ORG })));
          const node = bench.open({}, { org: { openSession } });
          passMinute();
          meanwhile(node);
          letIn();
          const subscription = await node.subscribed();
          assert.deepEqual(subscription.start, { from: "all" });
          subscription.bring(event(1, secondsAgo(120)), event(2, secondsAgo(50)));
          assert.deepEqual(node.ids, ["2"]);
        });
      }

      /** Is told to begin with what is new, and let in a minute later; position 1 is kept from before. */
      async function beginLate(): Promise<Listening> {
        (await bench.open({}, { answer: accept }).subscribed()).bring(event(1));
        await bench.storedAt("1");
        await bench.closeOpen();
        let letIn = (): void => undefined;
        const openSession = () => new Promise<Session>((resolve) => (letIn = () => resolve({ accessToken: "t", instanceUrl: "http://org", orgId: ORG })));
        const node = bench.open({ replayFrom: "new", staleReplay: "stop" }, { org: { openSession } });
        passMinute();
        letIn();
        return node;
      }

      it("with what came since, of what lies behind its last position", async () => {
        const node = await beginLate();
        const subscription = await node.subscribed();
        assert.deepEqual(subscription.start, { from: "after", position: "1" });
        subscription.bring(event(2, secondsAgo(120)), event(3, secondsAgo(50)));
        assert.deepEqual(node.ids, ["3"]);
      });

      it("with what came since, of all that is retained when the org does not know that position any more", async () => {
        const node = await beginLate();
        const subscription = await node.subscribed();
        subscription.bring(event(2, secondsAgo(50)));
        assert.deepEqual(subscription.listener.onStale("2", new ConnectorError("POSITION_STALE", "gone")), { from: "all" });
        subscription.bring(event(3, secondsAgo(120)), event(2, secondsAgo(50)), event(4, secondsAgo(40)));
        await turns(2);
        assert.deepEqual([node.ids, node.listener.state.kind === "stopped"], [["2", "4"], false]);
      });

      it("with what is new from then on, when a message says so", async () => {
        const node = bench.open();
        passMinute();
        node.listener.resume("asked", "new");
        assert.deepEqual((await node.subscribed()).start, { from: "new" });
      });

      it("with what came since, also when nothing went wrong, and with no event of the late subscription", async () => {
        const http = { send: () => Promise.resolve({ headers: { date: new Date().toUTCString() } }) } as never;
        const node = bench.open({}, { org: { http } });
        const subscription = await node.subscribed();
        assert.deepEqual(subscription.start, { from: "new" });
        passMinute();
        subscription.state({ kind: "listening" });
        assert.equal(subscription.listener.room(), 0);
        const again = await waitFor("a subscription anew", () => node.transport.subscriptions[1]);
        assert.deepEqual([subscription.closed, again.start], [true, { from: "all" }]);
      });
    });

    for (const [channel, hours] of [["/event/Device_Alert__e", 72], ["/topic/Open", 24]] as const) {
      for (const [lies, gap] of [["and says so where that is", -1], ["not saying so where that is not", 1]] as const) {
        it(`with all that is retained where it has had none since it began, ${lies} longer ago than the org keeps events of ${channel.slice(0, 6)}`, async () => {
          const since = Date.now() - (hours + (gap < 0 ? 1 : -1)) * 3_600_000;
          await bench.store.write(`salesforce-listen/${ORG}/${channel}/listen`, { since, transport: "cometd", settled: [], time: "" });
          const node = bench.open({ channel });
          assert.deepEqual((await node.subscribed()).start, { from: "all" });
          assert.deepEqual(node.warnings.map((text) => text.includes(new Date(since).toISOString())), gap < 0 ? [true] : []);
        });
      }
    }

    it("with what is new when the org takes the subscription soon, though with another token", async () => {
      const node = bench.open();
      const subscription = await node.subscribed();
      subscription.state({ kind: "connecting", error: new ConnectorError("ORG_SESSION_INVALID", "401") });
      subscription.state({ kind: "listening" });
      await turns(2);
      assert.equal(node.transport.current, subscription);
    });

    it("with what is new each time it starts, when told so", async () => {
      const first = bench.open({ replayFrom: "new" }, { answer: accept });
      (await first.subscribed()).bring(event(1));
      await first.close();
      assert.deepEqual((await bench.open({ replayFrom: "new" }).subscribed()).start, { from: "new" });
    });

    it("with all that is retained each time it starts, when told so", async () => {
      const first = bench.open({ replayFrom: "all" });
      (await first.subscribed()).bring(event(1), event(2));
      settle(first.sent[1]);
      await first.close();
      const second = bench.open({ replayFrom: "all" });
      const subscription = await second.subscribed();
      subscription.bring(event(1), event(2));
      assert.deepEqual([subscription.start, second.ids], [{ from: "all" }, ["1", "2"]]);
    });
  });

  describe("told that the org does not know its position any more", () => {
    const error = new ConnectorError("ORG_REFUSED", "400::The replayId {5} you provided was invalid.");
    const at5 = { position: "5", transport: "cometd", settled: ["uuid-9"], time: "" };
    beforeEach(() => bench.store.write("salesforce-listen/00D000000000001AAA//event/Device_Alert__e/listen", at5));

    it("reads all there is, and says so", async () => {
      const node = bench.open({ staleReplay: "all" }, { answer: accept });
      const subscription = await node.subscribed();
      assert.deepEqual(subscription.listener.onStale("5", error), { from: "all" });
      subscription.state({ kind: "listening" });
      assert.deepEqual(node.states.at(-1), { kind: "stale", read: "all" });
      assert.match(node.warnings[0] ?? "", /does not know position 5 any more: all that it has retained is read/);
      subscription.bring(event(2));
      assert.equal(lastState(node), "listening");
      await bench.storedAt("2");
    });

    it("reads what is new, and says so", async () => {
      const node = bench.open({ staleReplay: "new" }, { answer: accept });
      const subscription = await node.subscribed();
      assert.deepEqual(subscription.listener.onStale("5", error), { from: "new" });
      await waitFor("the lost position to be forgotten", async () => ((await bench.stored())?.since ?? 0) > 0);
      assert.match(node.warnings[0] ?? "", /only new events are read/);
    });

    it("reads what is new from then on, however long it has listened", async () => {
      const clock = performance.now.bind(performance);
      try {
        const node = bench.open({ staleReplay: "new" });
        const subscription = await node.subscribed();
        performance.now = () => clock() + 60_000;
        subscription.listener.onStale("5", error);
        subscription.state({ kind: "waiting", error, retryAt: Date.now() + 1_000 });
        subscription.state({ kind: "listening" });
        await turns(2);
        assert.equal(node.transport.current, subscription);
      } finally {
        performance.now = clock;
      }
    });

    it("stops, keeps the position, and begins where a message says", async () => {
      const node = bench.open({ staleReplay: "stop" }, { answer: accept });
      const subscription = await node.subscribed();
      assert.equal(subscription.listener.onStale("5", error), undefined);
      subscription.state({ kind: "stopped", error });
      await waitFor("the end of the subscription", () => subscription.closed);
      assert.deepEqual([lastState(node), (await bench.stored())?.position], ["stopped", "5"]);
      node.listener.resume("asked", "all");
      assert.deepEqual((await node.subscribed()).start, { from: "all" });
    });

    it("does not move on past an event in the flow that comes again", async () => {
      const node = bench.open();
      const subscription = await node.subscribed();
      subscription.bring(event(6), event(7));
      assert.deepEqual(subscription.listener.onStale("7", error), { from: "all" });
      subscription.bring(event(6), event(7));
      assert.equal(node.sent.length, 2);
      settle(node.sent[1]);
      await waitFor("what is above it", async () => (await bench.stored())?.settled.length === 1);
      assert.equal((await bench.stored())?.position, undefined);
      settle(node.sent[0]);
      await bench.storedAt("7");
    });

    it("takes events without EventUuid whose replay ids an org that has moved gives out once more", async () => {
      const node = bench.open({ channel: "/topic/Open" }, { answer: accept });
      const told = (number: number, createdDate: string) => event(number, { kind: "topic", eventUuid: undefined, createdDate });
      const subscription = await node.subscribed();
      subscription.bring(told(6, "2026-11-20T16:40:08.208Z"));
      subscription.listener.onStale("6", error);
      subscription.bring(told(6, "2026-11-21T09:00:00.000Z"), told(6, "2026-11-21T09:00:00.000Z"));
      assert.deepEqual(node.ids, ["6", "6"]);
    });

    it("does not go back there for an event that was in the flow", async () => {
      const node = bench.open({ staleReplay: "new" });
      const subscription = await node.subscribed();
      subscription.bring(event(6));
      subscription.listener.onStale("6", error);
      settle(node.sent[0]);
      await node.close();
      assert.equal((await bench.stored())?.position, undefined);
    });
  });
});
