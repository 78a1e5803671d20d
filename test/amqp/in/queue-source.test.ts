import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { Broker, type BrokerLink } from "../../../nodes/amqp/client/broker";
import type { QueueMessage } from "../../../nodes/amqp/client/consuming/queue-message";
import { QueueSource } from "../../../nodes/amqp/in/queue-source";
import type { QueueSourceState } from "../../../nodes/amqp/in/source-states";
import { readSettings, type InDef } from "../../../nodes/amqp/in/settings";
import { ConnectorError } from "../../../nodes/common/errors";
import type { Outcome } from "../../../nodes/delivery/outcome";
import { registry } from "../../../nodes/delivery/tracker/registry";
import type { TrackedRuntime } from "../../../nodes/delivery/runtime";
import { MAX_CONTENT } from "../../../nodes/format/format";
import type { RabbitMq } from "../../services/rabbitmq";
import { sharedRabbit } from "../../services/shared";
import { waitFor } from "../../services/wait";
import { HEADERS, measured, MESSAGE_ID, rawField, sendRaw, shortText } from "../raw-message";
import { AFTER_RESTART, Plain, quick, range, text, unique } from "../support";

interface Opened {
  source: QueueSource;
  link: BrokerLink;
  messages: QueueMessage[];
  warnings: string[];
  states: QueueSourceState[];
  settle(message: QueueMessage, outcome: Outcome, error?: ConnectorError): void;
  close(): Promise<void>;
}

describe("a queue source", function () {
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

  /** A source, consuming, whose messages the test settles by itself, or `answer` does. */
  async function open(def: Partial<InDef> & { queue: string }, answer?: (message: QueueMessage, settle: Opened["settle"]) => void): Promise<Opened> {
    const broker = new Broker({ urls: [rabbit.url], backOff: quick() });
    const user = {};
    const link = broker.acquire(user);
    const messages: QueueMessage[] = [];
    const warnings: string[] = [];
    const states: QueueSourceState[] = [];
    const settle: Opened["settle"] = (message, outcome, error) => {
      const delivery = registry.find((message.delivery as { id: string }).id);
      if (delivery && delivery !== "closed") delivery.settle({ outcome, ...(error ? { error, node: { id: "abc", name: "writer" } } : {}) });
    };
    const source = new QueueSource({
      settings: readSettings({ broker: "", settle: "node", retryDelay: 100, ...def }),
      node: { id: "source", type: "surewire-amqp-in", name: "orders in" },
      runtime: { events } as unknown as TrackedRuntime, // only settle mode `flow` follows the flow
      link,
      send: (message) => {
        messages.push(message);
        answer?.(message, settle);
      },
      warn: (warning) => warnings.push(warning),
      onState: (state) => states.push(state),
    });
    source.start();
    let closed: Promise<void> | undefined;
    const close = (): Promise<void> => (closed ??= source.close(500).then(() => broker.release(user)));
    const made = { source, link, messages, warnings, states, settle, close };
    opened.push(made);
    await waitFor("the consumer", () => states.some(({ kind }) => kind === "consuming"));
    return made;
  }

  const refused = new ConnectorError("ROW_REFUSED", "the row breaks a rule");

  it("hands over payload, topic, properties and headers", async () => {
    const queue = unique("message");
    const { messages } = await open({ queue, bindings: [{ exchange: `${queue}.x`, exchangeType: "topic", routingKey: "#" }] });
    await plain.publish(`${queue}.x`, "device.7", '{"a":1}', { contentType: "application/json", messageId: "m1", headers: { h: "v" } });
    await waitFor("the message", () => messages.length === 1);
    const message = messages[0] as QueueMessage;
    assert.deepEqual(message.payload, { a: 1 });
    assert.equal(message.topic, "device.7");
    assert.deepEqual(message.amqp, {
      queue,
      exchange: `${queue}.x`,
      routingKey: "device.7",
      redelivered: false,
      properties: { contentType: "application/json", messageId: "m1" },
      headers: { h: "v" },
      deaths: [],
    });
    assert.deepEqual(Object.keys(message.delivery), ["id", "source", "attempt", "retries"]);
  });

  it("goes through the delay queues with counted attempts, and ends in the dead-letter queue with the reason", async () => {
    const queue = unique("ladder");
    const { messages } = await open({ queue, retries: 2, retryDelay: 100 }, (message, settle) => settle(message, "retry", refused));
    await plain.send(queue, ["three times"], { messageId: "m1", correlationId: "c1", expiration: "60000", headers: { mine: "kept" } });
    const dead = await plain.get(`${queue}.dlq`);
    assert.deepEqual(messages.map(({ delivery }) => (delivery as { attempt: number }).attempt), [1, 2, 3]);
    assert.deepEqual(messages.map(({ topic, amqp }) => [topic, amqp.exchange]), Array(3).fill([queue, ""]));
    const { headers = {}, ...properties } = dead.properties;
    assert.equal(text(dead), "three times");
    assert.equal(properties.messageId, "m1");
    assert.equal(properties.correlationId, "c1");
    assert.equal(properties.expiration, undefined);
    assert.equal(properties.deliveryMode, 2);
    const { "x-failed-at": failedAt, "x-delivery-count": _ofTheQueue, ...rest } = headers;
    assert.ok(Date.now() - Date.parse(String(failedAt)) < 60_000);
    assert.deepEqual(rest, {
      mine: "kept",
      "x-error-code": "ROW_REFUSED",
      "x-error-message": "the row breaks a rule",
      "x-failed-node": "writer (abc)",
      "x-attempts": 3,
      "x-original-exchange": "",
      "x-original-routing-key": queue,
      "x-original-queue": queue,
    });
    await waitFor("an empty queue", async () => (await rabbit.listQueues(queue)).find(({ name }) => name === queue)?.messages === 0);
  });

  it("keeps exchange and routing key of the first time through every retry", async () => {
    const queue = unique("origin");
    const { messages } = await open({ queue, retries: 2, bindings: [{ exchange: `${queue}.x`, routingKey: "a.*" }] }, (message, settle) => settle(message, "retry", refused));
    await plain.publish(`${queue}.x`, "a.b", "x");
    const dead = await plain.get(`${queue}.dlq`);
    assert.deepEqual([dead.properties.headers?.["x-original-exchange"], dead.properties.headers?.["x-original-routing-key"]], [`${queue}.x`, "a.b"]);
    assert.deepEqual(new Set(messages.map(({ topic }) => topic)), new Set(["a.b"]));
  });

  it("dead-letters what is not JSON with the parser's message and the untouched bytes", async () => {
    const queue = unique("not-json");
    const { messages } = await open({ queue, format: "json" });
    const bytes = Buffer.from([0x7b, 0xff, 0x00, 0x80]);
    await plain.send(queue, [bytes, "{ broken", '{"good":1}']);
    const first = await plain.get(`${queue}.dlq`);
    const second = await plain.get(`${queue}.dlq`);
    assert.deepEqual(first.content, bytes);
    assert.equal(second.properties.headers?.["x-error-code"], "FORMAT_INVALID");
    assert.match(String(second.properties.headers?.["x-error-message"]), /^Not JSON: .*JSON/);
    assert.match(String(second.properties.headers?.["x-failed-node"]), /orders in/);
    await waitFor("the good one", () => messages.length === 1);
  });

  it("dead-letters what is larger than 16 MiB", async () => {
    const queue = unique("large");
    await open({ queue, queueType: "classic" });
    await plain.send(queue, [Buffer.alloc(MAX_CONTENT + 1)]);
    const dead = await plain.get(`${queue}.dlq`);
    assert.equal(dead.properties.headers?.["x-error-code"], "PAYLOAD_TOO_LARGE");
    assert.equal(dead.content.length, MAX_CONTENT + 1);
  });

  it("gives back everything that its pause has kept as soon as the pause ends", async () => {
    const queue = unique("pause-over");
    const unset = new ConnectorError("NOT_CONFIGURED", "no table is chosen");
    const { messages, settle, states } = await open({ queue, prefetch: 3 });
    const pauses = (): number => states.filter(({ kind }) => kind === "holding").length;
    // the pauses grow by each that helps nothing; the last ones take long
    for (let round = 1; round <= 8; round += 1) {
      if (round === 1) await plain.send(queue, range(3));
      await waitFor("the messages", () => messages.length === 3, { timeout: 5_000 });
      const taken = messages.splice(0);
      assert.deepEqual(taken.map(({ payload }) => String(payload)).sort(), range(3));
      const before = pauses();
      for (const message of taken) settle(message, "release", unset);
      await waitFor("the pause", () => pauses() >= before + 2); // told when it begins, and when the broker sends no more
      assert.equal(messages.length, 0);
      events.emit("flows:started");
    }
  });

  it("gives a released message back with its attempt uncounted", async () => {
    const queue = unique("release");
    const { messages, settle } = await open({ queue });
    await plain.send(queue, ["again"]);
    await waitFor("the message", () => messages.length === 1);
    settle(messages[0] as QueueMessage, "release", new ConnectorError("FLOW_STOPPED", "stopped"));
    events.emit("flows:started"); // which it waits for if any source of this process has seen flows being stopped
    await waitFor("it again", () => messages.length === 2);
    assert.equal((messages[1]?.delivery as { attempt: number }).attempt, 1);
    assert.equal(messages[1]?.amqp.redelivered, true);
  });

  it("loses nothing when the dead-letter queue was deleted meanwhile: it is made again", async () => {
    const queue = unique("dlq-gone");
    const { messages, settle } = await open({ queue });
    await plain.send(queue, ["keep me"]);
    await waitFor("the message", () => messages.length === 1);
    await plain.deleteQueue(`${queue}.dlq`);
    settle(messages[0] as QueueMessage, "dead-letter", refused);
    assert.equal(text(await plain.get(`${queue}.dlq`)), "keep me");
  });

  it("keeps a dead letter unacknowledged until there is a queue for it, when it may not make one", async () => {
    const queue = await plain.makeQueue(unique("no-dlq"));
    const { messages, settle, warnings, states } = await open({ queue, declare: "existing" });
    await plain.send(queue, ["keep me"]);
    await waitFor("the message", () => messages.length === 1);
    settle(messages[0] as QueueMessage, "dead-letter", refused);
    await waitFor("the wait", () => states.some(({ kind }) => kind === "forwarding"));
    assert.match(warnings[0] ?? "", new RegExp(`No queue took the message to queue ${queue}.dlq`));
    await plain.makeQueue(`${queue}.dlq`);
    assert.equal(text(await plain.get(`${queue}.dlq`)), "keep me");
    await waitFor("the end of the wait", () => states.at(-1)?.kind === "consuming");
    await waitFor("an empty queue", async () => (await rabbit.listQueues(queue)).find(({ name }) => name === queue)?.messages === 0);
  });

  it("retries in the process when there is no delay queue and it may not make one", async () => {
    const queue = await plain.makeQueue(unique("no-retry-queue"));
    await plain.makeQueue(`${queue}.dlq`);
    const { messages } = await open({ queue, declare: "existing", retries: 2, retryDelay: 50 }, (message, settle) => settle(message, "retry", refused));
    await plain.send(queue, ["x"]);
    const dead = await plain.get(`${queue}.dlq`);
    assert.equal(dead.properties.headers?.["x-attempts"], 3);
    assert.deepEqual(messages.map(({ delivery }) => (delivery as { attempt: number }).attempt), [1, 2, 3]);
    const names = (await rabbit.listQueues(queue)).map(({ name }) => name);
    assert.deepEqual(names.sort(), [queue, `${queue}.dlq`]); // existing: nothing was made
  });

  it("retries in the process where the delay queue's name would be too long", async () => {
    const queue = await plain.makeQueue(unique("long").padEnd(250, "x"));
    const { messages } = await open({ queue, declare: "existing", retries: 1 }, (message, settle) => settle(message, messages.length === 1 ? "retry" : "accept", refused));
    await plain.send(queue, ["x"]);
    await waitFor("the retry", () => messages.length === 2);
    await waitFor("an empty queue", async () => (await rabbit.listQueues(queue)).find(({ name }) => name === queue)?.messages === 0);
  });

  it("cuts the headers of a dead letter down to what a message can carry", async () => {
    const queue = unique("big-headers");
    await open({ queue }, (message, settle) => settle(message, "dead-letter", refused));
    await plain.send(queue, ["x"], { headers: { small: "kept", large: "y".repeat(65_450) } });
    const { headers = {} } = (await plain.get(`${queue}.dlq`)).properties;
    assert.equal(headers.small, "kept");
    assert.ok(!("large" in headers));
    assert.equal(headers["x-headers-dropped"], "large");
    assert.equal(headers["x-error-code"], "ROW_REFUSED");
  });

  it("dead-letters a message whose headers cannot be sent again, without them", async () => {
    const queue = unique("odd-headers");
    await open({ queue }, (message, settle) => settle(message, "dead-letter", refused));
    const odd = rawField("odd", "F", measured(rawField("!", "S", measured(Buffer.from("no type")))));
    const bytes = Buffer.concat([measured(odd, rawField("other", "b", Buffer.from([1]))), shortText(Buffer.from("m1"))]);
    await sendRaw(rabbit, queue, { flags: HEADERS | MESSAGE_ID, bytes }, "x");
    const { headers = {}, messageId } = (await plain.get(`${queue}.dlq`)).properties as { headers?: Record<string, unknown>; messageId: string };
    assert.equal(messageId, "m1");
    assert.ok(!("odd" in headers));
    assert.equal(headers["x-headers-dropped"], "other odd");
    assert.equal(headers["x-error-code"], "ROW_REFUSED");
  });

  it("dead-letters a message with numbers that amqplib itself would not send, and keeps its other headers", async () => {
    const queue = unique("odd-numbers");
    await open({ queue }, (message, settle) => settle(message, "dead-letter", refused));
    const [low, fraction] = [-1e300, 2 ** 50 + 0.5];
    const double = (value: number): object => ({ "!": "double", value });
    await plain.send(queue, ["x"], { headers: { list: [double(low)], table: { fraction: double(fraction) }, other: 1 } });
    const { list, table, other, "x-headers-dropped": dropped } = (await plain.get(`${queue}.dlq`)).properties.headers ?? {};
    assert.deepEqual({ list, table, other, dropped }, { list: [low], table: { fraction }, other: 1, dropped: undefined });
  });

  it("dead-letters a message whose id was not UTF-8 and is too long after decoding", async () => {
    const queue = unique("latin");
    await open({ queue }, (message, settle) => settle(message, "dead-letter", refused));
    const bytes = Buffer.concat([measured(rawField("other", "b", Buffer.from([1]))), shortText(Buffer.alloc(100, 0xe9))]);
    await sendRaw(rabbit, queue, { flags: HEADERS | MESSAGE_ID, bytes }, "x");
    const { headers = {}, messageId } = (await plain.get(`${queue}.dlq`)).properties as { headers?: Record<string, unknown>; messageId: unknown };
    assert.equal(messageId, undefined);
    assert.equal(headers.other, 1);
    assert.equal(headers["x-error-code"], "ROW_REFUSED");
  });

  it("does not send a copy to the original's other receivers", async () => {
    const queue = unique("cc");
    const other = await plain.makeQueue(unique("cc-other"));
    await open({ queue }, (message, settle) => settle(message, "dead-letter", refused));
    await plain.send(queue, ["x"], { CC: other });
    await plain.get(`${queue}.dlq`);
    assert.equal((await plain.count(other)).messages, 1);
  });

  it("acknowledges before the flow in settle mode delivery", async () => {
    const queue = unique("at-once");
    const { messages, source } = await open({ queue, settle: "delivery" });
    await plain.send(queue, range(10));
    await waitFor("all", () => messages.length === 10);
    assert.equal(source.openCount, 0);
    await waitFor("an empty queue", async () => (await rabbit.listQueues(queue)).find(({ name }) => name === queue)?.messages === 0);
  });

  it("loses nothing and doubles no dead letter when the broker is killed under 200 open deliveries", async function () {
    this.timeout(240_000);
    const queue = unique("kill");
    let failing = true;
    const done = new Set<string>();
    const held: QueueMessage[] = [];
    const { messages, settle, source } = await open({ queue, deadline: 60_000 }, (message, answer) => {
      if (failing) held.push(message);
      else {
        done.add(String(message.payload));
        answer(message, "accept");
      }
    });
    await plain.send(queue, range(200));
    await waitFor("all open", () => source.openCount === 200);
    await rabbit.writeDown();
    await rabbit.kill();
    await waitFor("none open", () => source.openCount === 0);
    for (const message of held) settle(message, "dead-letter", refused); // too late: nobody listens any more
    failing = false;
    messages.splice(0);
    await rabbit.start();
    await plain.again();
    await waitFor("every one of them", () => done.size === 200, AFTER_RESTART);
    assert.deepEqual(done, new Set(range(200)));
    assert.equal((await plain.count(`${queue}.dlq`)).messages, 0);
  });

  it("gives back what the flow holds when it closes, after the drain", async () => {
    const queue = unique("close");
    const { messages, close } = await open({ queue });
    await plain.send(queue, range(5));
    await waitFor("all", () => messages.length === 5);
    const began = Date.now();
    await close();
    assert.ok(Date.now() - began < 6_000); // the usual drain takes 8 s
    await waitFor("all back", async () => (await plain.count(queue)).messages === 5);
    await waitFor("the consumer to be gone", async () => (await plain.count(queue)).consumers === 0);
  });
});
