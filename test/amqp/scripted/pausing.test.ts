import assert from "node:assert/strict";
import { Sink } from "../../../nodes/delivery/sink/sink";
import { pause } from "../../services/wait";
import { soon, Stage, type Opened } from "./support";
import { range } from "../support";

const payloads = (messages: { payload: unknown }[]): unknown[] => messages.map(({ payload }) => payload);

describe("a queue source on a scripted broker that pauses and goes on", () => {
  const stage = new Stage();
  afterEach(() => stage.clear());

  /** Ten of fifty taken and two of those settled, paused and resumed: the broker, which counts anew, has sent up to ten more. */
  async function resumed(): Promise<Opened> {
    const opened = await stage.consuming({ queue: "orders", prefetch: 10 });
    const { source, messages, states, settle } = opened;
    stage.broker.send("orders", range(50));
    await soon("ten", () => messages.length === 10);
    source.pause("asked");
    await soon("the pause", () => states.at(-1)?.kind === "paused");
    for (const message of messages.slice(0, 2)) settle(message, "accept");
    source.resume("asked");
    await soon("ten more at the consumer", () => stage.broker.queue("orders").ready.length === 30);
    await soon("two of them in the flow", () => messages.length === 12);
    return opened;
  }

  it("has never more than the prefetch in the flow, though the broker counts anew for each consumer", async () => {
    await stage.plays();
    const { source, messages, settle } = await resumed();
    let most = source.openCount;
    for (let next = 2; next < 50; next += 1) {
      await soon(`message ${next}`, () => messages.length > next);
      settle(messages[next], "accept");
      most = Math.max(most, source.openCount);
    }
    await soon("an empty queue", () => stage.broker.queue("orders").size === 0);
    assert.equal(most, 10);
    assert.deepEqual(payloads(messages), range(50), "in order");
  });

  it("hands over the messages beyond its limit only after the pause", async () => {
    await stage.plays();
    const { source, messages, states, settle } = await resumed();
    source.pause("asked");
    await soon("the pause", () => states.at(-1)?.kind === "paused");
    for (const message of messages.slice(2)) settle(message, "accept");
    await soon("the acks", () => stage.broker.queue("orders").size === 38);
    assert.equal(messages.length, 12);
    source.resume("asked");
    await soon("ten more", () => messages.length === 22);
    assert.deepEqual(payloads(messages), range(22));
  });

  it("takes the messages beyond its limit again after its channel was lost, each once", async () => {
    await stage.plays();
    const { messages, settle } = await resumed();
    stage.broker.timeOutConsumers("orders");
    messages.splice(0);
    await soon("ten again", () => messages.length === 10);
    for (let next = 0; next < 48; next += 1) {
      await soon(`message ${next}`, () => messages.length > next);
      settle(messages[next], "accept");
    }
    await soon("an empty queue", () => stage.broker.queue("orders").size === 0);
    assert.deepEqual(new Set(payloads(messages)), new Set(range(50).slice(2)));
    assert.equal(messages.length, 48);
  });

  it("gives back the messages beyond its limit when it closes", async () => {
    await stage.plays();
    const { close } = await resumed();
    await close();
    assert.deepEqual(stage.broker.queue("orders").contents, range(50).slice(2));
  });

  it("does not say that it is paused when it may go on but its flow is full", async () => {
    const broker = await stage.plays();
    const { source, messages, states, settle } = await stage.consuming({ queue: "orders", prefetch: 1 });
    broker.send("orders", ["a", "b"]);
    await soon("the first", () => messages.length === 1);
    source.pause("asked");
    await soon("the pause", () => states.at(-1)?.kind === "paused");
    source.resume("asked");
    await soon("the state", () => states.at(-1)?.kind === "consuming");
    assert.equal(messages.length, 1);
    settle(messages[0], "accept");
    await soon("the next", () => messages.length === 2);
    assert.equal(states.at(-1)?.kind, "consuming");
  });

  it("takes no more while what it has waits long for its turn in a sink, says so, and tries nothing again for that", async () => {
    await stage.plays();
    const sink = new Sink<string, undefined>({ batchSize: 1, linger: 0, warn: () => undefined, write: () => pause(100).then(() => [{ ok: true, value: undefined }]) });
    const { messages, warnings, states } = await stage.consuming({ queue: "orders", prefetch: 10, deadline: 500 }, (message, settle) =>
      sink.take(message, "", () => settle(message, "accept"), () => undefined),
    );
    stage.broker.send("orders", range(20));
    await soon("the pause", () => states.some((state) => state.kind === "holding" && state.reason === "messages wait long for their turn"));
    await soon("an empty queue", () => stage.broker.queue("orders").size === 0);
    assert.deepEqual(payloads(messages), range(20), "each once, in order");
    assert.ok(warnings.every((text) => text === "messages wait long for their turn: no more are taken until these have had it"), warnings.join("\n"));
    await soon("the end of the pause", () => states.at(-1)?.kind === "consuming");
    await sink.close(1);
  });
});
