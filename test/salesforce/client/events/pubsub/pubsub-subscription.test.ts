import assert from "node:assert/strict";
import { remains } from "../../../../services/wait";
import { Recorder } from "../cometd/support";
import { FakePubsub, hex } from "./fake-pubsub";
import { CHANNEL, event, PubsubSuite, range, SCHEMA, waitFor } from "./pubsub-suite";

describe("A Pub/Sub subscription", () => {
  const suite = new PubsubSuite();

  it("brings as many events as are asked for, though each is as large as an event can be", async () => {
    const large = "x".repeat(1024 * 1024 - 200);
    for (let id = 1; id <= 70; id += 1) suite.server.publish(id, "s1", event(large));
    suite.subscribe();
    await waitFor("all", () => suite.inbox.events.length === 70);
    assert.equal(suite.server.opened.length, 1);
  });

  it("hands over events as CometD has them, with position, replay id and EventUuid", async () => {
    suite.server.publish(2_000_000_000_001, "s1", event("first"));
    suite.subscribe();
    await waitFor("the event", () => suite.inbox.events.length === 1);
    assert.deepEqual(suite.inbox.events[0], {
      position: hex(2_000_000_000_001), replayId: "2000000000001", eventUuid: "uuid-2000000000001", schema: "s1", kind: "event", createdDate: "2023-11-14T22:13:20Z",
      payload: { CreatedDate: "2023-11-14T22:13:20Z", CreatedById: "005000000000001AAA", Text__c: "first" },
    });
    await waitFor("the state", () => suite.inbox.state === "listening");
  });

  it("says whose it is with each stream: token, instance, and the org's id in 18 characters", async () => {
    suite.subscribe();
    await waitFor("the stream", () => suite.server.metadata.length === 1);
    const { accesstoken, instanceurl, tenantid } = suite.server.metadata[0] ?? {};
    assert.deepEqual([accesstoken, instanceurl, tenantid], ["token-0", "https://acme.my.salesforce.com", "00D000000000AbCEAU"]);
  });

  for (const [start, wanted] of [
    [{ from: "new" }, "LATEST"],
    [{ from: "all" }, "EARLIEST"],
    [{ from: "after", position: hex(7) }, "CUSTOM 0000000000000007"],
  ] as const) {
    it(`begins with ${start.from}`, async () => {
      suite.subscribe(start);
      await waitFor("the stream", () => suite.server.beginnings.length === 1);
      assert.deepEqual(suite.server.beginnings, [wanted]);
    });
  }

  it("is listening when the server has taken it, though no event comes", async () => {
    suite.subscribe({ from: "new" });
    await waitFor("the state", () => suite.inbox.state === "listening");
    assert.deepEqual(suite.inbox.kinds, ["connecting", "listening"]);
  });

  it("asks for 100 events at the most, and for more as they come", async () => {
    suite.publish(1, 1000);
    suite.subscribe();
    await waitFor("all", () => suite.inbox.events.length === 1000);
    assert.deepEqual(suite.inbox.texts, range(1, 1000));
    const asked = (): number[] => (suite.server.opened[0]?.requests ?? []).map(({ num_requested: count }) => count);
    await waitFor("the last request", () => asked().reduce((sum, count) => sum + count) > 1000);
    assert.ok(asked().every((count) => count <= 100));
    assert.ok(asked().reduce((sum, count) => sum + count) <= 1100);
  });

  it("asks for no more than its listener has room for, is full then, and goes on when there is room", async () => {
    suite.inbox.capacity = 30;
    suite.publish(1, 90);
    const subscription = suite.subscribe();
    await waitFor("as many", () => suite.inbox.state === "full");
    assert.deepEqual(suite.inbox.texts, range(1, 30));
    assert.equal(suite.server.opened[0]?.requests[0]?.num_requested, 30);
    suite.inbox.capacity = 90;
    subscription.more();
    await waitFor("the rest", () => suite.inbox.events.length === 90);
    assert.equal(suite.server.opened.length, 1);
    assert.deepEqual(suite.inbox.texts, range(1, 90));
  });

  it("comes back after the last event when the server has closed a stream on which no events were requested", async () => {
    suite.inbox.capacity = 3;
    suite.publish(1, 5);
    const subscription = suite.subscribe();
    await waitFor("as many", () => suite.inbox.state === "full");
    suite.server.end();
    const other = new Recorder();
    suite.transport.subscribe(CHANNEL, { from: "new" }, other);
    await waitFor("another stream of the same connection", () => suite.server.open.size === 1);
    suite.server.idle(99);
    await waitFor("what came behind the end", () => other.positions.length === 1);
    suite.inbox.capacity = 10;
    subscription.more();
    await waitFor("the rest", () => suite.inbox.events.length === 5);
    assert.deepEqual(suite.server.beginnings, ["EARLIEST", "LATEST", `CUSTOM ${hex(3)}`]);
    assert.deepEqual([...new Set(suite.inbox.kinds)].sort(), ["connecting", "full", "listening"], "nobody hears of an outage");
  });

  it("does not hand over events that have come but for which there is no room", async () => {
    const subscription = suite.subscribe();
    await waitFor("the stream", () => suite.server.open.size === 1);
    suite.inbox.capacity = 2;
    suite.publish(1, 5);
    await waitFor("as many", () => suite.inbox.state === "full");
    assert.deepEqual(suite.inbox.texts, range(1, 2));
    suite.inbox.capacity = 10;
    subscription.more();
    await waitFor("the rest", () => suite.inbox.events.length === 5);
    assert.deepEqual(suite.inbox.texts, range(1, 5));
  });

  it("opens no stream before there is room", async () => {
    suite.inbox.capacity = 0;
    suite.publish(1, 1);
    const subscription = suite.subscribe();
    await waitFor("the state", () => suite.inbox.state === "full");
    suite.inbox.capacity = 1;
    subscription.more();
    await waitFor("the event", () => suite.inbox.events.length === 1);
    assert.equal(suite.server.opened.length, 1);
  });

  it("keeps the order while a schema is on its way, and fetches it once for all that wait", async () => {
    let go: () => void = () => undefined;
    suite.server.schemaGate = new Promise((resolve) => (go = resolve));
    suite.publish(1, 40);
    suite.server.publish(41, "s2", { ...event("e41"), More__c: "m" });
    suite.publish(42, 9);
    suite.subscribe();
    await waitFor("the question", () => suite.server.calls.length === 1);
    assert.deepEqual(suite.inbox.texts, []);
    go();
    await waitFor("all", () => suite.inbox.events.length === 50);
    assert.deepEqual(suite.inbox.texts, range(1, 50));
    assert.deepEqual(suite.server.calls, ["GetSchema s1", "GetSchema s2"]);
  });

  it("passes on a position that an idle message brings, and begins behind it the next time", async () => {
    suite.subscribe({ from: "new" });
    await waitFor("the stream", () => suite.server.open.size === 1);
    suite.server.idle(500);
    suite.server.idle(500);
    suite.server.idle(512);
    await waitFor("the positions", () => suite.inbox.positions.length === 2);
    assert.deepEqual(suite.inbox.positions, [hex(500), hex(512)]);
    suite.server.end({ status: 14 });
    await waitFor("the next stream", () => suite.server.opened.length === 2);
    assert.equal(suite.server.beginnings[1], `CUSTOM ${hex(512)}`);
  });

  it("passes no position of an idle message while events before it wait for their schema", async () => {
    let go: () => void = () => undefined;
    suite.server.schemaGate = new Promise((resolve) => (go = resolve));
    suite.publish(1, 3);
    suite.subscribe();
    await waitFor("the question", () => suite.server.calls.length === 1);
    suite.server.idle(10);
    suite.server.publish(11, "s1", event("e11"));
    go();
    await waitFor("all", () => suite.inbox.events.length === 4);
    assert.deepEqual(suite.inbox.positions, []);
  });

  it("passes no position of an idle message while nothing is asked for: events before it wait at the server", async () => {
    suite.inbox.capacity = 1;
    suite.publish(1, 2);
    suite.subscribe();
    await waitFor("the state", () => suite.inbox.state === "full");
    suite.server.idle(10);
    await remains("no position", () => suite.inbox.positions.length === 0, 30);
  });

  it("passes no position of an idle message either that was on its way when more was asked for", async () => {
    suite.inbox.capacity = 1;
    suite.publish(1, 2);
    const subscription = suite.subscribe();
    await waitFor("the state", () => suite.inbox.state === "full");
    suite.server.idle(10);
    suite.inbox.capacity = 2;
    subscription.more();
    await waitFor("the other event", () => suite.inbox.events.length === 2);
    assert.deepEqual(suite.inbox.positions, []);
  });

  for (const channel of ["/topic/Open", "/u/notes"]) {
    it(`tells at once that ${channel} comes by CometD only`, async () => {
      suite.transport.subscribe(channel, { from: "new" }, suite.inbox);
      await waitFor("the state", () => suite.inbox.state === "failed");
      assert.deepEqual([suite.inbox.states.at(-1)?.error?.code, suite.server.opened.length], ["NOT_CONFIGURED", 0]);
    });
  }

  it("connects when the server comes, and says meanwhile that it cannot be reached", async () => {
    const port = Number(suite.server.endpoint.split(":").at(-1));
    suite.server.stop();
    suite.subscribe();
    await waitFor("the loss", () => suite.inbox.states.some(({ error }) => /cannot be reached: .*ECONNREFUSED/.test(error?.message ?? "")));
    suite.server = await new FakePubsub({ s1: SCHEMA }).start(port);
    suite.publish(1, 1);
    await waitFor("the event", () => suite.inbox.events.length === 1);
  });

  it("hands nothing over once it is closed, and tells the server", async () => {
    const subscription = suite.subscribe();
    await waitFor("the stream", () => suite.server.open.size === 1);
    const states = suite.inbox.states.length;
    await subscription.close();
    await waitFor("the server's end", () => suite.server.open.size === 0);
    suite.publish(1, 1);
    subscription.more();
    assert.deepEqual([suite.inbox.events.length, suite.inbox.states.length], [0, states]);
  });

  it("leaves nothing behind that keeps the process running, whatever it was doing", async () => {
    const timers = (): number => process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length;
    const before = timers();
    for (const refusal of [undefined, { code: "service.unavailable" }, { code: "topic.not.found" }]) {
      const own = suite.connect({ backOff: { initial: 60_000 }, refused: { initial: 60_000 } });
      if (refusal) suite.server.refusals.push(refusal);
      const box = new Recorder();
      own.subscribe(CHANNEL, { from: "new" }, box);
      await waitFor("a state", () => box.states.length >= 2);
      await own.close();
    }
    await suite.transport.close();
    await waitFor("the server's end", () => suite.server.open.size === 0);
    await waitFor("the timers", () => timers() <= before + 1); // its own
  });
});
