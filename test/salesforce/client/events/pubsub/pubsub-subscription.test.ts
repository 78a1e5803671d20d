import assert from "node:assert/strict";
import { ConnectorError } from "../../../../../nodes/common/errors";
import type { StartPoint, Subscription } from "../../../../../nodes/salesforce/client/events/event-stream";
import type { StreamOptions, StreamOrg } from "../../../../../nodes/salesforce/client/events/org-streams";
import { PubsubTransport } from "../../../../../nodes/salesforce/client/events/pubsub/pubsub-transport";
import type { Session } from "../../../../../nodes/salesforce/client/sign-in/login";
import { waitFor as waitUntil } from "../../../../services/wait";
import { Recorder } from "../cometd/support";
import { FakePubsub, hex } from "./fake-pubsub";

const SCHEMA = {
  type: "record", name: "Low_Ink__e", namespace: "com.sforce.eventbus",
  fields: [
    { name: "CreatedDate", type: "long", doc: "CreatedDate:DateTime" },
    { name: "CreatedById", type: "string", doc: "CreatedBy:EntityId" },
    { name: "Text__c", type: ["null", "string"], doc: "Data:Text:00N000000000001", default: null },
  ],
};
const CHANNEL = "/event/Low_Ink__e";
const event = (text: string): object => ({ CreatedDate: 1_700_000_000_000, CreatedById: "005000000000001AAA", Text__c: text });
const fast = { initial: 5, max: 20 };
const waitFor = (what: string, condition: () => boolean): Promise<boolean> => waitUntil(what, condition, { timeout: 5000, interval: 2 });

/** An org whose token can be renewed. */
class TestOrg {
  renewals = 0;
  current: Session = { accessToken: "token-0", instanceUrl: "https://acme.my.salesforce.com", orgId: "00D000000000AbC", userId: "005000000000001" };
  failure: ConnectorError | undefined;
  readonly told: ConnectorError[] = [];

  openSession(): Promise<Session> {
    return this.failure ? Promise.reject(this.failure) : Promise.resolve(this.current);
  }

  renewSession(stale: Session): Promise<Session> {
    if (stale === this.current) {
      this.renewals += 1;
      this.current = { ...this.current, accessToken: `token-${this.renewals}` };
    }
    return Promise.resolve(this.current);
  }

  untilReady(error: ConnectorError): Promise<void> {
    this.told.push(error);
    this.failure = undefined;
    return new Promise((resolve) => setImmediate(resolve));
  }
}

describe("A Pub/Sub subscription", () => {
  let server: FakePubsub;
  let org: TestOrg;
  let transport: PubsubTransport;
  let inbox: Recorder;

  beforeEach(async () => {
    server = await new FakePubsub({ s1: SCHEMA, s2: { ...SCHEMA, fields: [...SCHEMA.fields, { name: "More__c", type: ["null", "string"], default: null }] } }).start();
    org = new TestOrg();
    inbox = new Recorder();
    transport = connect();
  });
  afterEach(async () => {
    await transport.close();
    server.stop();
  });

  function connect(options: StreamOptions = {}): PubsubTransport {
    return new PubsubTransport(org as unknown as StreamOrg, { pubsubEndpoint: server.endpoint, backOff: fast, refused: fast, limited: fast, ...options });
  }

  const subscribe = (start: StartPoint = { from: "all" }): Subscription => transport.subscribe(CHANNEL, start, inbox);
  const publish = (from: number, count: number): void => {
    for (let id = from; id < from + count; id += 1) server.publish(id, "s1", event(`e${id}`));
  };
  const range = (from: number, count: number): string[] => Array.from({ length: count }, (_, index) => `e${from + index}`);

  it("hands over events as CometD has them, with position, replay id and EventUuid", async () => {
    server.publish(2_000_000_000_001, "s1", event("first"));
    subscribe();
    await waitFor("the event", () => inbox.events.length === 1);
    assert.deepEqual(inbox.events[0], {
      position: hex(2_000_000_000_001), replayId: "2000000000001", eventUuid: "uuid-2000000000001", schema: "s1", kind: "event", createdDate: "2023-11-14T22:13:20Z",
      payload: { CreatedDate: "2023-11-14T22:13:20Z", CreatedById: "005000000000001AAA", Text__c: "first" },
    });
    await waitFor("the state", () => inbox.state === "listening");
  });

  it("says whose it is with each stream: token, instance, and the org's id in 18 characters", async () => {
    subscribe();
    await waitFor("the stream", () => server.metadata.length === 1);
    const { accesstoken, instanceurl, tenantid } = server.metadata[0] ?? {};
    assert.deepEqual([accesstoken, instanceurl, tenantid], ["token-0", "https://acme.my.salesforce.com", "00D000000000AbCEAU"]);
  });

  for (const [start, wanted] of [
    [{ from: "new" }, "LATEST"],
    [{ from: "all" }, "EARLIEST"],
    [{ from: "after", position: hex(7) }, "CUSTOM 0000000000000007"],
  ] as const) {
    it(`begins with ${start.from}`, async () => {
      subscribe(start);
      await waitFor("the stream", () => server.beginnings.length === 1);
      assert.deepEqual(server.beginnings, [wanted]);
    });
  }

  it("is listening when the server has taken it, though no event comes", async () => {
    subscribe({ from: "new" });
    await waitFor("the state", () => inbox.state === "listening");
    assert.deepEqual(inbox.kinds, ["connecting", "listening"]);
  });

  it("asks for 100 events at the most, and for more as they come", async () => {
    publish(1, 1000);
    subscribe();
    await waitFor("all", () => inbox.events.length === 1000);
    assert.deepEqual(inbox.texts, range(1, 1000));
    const asked = (): number[] => (server.opened[0]?.requests ?? []).map(({ num_requested: count }) => count);
    await waitFor("the last request", () => asked().reduce((sum, count) => sum + count) > 1000);
    assert.ok(asked().every((count) => count <= 100));
    assert.ok(asked().reduce((sum, count) => sum + count) <= 1100);
  });

  it("asks for no more than its listener has room for, is full then, and goes on when there is room", async () => {
    inbox.capacity = 30;
    publish(1, 90);
    const subscription = subscribe();
    await waitFor("as many", () => inbox.state === "full");
    assert.deepEqual(inbox.texts, range(1, 30));
    assert.equal(server.opened[0]?.requests[0]?.num_requested, 30);
    inbox.capacity = 90;
    subscription.more();
    await waitFor("the rest", () => inbox.events.length === 90);
    assert.equal(server.opened.length, 1);
    assert.deepEqual(inbox.texts, range(1, 90));
  });

  it("comes back behind the last event when the server has closed a stream that nobody asked anything of", async () => {
    inbox.capacity = 3;
    publish(1, 5);
    const subscription = subscribe();
    await waitFor("as many", () => inbox.state === "full");
    server.end();
    const other = new Recorder();
    transport.subscribe(CHANNEL, { from: "new" }, other);
    await waitFor("another stream of the same connection", () => server.open.size === 1);
    server.idle(99);
    await waitFor("what came behind the end", () => other.positions.length === 1);
    inbox.capacity = 10;
    subscription.more();
    await waitFor("the rest", () => inbox.events.length === 5);
    assert.deepEqual(server.beginnings, ["EARLIEST", "LATEST", `CUSTOM ${hex(3)}`]);
    assert.deepEqual([...new Set(inbox.kinds)].sort(), ["connecting", "full", "listening"], "nobody hears of an outage");
  });

  it("hands nothing over that there is no room for, though it has come", async () => {
    const subscription = subscribe();
    await waitFor("the stream", () => server.open.size === 1);
    inbox.capacity = 2;
    publish(1, 5);
    await waitFor("as many", () => inbox.state === "full");
    assert.deepEqual(inbox.texts, range(1, 2));
    inbox.capacity = 10;
    subscription.more();
    await waitFor("the rest", () => inbox.events.length === 5);
    assert.deepEqual(inbox.texts, range(1, 5));
  });

  it("opens no stream before there is room", async () => {
    inbox.capacity = 0;
    publish(1, 1);
    const subscription = subscribe();
    await waitFor("the state", () => inbox.state === "full");
    inbox.capacity = 1;
    subscription.more();
    await waitFor("the event", () => inbox.events.length === 1);
    assert.equal(server.opened.length, 1);
  });

  it("keeps the order while a schema is on its way, and fetches it once for all that wait", async () => {
    let go: () => void = () => undefined;
    server.schemaGate = new Promise((resolve) => (go = resolve));
    publish(1, 40);
    server.publish(41, "s2", { ...event("e41"), More__c: "m" });
    publish(42, 9);
    subscribe();
    await waitFor("the question", () => server.calls.length === 1);
    assert.deepEqual(inbox.texts, []);
    go();
    await waitFor("all", () => inbox.events.length === 50);
    assert.deepEqual(inbox.texts, range(1, 50));
    assert.deepEqual(server.calls, ["GetSchema s1", "GetSchema s2"]);
  });

  it("passes on a position that an idle message brings, and begins behind it the next time", async () => {
    subscribe({ from: "new" });
    await waitFor("the stream", () => server.open.size === 1);
    server.idle(500);
    server.idle(500);
    server.idle(512);
    await waitFor("the positions", () => inbox.positions.length === 2);
    assert.deepEqual(inbox.positions, [hex(500), hex(512)]);
    server.end({ status: 14 });
    await waitFor("the next stream", () => server.opened.length === 2);
    assert.equal(server.beginnings[1], `CUSTOM ${hex(512)}`);
  });

  it("passes no position of an idle message while events before it wait for their schema", async () => {
    let go: () => void = () => undefined;
    server.schemaGate = new Promise((resolve) => (go = resolve));
    publish(1, 3);
    subscribe();
    await waitFor("the question", () => server.calls.length === 1);
    server.idle(10);
    server.publish(11, "s1", event("e11"));
    go();
    await waitFor("all", () => inbox.events.length === 4);
    assert.deepEqual(inbox.positions, []);
  });

  for (const [what, refusal] of [
    ["the service is unavailable", { code: "service.unavailable" }],
    ["the service protects itself", { status: 8, code: "service.protection.triggered" }],
    ["the stream is reset", { text: "Received RST_STREAM with code 2 (Internal server error)" }],
    ["the connection is lost", { status: 14, text: "Connection dropped" }],
    ["the server ends it", undefined],
  ] as const) {
    it(`comes back behind the event handed over last when ${what}`, async () => {
      publish(1, 2);
      subscribe();
      await waitFor("the first", () => inbox.events.length === 2);
      server.end(refusal);
      await waitFor("the loss", () => inbox.states.some(({ kind }) => kind === "waiting"));
      const lost = inbox.states.find(({ kind }) => kind === "waiting");
      assert.equal(lost?.error?.code, "ORG_UNAVAILABLE");
      assert.ok(lost?.retryAt);
      publish(3, 1);
      await waitFor("the next", () => inbox.events.length === 3 && inbox.state === "listening");
      assert.deepEqual(server.beginnings, ["EARLIEST", `CUSTOM ${hex(2)}`]);
    });
  }

  it("gives its listener again what it would not take, and does not end the process", async () => {
    publish(1, 3);
    const { onEvents } = inbox;
    inbox.onEvents = () => {
      inbox.onEvents = onEvents;
      throw new Error("not now");
    };
    subscribe();
    await waitFor("the events", () => inbox.events.length === 3);
    assert.ok(inbox.states.some(({ kind, error }) => kind === "waiting" && /could not be handed over: not now/.test(error?.message ?? "")));
  });

  it("drops a silent stream, and opens another", async () => {
    transport = connect({ silence: 30, patience: 10 });
    subscribe();
    await waitFor("the loss", () => inbox.states.some(({ error }) => /has sent nothing/.test(error?.message ?? "")));
    publish(1, 1);
    await waitFor("the event", () => inbox.events.length === 1);
  });

  it("does not take a stream for dead that nothing was asked of", async () => {
    transport = connect({ silence: 80, patience: 20 });
    inbox.capacity = 1;
    publish(1, 2);
    subscribe();
    await waitFor("the state", () => inbox.state === "full");
    const began = performance.now();
    await waitFor("twice as long", () => performance.now() - began > 200);
    assert.equal(server.opened.length, 1);
  });

  for (const code of ["service.auth.error", "service.auth.refresh.invalid"]) {
    it(`renews the token for ${code}`, async () => {
      server.refusals.push({ status: 16, code });
      publish(1, 1);
      subscribe();
      await waitFor("the event", () => inbox.events.length === 1);
      assert.deepEqual(server.metadata.map(({ accesstoken }) => accesstoken), ["token-0", "token-1"]);
    });
  }

  it("says so when a new token is refused, too, and does not go on renewing", async () => {
    transport = connect({ refused: { initial: 60_000 } });
    server.refusals.push({ status: 16, code: "service.auth.error" }, { status: 16, code: "service.auth.error" });
    subscribe();
    await waitFor("the state", () => inbox.state === "failed");
    assert.deepEqual([inbox.states.at(-1)?.error?.code, org.renewals], ["ORG_SESSION_INVALID", 1]);
  });

  it("waits for the org when there is no session to be had", async () => {
    org.failure = new ConnectorError("ORG_LOGIN_FAILED", "wrong secret");
    publish(1, 1);
    subscribe();
    await waitFor("the event", () => inbox.events.length === 1);
    assert.deepEqual(org.told.map(({ code }) => code), ["ORG_LOGIN_FAILED"]);
    assert.deepEqual(inbox.kinds.slice(0, 3), ["connecting", "failed", "connecting"]);
  });

  it("never quotes a token, not even one that cannot be sent", async () => {
    transport = connect({ refused: { initial: 60_000 } });
    org.current = { ...org.current, accessToken: "00D!secret\nsecret" };
    subscribe();
    await waitFor("the error", () => org.told.length > 0);
    assert.equal(org.told[0]?.code, "ORG_LOGIN_FAILED");
    assert.doesNotMatch(String(org.told[0]?.stack), /secret/);
  });

  for (const [what, position] of [["that the org does not keep any more", hex(3)], ["that is none of the Pub/Sub API", "4711!"]] as const) {
    it(`asks its listener where to begin instead of a position ${what}`, async () => {
      server.oldest = 10;
      publish(11, 2);
      inbox.fallback = { from: "all" };
      subscribe({ from: "after", position });
      await waitFor("the events", () => inbox.events.length === 2);
      assert.deepEqual(inbox.stale.map(({ error }) => error.code), ["POSITION_STALE"]);
      assert.equal(server.beginnings.at(-1), "EARLIEST");
    });
  }

  it("stops at a stale position when its listener names no other", async () => {
    server.oldest = 10;
    subscribe({ from: "after", position: hex(3) });
    await waitFor("the state", () => inbox.state === "stopped");
    assert.equal(inbox.states.at(-1)?.error?.code, "POSITION_STALE");
  });

  for (const [code, wanted, kind] of [
    ["topic.not.found", "CHANNEL_UNAVAILABLE", "failed"],
    ["topic.meta.permission", "CHANNEL_UNAVAILABLE", "failed"],
    ["service.auth.headers.invalid", "CHANNEL_UNAVAILABLE", "failed"],
    ["subscription.limit.exceeded", "ORG_LIMIT", "waiting"],
    ["concurrent.client.limit.exceeded", "ORG_LIMIT", "waiting"],
  ] as const) {
    it(`is ${kind} with ${wanted} after ${code}, tries again at that pace, and leaves the other channels alone`, async () => {
      const other = new Recorder();
      transport.subscribe(CHANNEL, { from: "all" }, other);
      await waitFor("the other", () => server.open.size === 1);
      server.refusals.push({ status: 5, code, text: "No such luck." });
      subscribe();
      await waitFor("the state", () => inbox.states.some((state) => state.kind === kind));
      const { error, retryAt } = inbox.states.find((state) => state.kind === kind) ?? {};
      assert.equal(error?.code, wanted);
      assert.match(error?.message ?? "", /No such luck \(sfdc\.platform\.eventbus\.grpc\./);
      assert.ok(retryAt);
      publish(1, 1);
      await waitFor("both", () => inbox.events.length === 1 && other.events.length === 1);
      assert.equal(other.states.some(({ error: wrong }) => wrong), false);
    });
  }

  it("tries again when a schema cannot be had at present, and loses nothing", async () => {
    server.refusals.push({ status: 14, code: "schema.api.unavailable" });
    publish(1, 1);
    subscribe();
    await waitFor("the event", () => inbox.events.length === 1);
    assert.ok(inbox.states.some(({ kind, error }) => kind === "waiting" && error?.details.errorCode === "sfdc.platform.eventbus.grpc.schema.api.unavailable"));
  });

  it("does not pass over an event that its schema does not fit", async () => {
    publish(1, 2);
    server.log.push({ id: 3, schema: "s1", payload: Buffer.from([2]) });
    publish(4, 1);
    transport = connect({ refused: { initial: 60_000 } });
    subscribe();
    await waitFor("the state", () => inbox.state === "failed");
    assert.deepEqual(inbox.texts, range(1, 2));
    assert.match(inbox.states.at(-1)?.error?.message ?? "", /uuid-3 does not fit its schema s1/);
  });

  for (const channel of ["/topic/Open", "/u/notes"]) {
    it(`tells at once that ${channel} comes by CometD only`, async () => {
      transport.subscribe(channel, { from: "new" }, inbox);
      await waitFor("the state", () => inbox.state === "failed");
      assert.deepEqual([inbox.states.at(-1)?.error?.code, server.opened.length], ["NOT_CONFIGURED", 0]);
    });
  }

  it("connects when the server comes, and says meanwhile that it cannot be reached", async () => {
    const port = Number(server.endpoint.split(":").at(-1));
    server.stop();
    subscribe();
    await waitFor("the loss", () => inbox.states.some(({ error }) => /cannot be reached: .*ECONNREFUSED/.test(error?.message ?? "")));
    server = await new FakePubsub({ s1: SCHEMA }).start(port);
    publish(1, 1);
    await waitFor("the event", () => inbox.events.length === 1);
  });

  it("hands nothing over once it is closed, and tells the server", async () => {
    const subscription = subscribe();
    await waitFor("the stream", () => server.open.size === 1);
    const states = inbox.states.length;
    await subscription.close();
    await waitFor("the server's end", () => server.open.size === 0);
    publish(1, 1);
    subscription.more();
    assert.deepEqual([inbox.events.length, inbox.states.length], [0, states]);
  });

  it("leaves nothing behind that keeps the process, whatever it was at", async () => {
    const timers = (): number => process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length;
    const before = timers();
    for (const refusal of [undefined, { code: "service.unavailable" }, { code: "topic.not.found" }]) {
      const own = connect({ backOff: { initial: 60_000 }, refused: { initial: 60_000 } });
      if (refusal) server.refusals.push(refusal);
      const box = new Recorder();
      own.subscribe(CHANNEL, { from: "new" }, box);
      await waitFor("a state", () => box.states.length >= 2);
      await own.close();
    }
    await transport.close();
    await waitFor("the server's end", () => server.open.size === 0);
    await waitFor("the timers", () => timers() <= before + 1); // its own
  });
});
