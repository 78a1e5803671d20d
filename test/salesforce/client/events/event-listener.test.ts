import assert from "node:assert/strict";
import { ConnectorError } from "../../../../nodes/common/errors";
import { deliveryOf, ListenBench, type Listening, type Sent, settle, waitFor } from "./listen-bench";
import { event, range } from "./scripted-transport";
import { remains, turns } from "../../../services/wait";

const accept = (message: Sent): void => settle(message);

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

    it("among the dead letters at once when nobody can read it, with its bytes", async () => {
      const node = bench.open();
      (await node.subscribed()).bring(event(1, { payload: Buffer.from([7]), unreadable: new ConnectorError("FORMAT_INVALID", "it does not fit its schema") }), event(2));
      assert.deepEqual(node.sent.map(({ output, payload, error }) => [output, payload, error?.code]), [[1, Buffer.from([7]), "FORMAT_INVALID"], [0, { Serial__c: "s2" }, undefined]]);
      for (const message of node.sent) settle(message);
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

    it("but not for long because of a few that stay", async () => {
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
      await remains("not subscribed", () => node.transport.subscriptions.length === 0, 20);
      assert.equal(lastState(node), "unwired");
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
    assert.match(second.errors.join(), /Another node listens to .* under the name listen: give each a name of its own/);
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
    assert.deepEqual([told.map(({ error }) => error.message), node.errors], [["the token is not for this", "the token is not for this"], ["ORG_REFUSED: the token is not for this"]]);
    assert.notEqual(lastState(node), "failed");
  });

  it("does what is to be done before it subscribes, until it succeeds", async () => {
    let tries = 0;
    const prepare = (): Promise<void> => ((tries += 1) < 3 ? Promise.reject(new ConnectorError("ORG_REFUSED", "no such object")) : Promise.resolve());
    const node = bench.open({}, { prepare });
    await node.subscribed();
    assert.deepEqual([tries, node.errors], [3, ["ORG_REFUSED: no such object"]]);
  });

  it("does it once more when its channel is not there any more, once at a time", async () => {
    let prepared = 0;
    let finish = (): void => undefined;
    const prepare = (): Promise<void> => ((prepared += 1) === 1 ? Promise.resolve() : new Promise((resolve) => (finish = resolve)));
    const node = bench.open({}, { prepare, answer: accept });
    const subscription = await node.subscribed();
    subscription.state({ kind: "listening" });
    subscription.bring(event(1));
    const gone = (): void => subscription.state({ kind: "failed", error: new ConnectorError("CHANNEL_UNAVAILABLE", "404::unknown channel") });
    gone();
    gone();
    assert.equal(prepared, 2);
    finish();
    await turns(2);
    gone();
    assert.equal(prepared, 3);
  });

  it("says once why that cannot be done once more", async () => {
    let prepared = 0;
    const prepare = (): Promise<void> => ((prepared += 1) === 1 ? Promise.resolve() : Promise.reject(new ConnectorError("ORG_REFUSED", "no more PushTopics")));
    const node = bench.open({}, { prepare });
    const subscription = await node.subscribed();
    for (let time = 0; time < 3; time += 1) {
      subscription.state({ kind: "failed", error: new ConnectorError("CHANNEL_UNAVAILABLE", "404::unknown channel"), retryAt: Date.now() });
      await turns(2);
    }
    assert.deepEqual([prepared, node.errors.filter((line) => !line.startsWith("CHANNEL_UNAVAILABLE"))], [4, ["ORG_REFUSED: no more PushTopics"]]);
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
    assert.deepEqual([node.warnings, node.logs], [["ORG_UNAVAILABLE: /event/Device_Alert__e: no events come at present: 503, time 0"], ["/event/Device_Alert__e: events come again"]]);
    assert.equal(lastState(node), "listening");
  });

  it("logs nothing of a session that has ended and is renewed, only that the new one is refused as well", async () => {
    const node = bench.open({}, { answer: accept });
    const subscription = await node.subscribed();
    const ended = new ConnectorError("ORG_SESSION_INVALID", "401::Authentication invalid");
    subscription.state({ kind: "listening" });
    subscription.state({ kind: "connecting", error: ended }); // over CometD
    subscription.state({ kind: "listening" });
    subscription.state({ kind: "waiting", error: ended }); // over the Pub/Sub API
    subscription.state({ kind: "listening" });
    assert.deepEqual([node.errors, node.warnings, node.logs], [[], [], []]);
    subscription.state({ kind: "failed", error: ended, retryAt: Date.now() });
    assert.deepEqual(node.errors, ["ORG_SESSION_INVALID: /event/Device_Alert__e: no events come at present: 401::Authentication invalid"]);
  });

  it("logs as an error that somebody must mend what brings no events, as a channel that is not there", async () => {
    const node = bench.open({}, { answer: accept });
    const subscription = await node.subscribed();
    for (let time = 0; time < 3; time += 1) subscription.state({ kind: "failed", error: new ConnectorError("CHANNEL_UNAVAILABLE", "404::unknown channel"), retryAt: Date.now() });
    assert.deepEqual([node.errors, node.warnings], [["CHANNEL_UNAVAILABLE: /event/Device_Alert__e: no events come at present: 404::unknown channel"], []]);
  });
});
