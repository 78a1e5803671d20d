import assert from "node:assert/strict";
import { CometdTransport } from "../../../../../nodes/salesforce/client/events/cometd/cometd-transport";
import type { StartPoint, Subscription } from "../../../../../nodes/salesforce/client/events/event-stream";
import { eventText, ScriptedServer } from "./scripted-server";
import { QUICK, Recorder, soon } from "./support";
import { pause, remains } from "../../../../services/wait";

const A = "/event/A__e";
const B = "/event/B__e";
const LONG = "9007199254740993";

describe("The CometD client on the wire", () => {
  let server: ScriptedServer;
  let cometd: CometdTransport;
  beforeEach(async () => {
    server = new ScriptedServer();
    await server.start();
    cometd = new CometdTransport(server.org, QUICK);
  });
  afterEach(async () => {
    await cometd.close();
    await server.stop();
  });

  const begin = (channel = A, start: StartPoint = { from: "new" }): Recorder & { subscription: Subscription } => {
    const recorder = new Recorder();
    return Object.assign(recorder, { subscription: cometd.subscribe(channel, start, recorder) });
  };
  const replays = (): string[] => server.calls.flatMap(({ text }) => [...text.matchAll(/"replay":(\{.*?\})/g)].map((match) => match[1]!));

  it("shakes hands, polls, subscribes with one call, polls on and says goodbye", async () => {
    const [one, two] = [begin("/topic/Open?Status='New'"), begin(B, { from: "all" })];
    await Promise.all([one.is("listening"), two.is("listening")]);
    await soon("a held poll", () => server.calls.length === 4);
    await cometd.close();
    assert.deepEqual(
      server.calls.map(({ messages }) => messages.map(({ channel }) => channel.slice("/meta/".length)).join()),
      ["handshake", "connect", "subscribe,subscribe", "connect", "unsubscribe,unsubscribe,disconnect"],
    );
    assert.ok(server.calls.every(({ headers }) => headers.authorization === "Bearer token-1" && headers["content-type"] === "application/json"));
    assert.deepEqual(server.calls.map(({ headers }) => headers.cookie), [undefined, ...Array<string>(4).fill("BAYEUX_BROWSER=b1")]);
    assert.deepEqual(replays(), ['{"/topic/Open":-1}', `{"${B}":-2}`]);
    const numbersOf = server.calls.flatMap(({ messages }) => messages.map(({ id }) => id));
    assert.equal(new Set(numbersOf).size, numbersOf.length, "each message has an id of its own");
  });

  it("comes back as soon as at first, each time, where a proxy cuts polls that are held", async () => {
    cometd = new CometdTransport(server.org, { ...QUICK, backOff: { initial: 5, max: 60_000, factor: 100 } });
    server.rule = async ({ channel }, { messages: [{ clientId } = {}] }) => {
      if (channel !== "/meta/connect" || server.sent("/meta/connect").filter((poll) => poll.clientId === clientId).length === 1) return undefined;
      await pause(80);
      return { status: 504, body: "<html>" };
    };
    begin();
    await soon("four sessions", () => server.sent("/meta/handshake").length >= 4);
  });

  it("gives two filters of one topic a session each", async () => {
    const [one, two] = [begin("/topic/Open?Status='New'"), begin("/topic/Open")];
    await Promise.all([one.is("listening"), two.is("listening")]);
    assert.equal(server.sent("/meta/handshake").length, 2);
  });

  it("keeps replay ids beyond 2^53 to the last digit, and sends them as numbers", async () => {
    const heard = begin(A, { from: "after", position: LONG });
    await heard.is("listening");
    server.push(eventText(A, "9007199254740995"));
    await heard.has(1);
    server.push('{"channel":"/meta/disconnect"}');
    await soon("a new subscription", () => replays().length > 1);
    assert.deepEqual(replays(), [`{"${A}":${LONG}}`, `{"${A}":9007199254740995}`]);
    assert.equal(heard.events[0]!.replayId, "9007199254740995");
  });

  for (const [polled, answered] of [
    [[10, 11], [8, 9]],
    [[8, 9], [10, 11]],
  ] as const) {
    it(`brings ${polled.join()} of a poll and ${answered.join()} of the answer to a subscription into order, though the poll is faster`, async () => {
      const other = begin(B);
      await other.is("listening");
      server.rule = async ({ channel, subscription }) => {
        if (channel !== "/meta/subscribe") return undefined;
        server.push(...polled.map((id) => eventText(A, id)));
        await soon("the poll's answer on its way", () => server.calls.length >= 5);
        await pause(30);
        return [...answered.map((id) => eventText(A, id)), JSON.stringify({ channel, subscription, successful: true })];
      };
      const heard = begin(A, { from: "after", position: "7" });
      await heard.has(4);
      assert.deepEqual(heard.texts, ["8", "9", "10", "11"]);
    });
  }

  it("unsubscribes once more what comes back after it was left", async () => {
    const [gone, stays] = [begin(A), begin(B)];
    await Promise.all([gone.is("listening"), stays.is("listening")]);
    await gone.subscription.close();
    server.push(eventText(A, 1));
    server.push(eventText(A, 2), eventText(B, 3));
    await stays.has(1);
    await soon("another unsubscribe", () => server.sent("/meta/unsubscribe").length === 2);
    assert.deepEqual([gone.events, server.sent("/meta/handshake").length], [[], 1]);
  });

  it("unsubscribes what was left while it was asked for, though the server heard of that first", async () => {
    const stays = begin(B);
    await stays.is("listening");
    let answer = (): void => undefined;
    server.rule = ({ channel, subscription }) => {
      if (channel !== "/meta/subscribe") return undefined;
      return new Promise((resolve) => (answer = () => resolve([JSON.stringify({ channel, subscription, successful: true })])));
    };
    const gone = begin(A);
    await soon("the subscription", () => server.sent("/meta/subscribe").length === 2);
    await gone.subscription.close();
    answer();
    server.push(eventText(B, 1));
    await stays.has(1);
    await soon("another unsubscribe", () => server.sent("/meta/unsubscribe").length === 2);
    assert.deepEqual(gone.kinds, ["connecting"]);
  });

  it("takes a goodbye that nobody asked for as the end of the session, not of the token", async () => {
    const heard = begin();
    await heard.is("listening");
    await soon("a held poll", () => server.sent("/meta/connect").length === 2);
    server.push('{"channel":"/meta/disconnect"}');
    await soon("a new handshake", () => server.sent("/meta/handshake").length === 2);
    await heard.is("listening");
    assert.match(heard.states[2]?.error?.message ?? "", /session of the event stream has ended/);
    assert.ok(server.calls.every(({ headers }) => headers.authorization === "Bearer token-1"));
  });

  it("takes one with the answer to a subscription so, too", async () => {
    let times = 0;
    server.rule = ({ channel, subscription }) => {
      if (channel !== "/meta/subscribe" || times++ > 0) return undefined;
      return ['{"channel":"/meta/disconnect"}', JSON.stringify({ channel, subscription, successful: true })];
    };
    await begin().is("listening");
    await soon("a new handshake", () => server.sent("/meta/handshake").length === 2);
  });

  it("says goodbye to a session that was being made when it was closed: the org would count it among its few clients", async () => {
    let answer = (): void => undefined;
    server.rule = ({ channel }) => (channel === "/meta/handshake" ? new Promise((resolve) => (answer = () => resolve(undefined))) : undefined);
    const heard = begin();
    await soon("the handshake", () => server.sent("/meta/handshake").length === 1);
    const closed = heard.subscription.close();
    answer();
    await closed;
    assert.deepEqual(server.sent("/meta/disconnect").map(({ clientId }) => clientId), ["client-1"]);
  });

  it("does not wait for ever for the answer to a handshake when it is closed", async () => {
    server.rule = ({ channel }) => (channel === "/meta/handshake" ? new Promise(() => undefined) : undefined);
    cometd = new CometdTransport(server.org, { ...QUICK, patience: 60 });
    const heard = begin();
    await soon("the handshake", () => server.sent("/meta/handshake").length === 1);
    const began = Date.now();
    await heard.subscription.close();
    assert.ok(Date.now() - began < 10_000);
  });

  it("breaks off its poll when the server does not let go of it", async () => {
    const heard = begin();
    await heard.is("listening");
    await soon("a held poll", () => server.sent("/meta/connect").length === 2);
    server.rule = ({ channel }) => (channel === "/meta/disconnect" ? ['{"channel":"/meta/disconnect","successful":true}'] : undefined);
    await heard.subscription.close();
    await soon("the end of the poll", () => server.brokenOff === 1);
  });

  for (const [what, answer] of [
    ["a web page", { status: 200, body: "<html>Sign in</html>" }],
    ["nothing", []],
    ["an answer cut short", { status: 200, body: '[{"channel":"/meta/conn' }],
    ["a gateway's error", { status: 502, body: "<html>" }],
  ] as const) {
    it(`goes on after ${what} in place of an answer`, async () => {
      const heard = begin();
      await heard.is("listening");
      server.rule = () => answer as { status: number; body: string };
      server.push("{}");
      await heard.is("waiting");
      server.rule = () => undefined;
      await heard.is("listening");
    });
  }

  it("does not hammer a server that holds no poll", async () => {
    server.rule = ({ channel, id }) => (channel === "/meta/connect" ? [JSON.stringify({ channel, id, successful: true, advice: { timeout: 1000, interval: 0 } })] : undefined);
    const heard = begin();
    await heard.is("listening");
    await remains("a few polls", () => server.sent("/meta/connect").length < 15, 200);
  });

  it("comes back when the server asks for it, not before", async () => {
    const advice = { interval: 150, timeout: 1000, reconnect: "retry" };
    server.rule = ({ channel, id }) => (channel === "/meta/connect" ? [JSON.stringify({ channel, id, successful: true, advice })] : undefined);
    const heard = begin();
    await heard.is("listening");
    const began = Date.now();
    await soon("three polls", () => server.sent("/meta/connect").length >= 3);
    assert.ok(Date.now() - began > 200);
  });

  it("pauses long when another token is refused, too", async () => {
    server.rule = ({ channel, id }) => [JSON.stringify({ channel, id, successful: false, error: "401::Authentication invalid" })];
    const heard = begin();
    await heard.is("failed");
    assert.deepEqual(server.calls.map(({ headers }) => headers.authorization), ["Bearer token-1", "Bearer token-2"]);
    assert.equal(heard.states.at(-1)?.error?.code, "ORG_SESSION_INVALID");
    server.rule = () => undefined;
    await heard.is("listening");
  });

  it("survives a listener that throws", async () => {
    const heard = begin();
    await heard.is("listening");
    const { onEvents } = heard;
    heard.onEvents = () => {
      heard.onEvents = onEvents;
      throw new Error("no room in the flow");
    };
    server.push(eventText(A, 1));
    await heard.has(1);
    assert.deepEqual([heard.texts, server.sent("/meta/handshake").length], [["1"], 2]);
  });
});
