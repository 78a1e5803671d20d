import assert from "node:assert/strict";
import { ConnectorError } from "../../../../nodes/common/errors";
import { deliveryOf, ListenBench, type Listening, type Sent, settle, waitFor } from "./listen-bench";
import { event } from "./scripted-transport";

const accept = (message: Sent): void => settle(message);
const range = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => event(from + index));

describe("a listener to a channel of events", () => {
  const bench = new ListenBench();
  afterEach(() => bench.closeAll());

  const lastState = ({ states }: Listening): string | undefined => states.at(-1)?.kind;

  describe("puts an event out", () => {
    it("with its payload, the channel as topic, and what tells it from others", async () => {
      const node = bench.open({ channel: "/topic/Open?Status='New'" });
      (await node.subscribed()).bring(event(7, { type: "created", kind: "topic", createdDate: "2026-11-20T16:40:08.208Z" }));
      const { payload, topic, salesforce, delivery } = node.sent[0] as Sent;
      const facts = { channel: "/topic/Open", replayId: "7", eventUuid: "uuid-7", type: "created", createdDate: "2026-11-20T16:40:08.208Z", transport: "cometd" };
      assert.deepEqual({ payload, topic, salesforce, attempt: delivery.attempt }, { payload: { Serial__c: "s7" }, topic: "/topic/Open", salesforce: facts, attempt: 1 });
      assert.equal(node.transport.current?.channel, "/topic/Open?Status='New'");
    });

    it("again after a delay when it failed, as it was at first", async () => {
      const node = bench.open({ retries: 1 });
      (await node.subscribed()).bring(event(1));
      (node.sent[0]?.payload as Record<string, unknown>).Serial__c = "changed by the flow";
      settle(node.sent[0], "retry", new ConnectorError("FLOW_ERROR", "busy"));
      await waitFor("the second attempt", () => node.sent.length === 2);
      assert.deepEqual([node.sent[1]?.payload, node.sent[1]?.delivery.attempt], [{ Serial__c: "s1" }, 2]);
    });

    it("among the dead letters when it can never work, and moves on when that flow has finished", async () => {
      const node = bench.open();
      (await node.subscribed()).bring(event(1), event(2));
      settle(node.sent[0], "dead-letter", new ConnectorError("INPUT_INVALID", "no serial"));
      settle(node.sent[1]);
      await waitFor("the dead letter", () => node.sent.length === 3);
      assert.deepEqual([node.sent[2]?.output, node.sent[2]?.error?.code, node.sent[2]?.salesforce.replayId], [1, "INPUT_INVALID", "1"]);
      settle(node.sent[2]);
      await bench.storedAt("2");
    });

    it("not when it came before, by its EventUuid, or by its replay id where it has none", async () => {
      const node = bench.open({}, { answer: accept });
      const subscription = await node.subscribed();
      const { eventUuid: _, ...bare } = event(3);
      subscription.bring(event(1), event(2, { eventUuid: "uuid-1" }), bare, bare, event(4));
      assert.deepEqual(node.ids, ["1", "3", "4"]);
      await bench.storedAt("4");
    });

    it("each time it comes when repeats are not looked for", async () => {
      const node = bench.open({ dedupeWindow: 0 }, { answer: accept });
      (await node.subscribed()).bring(event(1), event(1));
      assert.deepEqual(node.ids, ["1", "1"]);
    });
  });

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
      await waitFor("the warning", () => node.warnings.length > 0);
      assert.deepEqual(node.states.at(-1), { kind: "unsaved", reason: "disk full" });
      fails = false;
      await node.close();
      assert.deepEqual([node.warnings.filter((text) => text.includes("disk full")).length, (await bench.stored())?.position], [1, "2"]);
    });

    it("and begins nowhere while it cannot be read, rather than lose or repeat", async () => {
      let fails = true;
      const { store } = bench;
      await store.write("salesforce-listen/00D000000000001AAA//event/Device_Alert__e/listen", { position: "5", transport: "cometd", settled: [] });
      const failing = { write: (key: string, value: unknown) => store.write(key, value), remove: (key: string) => store.remove(key), read: (key: string) => (fails ? Promise.reject(new Error("gone")) : store.read(key)) };
      const node = bench.open({}, { store: failing });
      await waitFor("the state", () => lastState(node) === "waiting");
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
      second.transport.current?.bring(event(4661, { position: "0000000000001235" }));
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

  describe("takes no more", () => {
    it("than may be in the flow, and asks for more when half of them are settled", async () => {
      const node = bench.open({ maxInFlight: 10 });
      const subscription = await node.subscribed();
      assert.equal(subscription.bring(...range(1, 30)), 10);
      assert.equal(subscription.bring(event(11)), 0);
      for (const message of node.sent.slice(0, 4)) settle(message);
      await new Promise((resolve) => setImmediate(resolve));
      assert.equal(subscription.asked, 0);
      settle(node.sent[4]);
      await waitFor("the question", () => subscription.asked === 1);
      assert.equal(subscription.bring(...range(11, 30)), 5);
    });

    it("for long because of a few that stay, though", async () => {
      const node = bench.open({ maxInFlight: 10 });
      const subscription = await node.subscribed();
      subscription.bring(...range(1, 12));
      subscription.bring(event(11));
      settle(node.sent[0]);
      await waitFor("the question", () => subscription.asked === 1);
      assert.equal(subscription.bring(event(11)), 1);
    });

    it("while a sink waits for its system", async () => {
      const node = bench.open();
      const subscription = await node.subscribed();
      subscription.bring(event(1));
      const delivery = deliveryOf(node.sent[0]);
      delivery.hold("the database is away");
      assert.equal(subscription.bring(event(2)), 0);
      assert.deepEqual(node.states.at(-1), { kind: "holding", reason: "the database is away" });
      delivery.resume();
      await waitFor("the question", () => subscription.asked === 1);
      assert.equal(subscription.bring(event(2)), 1);
    });

    it("while a message has asked for it, and goes on behind what it has taken", async () => {
      const node = bench.open();
      const subscription = await node.subscribed();
      subscription.bring(event(1), event(2));
      node.listener.pause("asked");
      assert.deepEqual([subscription.closed, lastState(node)], [true, "paused"]);
      node.listener.resume("asked");
      assert.deepEqual((await node.subscribed()).start, { from: "after", position: "2" });
    });

    it("and begins where a message said that came before it could", async () => {
      const early = bench.open();
      early.listener.resume("asked", "all");
      assert.deepEqual((await early.subscribed()).start, { from: "all" });
      let prepared: (() => void) | undefined;
      const late = bench.open({ channel: "/event/Other__e" }, { prepare: () => new Promise((resolve) => (prepared = resolve)) });
      await waitFor("its beginning", () => prepared);
      prepared?.();
      await Promise.resolve().then(() => late.listener.resume("asked", "all"));
      assert.deepEqual((await late.subscribed()).start, { from: "all" });
    });

    it("while nothing is wired", async () => {
      const node = bench.open({}, { outputs: [1] });
      await new Promise((resolve) => setTimeout(resolve, 20));
      assert.deepEqual([node.transport.subscriptions.length, lastState(node)], [0, "unwired"]);
      node.wired.add(0);
      node.listener.rewired();
      await node.subscribed();
    });

    it("while dead letters go nowhere, red, and loses none of them", async () => {
      const node = bench.open({}, { outputs: [0] });
      const subscription = await node.subscribed();
      subscription.bring(event(1), event(2));
      settle(node.sent[0], "dead-letter", new ConnectorError("INPUT_INVALID", "no"));
      settle(node.sent[1]);
      await waitFor("the state", () => lastState(node) === "stuck");
      assert.ok(subscription.closed);
      assert.deepEqual(node.warnings, ["A dead letter goes nowhere, and the node stops until its output for them is wired: no"]);
      node.wired.add(1);
      node.listener.rewired();
      await waitFor("the dead letter", () => node.sent[2]);
      settle(node.sent[2]);
      assert.deepEqual((await node.subscribed()).start, { from: "after", position: "2" });
      await bench.storedAt("2");
    });

    it("once it is closed: what is not settled by then comes again", async () => {
      const node = bench.open();
      (await node.subscribed()).bring(event(1), event(2));
      settle(node.sent[0]);
      await node.close(10);
      settle(node.sent[1]);
      assert.deepEqual((await bench.stored())?.position, "1");
    });
  });

  it("does not begin where another node of this process keeps its position, until that one is gone", async () => {
    const [first, second] = [bench.open(), bench.open()];
    await first.subscribed();
    await waitFor("the state", () => lastState(second) === "failed");
    assert.match(second.warnings.join(), /Another node listens to .* under the name listen: give each a name of its own/);
    await first.close();
    await second.subscribed();
  });

  it("says why it cannot begin when the org does not tell which one it is, and begins when it does", async () => {
    let refusals = 2;
    const session = { accessToken: "t", instanceUrl: "http://org" };
    const raw = () => (refusals-- > 0 ? Promise.reject(new ConnectorError("ORG_REFUSED", "the token is not for this")) : Promise.resolve({ body: '{"organization_id":"00D000000000001AAA"}' }));
    const node = bench.open({}, { org: { openSession: () => Promise.resolve(session), rest: { raw } as never } });
    await node.subscribed();
    const told = node.states.filter(({ kind }) => kind === "failed") as { error: ConnectorError }[];
    assert.deepEqual([told.map(({ error }) => error.message), node.warnings], [["the token is not for this", "the token is not for this"], ["ORG_REFUSED: the token is not for this"]]);
    assert.notEqual(lastState(node), "failed");
  });

  it("does what is to be done before it subscribes, until it succeeds", async () => {
    let tries = 0;
    const prepare = (): Promise<void> => ((tries += 1) < 3 ? Promise.reject(new ConnectorError("ORG_REFUSED", "no such object")) : Promise.resolve());
    const node = bench.open({}, { prepare });
    await node.subscribed();
    assert.deepEqual([tries, node.warnings], [3, ["ORG_REFUSED: no such object"]]);
  });

  it("logs each loss of the stream once, with its cause, and once that it is back", async () => {
    const node = bench.open({}, { answer: accept });
    const subscription = await node.subscribed();
    subscription.state({ kind: "listening" });
    subscription.bring(event(1));
    for (let time = 0; time < 3; time += 1) {
      subscription.state({ kind: "waiting", error: new ConnectorError("ORG_UNAVAILABLE", `503, time ${time}`) });
      subscription.state({ kind: "connecting" });
    }
    subscription.state({ kind: "listening" });
    assert.deepEqual([node.warnings, node.logs], [["/event/Device_Alert__e: no events come at present: ORG_UNAVAILABLE: 503, time 0"], ["/event/Device_Alert__e: events come again"]]);
    assert.equal(lastState(node), "listening");
  });
});
