import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { Broker, type BrokerLink } from "../../../nodes/amqp/client/broker";
import type { QueueMessage } from "../../../nodes/amqp/client/consuming/queue-message";
import { QueueGet, type QueueGetOptions, type QueueGetState } from "../../../nodes/amqp/get/queue-get";
import { readCount, readSettings, type GetDef } from "../../../nodes/amqp/get/settings";
import { ConnectorError } from "../../../nodes/common/errors";
import type { Parts } from "../../../nodes/delivery/reading/errand";
import type { Outcome } from "../../../nodes/delivery/outcome";
import { registry } from "../../../nodes/delivery/tracker/registry";
import type { TrackedRuntime } from "../../../nodes/delivery/runtime";
import type { RabbitMq } from "../../services/rabbitmq";
import { sharedRabbit } from "../../services/shared";
import { waitFor } from "../../services/wait";
import { MutableProxy, Plain, quick, range, unique } from "../support";

const refused = new ConnectorError("ROW_REFUSED", "the row breaks a rule");

type Got = QueueMessage & { parts: Parts } & Record<string, unknown>;

/** One trigger and what came of it. */
interface Asked {
  msg: object;
  empty: object[];
  /** Calls of `done`, each with its error. */
  done: (ConnectorError | undefined)[];
}

interface Opened {
  get: QueueGet;
  link: BrokerLink;
  messages: Got[];
  states: QueueGetState[];
  warnings: string[];
  ask(count: number, msg?: object): Asked;
  close(): Promise<void>;
}

const settle = (message: QueueMessage, outcome: Outcome, error?: ConnectorError): void => {
  const delivery = registry.find((message.delivery as { id: string }).id);
  if (delivery && delivery !== "closed") delivery.settle({ outcome, ...(error ? { error } : {}) });
};

describe("amqp get, its queue", function () {
  this.timeout(60_000);
  let rabbit: RabbitMq;
  let plain: Plain;
  const opened: Opened[] = [];
  /** Node-RED's. */
  const events = new EventEmitter();

  before(async () => {
    rabbit = await sharedRabbit();
    plain = await Plain.to(rabbit);
  });
  afterEach(() => Promise.all(opened.splice(0).map((each) => each.close())));
  after(() => plain.close());

  /** A queue that triggers take from, and whose messages the test settles, or `answer` does. Classic, which is quicker, unless it is said. */
  async function open(def: Partial<GetDef> & { queue: string }, answer?: (message: Got) => void, more: Partial<QueueGetOptions> = {}, url = rabbit.url): Promise<Opened> {
    const broker = new Broker({ urls: [url], backOff: quick() });
    const user = {};
    const link = broker.acquire(user);
    const messages: Got[] = [];
    const states: QueueGetState[] = [];
    const warnings: string[] = [];
    const get = new QueueGet({
      settings: readSettings({ broker: "", settle: "node", queueType: "classic", retryDelay: 100, retries: 1, ...def }),
      node: { id: "get", type: "surewire-amqp-get", name: "take orders" },
      runtime: { events } as unknown as TrackedRuntime, // only settle mode `flow` follows the flow
      link,
      send: (message) => {
        messages.push(message as Got);
        answer?.(message as Got);
      },
      isWired: () => true,
      clone: (value) => structuredClone(value),
      warn: (text) => warnings.push(text),
      onState: (state) => states.push(state),
      ...more,
    });
    const ask = (count: number, msg: object = { payload: "trigger" }): Asked => {
      const asked: Asked = { msg, empty: [], done: [] };
      const send = ([first, second]: (object | null)[]): void => {
        assert.equal(first, null);
        asked.empty.push(second as object);
      };
      get.take({ msg, send, done: (error) => asked.done.push(error as ConnectorError | undefined) }, count);
      return asked;
    };
    get.start();
    let closed: Promise<void> | undefined;
    const close = (): Promise<void> => (closed ??= get.close(500).then(() => broker.release(user)));
    const made = { get, link, messages, states, warnings, ask, close };
    opened.push(made);
    if (def.declare !== "existing") await waitFor("the channel", () => states.some(({ kind }) => kind === "ready"));
    return made;
  }

  const contents = (messages: Got[]): unknown[] => messages.map(({ payload }) => payload);

  it("takes as many as the trigger asks for, in order, and leaves the rest", async () => {
    const queue = unique("n-of-more");
    const { messages, ask } = await open({ queue, queueType: "quorum" }, (message) => settle(message, "accept"));
    await plain.send(queue, range(5));
    const asked = ask(3);
    await waitFor("the end", () => asked.done.length === 1);
    assert.deepEqual(contents(messages), ["0", "1", "2"]);
    assert.deepEqual([asked.done, asked.empty], [[undefined], []]);
    assert.equal((await plain.count(queue)).messages, 2);
  });

  it("numbers the messages of a trigger as parts, the last of which knows how many there are, even when there are fewer", async () => {
    const queue = unique("parts");
    const { messages, ask } = await open({ queue }, (message) => settle(message, "accept"));
    await plain.send(queue, range(5));
    const asked = [ask(3), ask(3)];
    await waitFor("the end", () => asked.every(({ done }) => done.length === 1));
    assert.deepEqual(messages.map(({ parts }) => [parts.index, parts.count]), [[0, undefined], [1, undefined], [2, 3], [0, undefined], [1, 2]]);
    const ids = messages.map(({ parts }) => parts.id);
    assert.deepEqual([new Set(ids.slice(0, 3)).size, new Set(ids.slice(3)).size, new Set(ids).size], [1, 1, 2]);
    assert.deepEqual(asked.map(({ empty }) => empty), [[], []]);
  });

  it("says why a copy waits for as long as it does, whatever else is settled meanwhile, and no longer", async () => {
    const queue = unique("waits");
    await plain.makeQueue(queue);
    const { messages, states, ask } = await open({ queue, declare: "existing" });
    await plain.send(queue, range(2));
    await waitFor("the channel", () => states.at(-1)?.kind === "ready");
    ask(2);
    await waitFor("both", () => messages.length === 2);
    settle(messages[0] as Got, "dead-letter", refused);
    await waitFor("the wait", () => states.at(-1)?.kind === "forwarding");
    const seen = states.length;
    settle(messages[1] as Got, "accept");
    await waitFor("a word on it", () => states.length > seen);
    assert.equal(states.at(-1)?.kind, "forwarding");
    await plain.makeQueue(`${queue}.dlq`);
    await waitFor("the end of the wait", () => states.at(-1)?.kind === "ready");
    assert.equal((await plain.get(`${queue}.dlq`)).content.toString(), "0");
  });

  it("sends the trigger unchanged to the second output when the queue is empty", async () => {
    const { messages, ask } = await open({ queue: unique("empty") });
    const asked = ask(3, { payload: "trigger", topic: "t", _msgid: "m" });
    await waitFor("the end", () => asked.done.length === 1);
    assert.equal(asked.empty[0], asked.msg);
    assert.deepEqual(asked.msg, { payload: "trigger", topic: "t", _msgid: "m" });
    assert.deepEqual([asked.done, messages], [[undefined], []]);
  });

  it("gives each message the trigger's other properties, its own copy, and what amqp in gives", async () => {
    const queue = unique("context");
    const { messages, ask } = await open({ queue }, (message) => settle(message, "accept"));
    await plain.send(queue, ['{"a":1}', '{"a":2}'], { contentType: "application/json", headers: { h: "v" } });
    const trigger = { _msgid: "m", payload: "x", topic: "t", delivery: { id: "other" }, amqp: {}, parts: { id: "p" }, order: { lines: [1] } };
    const asked = ask(2, trigger);
    await waitFor("the end", () => asked.done.length === 1);
    const [first, second] = messages as [Got, Got];
    assert.deepEqual(first.payload, { a: 1 });
    assert.deepEqual([first.topic, first.amqp.queue, first.amqp.headers, first._msgid], [queue, queue, { h: "v" }, undefined]);
    assert.notEqual((first.delivery as { id: string }).id, "other");
    assert.notEqual(first.parts.id, "p");
    assert.deepEqual([first.order, second.order], [{ lines: [1] }, { lines: [1] }]);
    assert.notEqual(first.order, second.order);
  });

  it("ends a trigger when everything it took is settled, whatever the outcome of each message is", async () => {
    const queue = unique("outcomes");
    const { messages, ask } = await open({ queue });
    await plain.send(queue, ["accept", "retry", "dead-letter", "release"]);
    const asked = ask(4);
    await waitFor("all", () => messages.length === 4);
    for (const message of messages) {
      assert.equal(asked.done.length, 0);
      settle(message, message.payload as Outcome, refused);
    }
    await waitFor("the end", () => asked.done.length === 1);
    assert.deepEqual(asked.done, [undefined]);

    const dead = await plain.get(`${queue}.dlq`);
    assert.deepEqual([dead.content.toString(), dead.properties.headers?.["x-error-code"]], ["dead-letter", "ROW_REFUSED"]);
    await waitFor("the released and the retried one to come back", async () => (await plain.count(queue)).messages === 2, { interval: 20 });
    messages.length = 0;
    const again = ask(10);
    await waitFor("both", () => messages.length === 2);
    const attempts = messages.map(({ payload, delivery }) => [payload, (delivery as { attempt: number }).attempt]);
    assert.deepEqual(attempts.sort(), [["release", 1], ["retry", 2]]);
    for (const message of messages) settle(message, "accept");
    await waitFor("the end", () => again.done.length === 1);
  });

  it("dead-letters what cannot be read, and counts only the others as parts", async () => {
    const queue = unique("not-json");
    const { messages, ask } = await open({ queue, format: "json" }, (message) => settle(message, "accept"));
    await plain.send(queue, ["{", "1", "2", "}"]);
    const asked = ask(4);
    await waitFor("the end", () => asked.done.length === 1);
    assert.deepEqual(messages.map(({ payload, parts }) => [payload, parts.index, parts.count]), [[1, 0, undefined], [2, 1, 2]]);
    assert.equal((await plain.get(`${queue}.dlq`)).properties.headers?.["x-error-code"], "FORMAT_INVALID");
  });

  it("is done at once in settle mode delivery", async () => {
    const queue = unique("delivery");
    const { messages, ask } = await open({ queue, settle: "delivery" });
    await plain.send(queue, range(2));
    const asked = ask(2);
    await waitFor("the end", () => asked.done.length === 1);
    assert.equal(messages.length, 2);
  });

  it("serves triggers one after the other, and refuses those of no delivery above a thousand", async () => {
    const queue = unique("line");
    const { messages, ask } = await open({ queue }, (message) => settle(message, "accept"));
    await plain.send(queue, range(3));
    const asked = Array.from({ length: 1_100 }, () => ask(2));
    const refusals = asked.filter(({ done }) => done[0]?.code === "OVERLOADED");
    assert.ok(refusals.length >= 98 && refusals.length <= 100, `${refusals.length} were refused`);
    await waitFor("the end of the first", () => asked.slice(0, 3).every(({ done }) => done.length === 1));
    assert.deepEqual(contents(messages), range(3));
    assert.deepEqual(asked.slice(0, 3).map(({ empty }) => empty.length), [0, 0, 1]);
  });

  it("refuses a trigger that would bring more than 10,000 messages into the flow", async () => {
    const queue = unique("too-many");
    const { messages, ask } = await open({ queue });
    await plain.send(queue, range(2));
    ask(1);
    await waitFor("one in the flow", () => messages.length === 1);
    const asked = ask(10_000);
    await waitFor("the end", () => asked.done.length === 1);
    assert.equal(asked.done[0]?.code, "OVERLOADED");
    assert.equal((await plain.count(queue)).messages, 1);
  });

  it("takes fewer than a trigger asks for, and none for the next, where messages are so large that more would be too much for the memory", async () => {
    const queue = unique("large");
    const { messages, warnings, ask } = await open({ queue, format: "buffer" }, undefined, { mostBytes: 250_000 });
    await plain.send(queue, range(9).map(() => Buffer.alloc(100_000)));
    const first = ask(9);
    await waitFor("as many as fit", () => messages.length === 3);
    assert.deepEqual(messages.map(({ parts }) => parts.count), [undefined, undefined, 3]);
    assert.match(warnings.join(), /are large: fewer than asked for are taken/);
    const second = ask(1);
    await waitFor("the refusal", () => second.done.length === 1);
    assert.equal(second.done[0]?.code, "OVERLOADED");
    for (const message of messages) settle(message, "accept");
    await waitFor("the end", () => first.done.length === 1);
    ask(1);
    await waitFor("the next", () => messages.length === 4);
    assert.deepEqual(first.done, [undefined]);
  });

  it("takes nothing when nothing is wired to its first output", async () => {
    const queue = unique("unwired");
    const { ask } = await open({ queue }, undefined, { isWired: () => false });
    await plain.send(queue, ["x"]);
    const asked = ask(1);
    await waitFor("the end", () => asked.done.length === 1);
    assert.equal(asked.done[0]?.code, "NOT_CONFIGURED");
    assert.equal((await plain.count(queue)).messages, 1);
  });

  it("says which queue is missing when it may not make it, and takes from it once it is there", async () => {
    const queue = unique("missing");
    const { messages, states, ask } = await open({ queue, declare: "existing" }, (message) => settle(message, "accept"));
    const asked = ask(1);
    await waitFor("the end", () => asked.done.length === 1);
    assert.equal(asked.done[0]?.code, "QUEUE_UNAVAILABLE");
    assert.match(asked.done[0]?.message ?? "", new RegExp(queue));
    assert.equal((states.at(-1) as { error?: ConnectorError }).error?.code, "QUEUE_UNAVAILABLE");
    await plain.makeQueue(queue);
    await plain.send(queue, ["x"]);
    await waitFor("the message", () => (messages.length === 0 ? void ask(1) : true));
  });

  it("makes a queue again that was deleted meanwhile", async () => {
    const queue = unique("deleted");
    const { ask } = await open({ queue });
    await plain.deleteQueue(queue);
    const asked = ask(1);
    await waitFor("the end", () => asked.done.length === 1);
    assert.deepEqual([asked.done, asked.empty.length], [[undefined], 1]);
  });

  for (const [what, args, words] of [
    ["a quorum queue with a single active consumer", { "x-queue-type": "quorum", "x-single-active-consumer": true }, /single active consumer/],
    ["a stream", { "x-queue-type": "stream" }, /is a stream/],
  ] as const) {
    it(`says that it cannot take from ${what}, and disturbs no one else`, async () => {
      const queue = await plain.makeQueue(unique("refused"), args);
      const { link, ask } = await open({ queue, declare: "existing" });
      await waitFor("the connection", () => link.consume.model);
      let lost = 0;
      link.consume.subscribe({ down: () => (lost += 1) });
      const asked = ask(1);
      await waitFor("the end", () => asked.done.length === 1);
      assert.equal(asked.done[0]?.code, "QUEUE_UNAVAILABLE");
      assert.match(asked.done[0]?.message ?? "", words);
      assert.equal(lost, 0);
    });
  }

  it("gives up on a broker that stays away, and says so", async () => {
    const { link, ask } = await open({ queue: unique("away") }, undefined, { patience: 200 });
    await link.consume.close();
    const asked = ask(1);
    await waitFor("the end", () => asked.done.length === 1);
    assert.equal(asked.done[0]?.code, "BROKER_UNAVAILABLE");
    assert.equal(asked.done[0]?.scope, "system");
  });

  it("gives up no later when the clock is set back meanwhile", async () => {
    const { link, ask } = await open({ queue: unique("clock") }, undefined, { patience: 200 });
    await link.consume.close();
    const asked = ask(1);
    const { now } = Date;
    try {
      Date.now = () => now() - 3_600_000;
      await waitFor("the end", () => asked.done.length === 1);
    } finally {
      Date.now = now;
    }
    assert.equal(asked.done[0]?.code, "BROKER_UNAVAILABLE");
  });

  it("loses and doubles nothing when the connection is cut in the middle, and goes on when it is back", async () => {
    const queue = unique("cut");
    const proxy = new MutableProxy(rabbit.port);
    const url = await proxy.start();
    let accepting = false;
    const { messages, ask, close } = await open({ queue }, (message) => accepting && settle(message, "accept"), {}, url);
    await plain.send(queue, range(50));
    const cut = ask(50);
    await waitFor("some", () => messages.length >= 10, { interval: 1 });
    for (const socket of proxy.sockets.splice(0)) socket.destroy();
    await waitFor("the trigger to end", () => cut.done.length === 1);
    assert.deepEqual(cut.done, [undefined]);
    accepting = true;
    messages.length = 0;
    const rest = ask(100);
    await waitFor("the end", () => rest.done.length === 1);
    assert.deepEqual(contents(messages), range(50));
    await close();
    assert.equal((await plain.count(queue)).messages, 0);
    proxy.stop();
  });

  it("waits while a sink waits for its system, and holds the delivery that the trigger belongs to", async () => {
    const queue = unique("held");
    const outerQueue = unique("outer");
    const other = await open({ queue: outerQueue });
    const { messages, states, ask } = await open({ queue }, undefined, { node: { id: "inner", type: "surewire-amqp-get" } });
    await plain.send(queue, range(2));
    await plain.send(outerQueue, ["outer"]);
    other.ask(1);
    await waitFor("the outer message", () => other.messages.length === 1);
    const outer = registry.find((other.messages[0]?.delivery as { id: string }).id);
    assert.ok(outer && outer !== "closed");

    const first = ask(1, other.messages[0]);
    await waitFor("the inner message", () => messages.length === 1);
    const inner = registry.find((messages[0]?.delivery as { id: string }).id);
    assert.ok(inner && inner !== "closed");
    inner.hold("database away");
    assert.deepEqual(states.at(-1), { kind: "holding", reason: "database away" });
    assert.deepEqual(other.states.at(-1), { kind: "holding", reason: "database away" });
    const itself = ask(1, messages[0]); // would wait for itself
    const second = ask(1);
    inner.resume();
    await waitFor("the next message", () => messages.length === 2 && itself.done.length + second.done.length === 1);
    assert.equal(other.states.at(-1)?.kind, "ready");
    for (const message of messages) settle(message, "accept");
    await waitFor("the end", () => [first, itself, second].every(({ done }) => done.length === 1));
  });

  it("takes nothing for a trigger whose delivery was settled while it waited for its turn", async () => {
    const outerQueue = unique("outer");
    const queue = unique("settled");
    const other = await open({ queue: outerQueue });
    const { get, messages, ask } = await open({ queue }, (message) => settle(message, "accept"));
    await plain.send(queue, range(2));
    await plain.send(outerQueue, ["outer"]);
    other.ask(1);
    const outer = await waitFor("the outer message", () => other.messages[0]);
    let begin: (wanted: number) => void = () => undefined;
    const ended: unknown[] = [];
    get.take({ msg: {}, send: () => undefined, done: (error) => ended.push(error) }, new Promise((resolve) => (begin = resolve)));
    const second = ask(1, outer);
    settle(outer, "release");
    begin(1);
    await waitFor("both to end", () => ended.length + second.done.length === 2);
    assert.deepEqual([ended, second.done, second.empty, contents(messages)], [[undefined], [undefined], [], ["0"]]);
  });

  it("gives back what the flow holds when it closes, and fails the triggers that wait", async () => {
    const queue = unique("close");
    const { messages, ask, close } = await open({ queue });
    await plain.send(queue, range(4));
    const asked = ask(3);
    await waitFor("three in the flow", () => messages.length === 3);
    settle(messages[0] as Got, "accept");
    const closing = close();
    const late = ask(1);
    assert.equal(late.done[0]?.code, "FLOW_STOPPED");
    await closing;
    assert.deepEqual(asked.done, [undefined]);
    await waitFor("the messages", async () => (await plain.count(queue)).messages === 3, { interval: 20 });
  });

  for (const value of [0, -1, 1.5, 10_001, NaN, "", "many", null, undefined, true, {}]) {
    it(`takes ${typeof value === "string" ? `"${value}"` : String(value)} for no number of messages`, () => {
      assert.throws(() => readCount(value), { code: "INPUT_INVALID" });
    });
  }
});
