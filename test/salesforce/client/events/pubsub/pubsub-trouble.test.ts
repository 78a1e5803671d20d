import assert from "node:assert/strict";
import { ConnectorError } from "../../../../../nodes/common/errors";
import { pause } from "../../../../services/wait";
import { Recorder } from "../cometd/support";
import { hex } from "./fake-pubsub";
import { CHANNEL, PubsubSuite, waitFor } from "./pubsub-suite";

describe("A Pub/Sub subscription in trouble", () => {
  const suite = new PubsubSuite();

  for (const [what, refusal] of [
    ["the service is unavailable", { code: "service.unavailable" }],
    ["the service protects itself", { status: 8, code: "service.protection.triggered" }],
    ["the stream is reset", { text: "Received RST_STREAM with code 2 (Internal server error)" }],
    ["the connection is lost", { status: 14, text: "Connection dropped" }],
    ["the server ends it", undefined],
  ] as const) {
    it(`comes back behind the event handed over last when ${what}`, async () => {
      suite.publish(1, 2);
      suite.subscribe();
      await waitFor("the first", () => suite.inbox.events.length === 2);
      suite.server.end(refusal);
      await waitFor("the loss", () => suite.inbox.states.some(({ kind }) => kind === "waiting"));
      const lost = suite.inbox.states.find(({ kind }) => kind === "waiting");
      assert.equal(lost?.error?.code, "ORG_UNAVAILABLE");
      assert.ok(lost?.retryAt);
      suite.publish(3, 1);
      await waitFor("the next", () => suite.inbox.events.length === 3 && suite.inbox.state === "listening");
      assert.deepEqual(suite.server.beginnings, ["EARLIEST", `CUSTOM ${hex(2)}`]);
    });
  }

  it("gives its listener again what it would not take, and does not end the process", async () => {
    suite.publish(1, 3);
    const { onEvents } = suite.inbox;
    suite.inbox.onEvents = () => {
      suite.inbox.onEvents = onEvents;
      throw new Error("not now");
    };
    suite.subscribe();
    await waitFor("the events", () => suite.inbox.events.length === 3);
    assert.ok(suite.inbox.states.some(({ kind, error }) => kind === "waiting" && /could not be handed over: not now/.test(error?.message ?? "")));
  });

  it("comes back as soon as at first, each time, where a proxy cuts streams that are idle", async () => {
    suite.transport = suite.connect({ backOff: { initial: 5, max: 60_000, factor: 100 } });
    suite.subscribe();
    for (let count = 1; count <= 4; count += 1) {
      await waitFor("a stream", () => suite.server.opened.length === count && suite.inbox.state === "listening");
      await pause(80);
      suite.server.end({ status: 14, text: "Connection dropped" });
    }
    await waitFor("another", () => suite.server.opened.length === 5);
  });

  it("drops a silent stream, and opens another", async () => {
    suite.transport = suite.connect({ silence: 30, patience: 10 });
    suite.subscribe();
    await waitFor("the loss", () => suite.inbox.states.some(({ error }) => /has sent nothing/.test(error?.message ?? "")));
    suite.publish(1, 1);
    await waitFor("the event", () => suite.inbox.events.length === 1);
  });

  it("does not take a stream for dead on which nothing was requested", async () => {
    suite.transport = suite.connect({ silence: 80, patience: 20 });
    suite.inbox.capacity = 1;
    suite.publish(1, 2);
    suite.subscribe();
    await waitFor("the state", () => suite.inbox.state === "full");
    const { length } = suite.server.opened;
    const began = performance.now();
    await waitFor("twice as long", () => performance.now() - began > 200);
    assert.equal(suite.server.opened.length, length);
  });

  for (const code of ["service.auth.error", "service.auth.refresh.invalid"]) {
    it(`renews the token for ${code}`, async () => {
      suite.server.refusals.push({ status: 16, code });
      suite.publish(1, 1);
      suite.subscribe();
      await waitFor("the event", () => suite.inbox.events.length === 1);
      assert.deepEqual(suite.server.metadata.map(({ accesstoken }) => accesstoken), ["token-0", "token-1"]);
    });
  }

  it("says so when a new token is refused, too, and does not go on renewing", async () => {
    suite.transport = suite.connect({ refused: { initial: 60_000 } });
    suite.server.refusals.push({ status: 16, code: "service.auth.error" }, { status: 16, code: "service.auth.error" });
    suite.subscribe();
    await waitFor("the state", () => suite.inbox.state === "failed");
    assert.deepEqual([suite.inbox.states.at(-1)?.error?.code, suite.org.renewals], ["ORG_SESSION_INVALID", 1]);
  });

  it("says so when a new token is accepted and then refused without a message in between", async () => {
    suite.subscribe();
    for (let count = 1; count <= 2; count += 1) {
      await waitFor("a stream", () => suite.server.opened.length === count && suite.inbox.state === "listening");
      suite.server.end({ status: 16, code: "service.auth.error" });
    }
    await waitFor("another stream", () => suite.server.opened.length === 3);
    const refusals = suite.inbox.states.filter(({ error }) => error?.code === "ORG_SESSION_INVALID");
    assert.deepEqual(refusals.map(({ kind, retryAt }) => [kind, retryAt !== undefined]), [["waiting", false], ["failed", true]]);
  });

  it("asks for a token once more after the pause, as the one that was refused may be over by then", async () => {
    const isOver = { status: 16, code: "service.auth.error" };
    suite.server.refusals.push(isOver, isOver, isOver);
    suite.publish(1, 1);
    suite.subscribe();
    await waitFor("the event", () => suite.inbox.events.length === 1);
    assert.deepEqual(suite.server.metadata.map(({ accesstoken }) => accesstoken), ["token-0", "token-1", "token-1", "token-2"]);
  });

  it("waits for the org when there is no session to be had", async () => {
    suite.org.failure = new ConnectorError("ORG_LOGIN_FAILED", "wrong secret");
    suite.publish(1, 1);
    suite.subscribe();
    await waitFor("the event", () => suite.inbox.events.length === 1);
    assert.deepEqual(suite.org.told.map(({ code }) => code), ["ORG_LOGIN_FAILED"]);
    assert.deepEqual(suite.inbox.kinds.slice(0, 3), ["connecting", "failed", "connecting"]);
  });

  it("never quotes a token, not even one that cannot be sent", async () => {
    suite.transport = suite.connect({ refused: { initial: 60_000 } });
    suite.org.current = { ...suite.org.current, accessToken: "00D!secret\nsecret" };
    suite.subscribe();
    await waitFor("the error", () => suite.org.told.length > 0);
    assert.equal(suite.org.told[0]?.code, "ORG_LOGIN_FAILED");
    assert.doesNotMatch(String(suite.org.told[0]?.stack), /secret/);
  });

  for (const [what, position] of [["that the org does not keep any more", hex(3)], ["that is none of the Pub/Sub API", "4711!"]] as const) {
    it(`asks its listener where to begin instead of a position ${what}`, async () => {
      suite.server.oldest = 10;
      suite.publish(11, 2);
      suite.inbox.fallback = { from: "all" };
      suite.subscribe({ from: "after", position });
      await waitFor("the events", () => suite.inbox.events.length === 2);
      assert.deepEqual(suite.inbox.stale.map(({ error }) => error.code), ["POSITION_STALE"]);
      assert.equal(suite.server.beginnings.at(-1), "EARLIEST");
    });
  }

  it("stops at a stale position when its listener names no other", async () => {
    suite.server.oldest = 10;
    suite.subscribe({ from: "after", position: hex(3) });
    await waitFor("the state", () => suite.inbox.state === "stopped");
    assert.equal(suite.inbox.states.at(-1)?.error?.code, "POSITION_STALE");
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
      suite.transport.subscribe(CHANNEL, { from: "all" }, other);
      await waitFor("the other", () => suite.server.open.size === 1);
      suite.server.refusals.push({ status: 5, code, text: "No such luck." });
      suite.subscribe();
      await waitFor("the state", () => suite.inbox.states.some((state) => state.kind === kind));
      const { error, retryAt } = suite.inbox.states.find((state) => state.kind === kind) ?? {};
      assert.equal(error?.code, wanted);
      assert.match(error?.message ?? "", /No such luck \(sfdc\.platform\.eventbus\.grpc\./);
      assert.ok(retryAt);
      suite.publish(1, 1);
      await waitFor("both", () => suite.inbox.events.length === 1 && other.events.length === 1);
      assert.equal(other.states.some(({ error: wrong }) => wrong), false);
    });
  }

  it("tries again when a schema cannot be had at present, and loses nothing", async () => {
    suite.server.refusals.push({ status: 14, code: "schema.api.unavailable" });
    suite.publish(1, 1);
    suite.subscribe();
    await waitFor("the event", () => suite.inbox.events.length === 1);
    assert.ok(suite.inbox.states.some(({ kind, error }) => kind === "waiting" && error?.details.errorCode === "sfdc.platform.eventbus.grpc.schema.api.unavailable"));
  });

  it("hands over the bytes of events whose schema nobody can read, says why, and goes on behind them", async () => {
    suite.publish(1, 1);
    suite.server.log.push({ id: 2, schema: "odd", payload: Buffer.from([2]) });
    suite.publish(3, 1);
    suite.subscribe();
    await waitFor("all three", () => suite.inbox.events.length === 3);
    const [, unreadable] = suite.inbox.events;
    assert.deepEqual([unreadable?.replayId, unreadable?.payload, unreadable?.unreadable?.code], ["2", Buffer.from([2]), "FORMAT_INVALID"]);
    assert.match(unreadable?.unreadable?.message ?? "", /uuid-2 has a schema that cannot be read, odd: /);
  });

  it("hands over the bytes of an event that its schema does not fit, says why, and goes on behind it", async () => {
    suite.publish(1, 1);
    suite.server.log.push({ id: 2, schema: "s1", payload: Buffer.from([2]) });
    suite.publish(3, 1);
    suite.subscribe();
    await waitFor("all", () => suite.inbox.events.length === 3);
    const [, unreadable, next] = suite.inbox.events;
    assert.deepEqual([unreadable?.payload, unreadable?.replayId, unreadable?.unreadable?.code, next?.replayId], [Buffer.from([2]), "2", "FORMAT_INVALID", "3"]);
    assert.match(unreadable?.unreadable?.message ?? "", /uuid-2 does not fit its schema s1/);
  });
});
