import assert from "node:assert/strict";
import { connect } from "amqplib";
import type { QueueMessage } from "../../../nodes/amqp/client/consuming/queue-message";
import { firstOffset } from "../../../nodes/amqp/in/stream-offset";
import { ConnectorError } from "../../../nodes/common/errors";
import type { Store } from "../../../nodes/common/store";
import type { RabbitMq } from "../../services/rabbitmq";
import { sharedRabbit } from "../../services/shared";
import { turns, waitFor } from "../../services/wait";
import { attempts, contents, refused, Sources, type OpenSource } from "../open-source";
import { MutableProxy, Plain, text, unique } from "../support";

const range = (from: number, to: number): string[] => Array.from({ length: to - from }, (_, index) => String(from + index));

/** A store that can be kept as it was when the process ended. */
class CopiedStore implements Store {
  constructor(private readonly kept = new Map<string, unknown>()) {}

  read(key: string): Promise<unknown> {
    return Promise.resolve(structuredClone(this.kept.get(key)));
  }

  write(key: string, value: unknown): Promise<void> {
    this.kept.set(key, structuredClone(value));
    return Promise.resolve();
  }

  remove(key: string): Promise<void> {
    this.kept.delete(key);
    return Promise.resolve();
  }

  copy(): CopiedStore {
    return new CopiedStore(structuredClone(this.kept));
  }
}

describe("a source that reads a stream", function () {
  this.timeout(60_000);
  let rabbit: RabbitMq;
  let plain: Plain;
  let store: CopiedStore;
  const sources = new Sources();

  before(async () => {
    rabbit = await sharedRabbit();
    plain = await Plain.to(rabbit);
  });
  beforeEach(() => void (store = new CopiedStore()));
  afterEach(() => sources.close());
  after(() => plain.close());

  /** A stream with messages "0", "1", … */
  async function stream(what: string, messages: number): Promise<string> {
    const name = await plain.makeQueue(unique(what), { "x-queue-type": "stream" });
    await plain.send(name, range(0, messages));
    return name;
  }

  type Answer = Parameters<Sources["open"]>[3];
  const read = (queue: string, def: object = {}, answer: Answer = "accept", more: object = {}): OpenSource =>
    sources.open(rabbit.url, { queue, queueType: "stream", ...def }, { store, ...more }, answer);

  /** Where the source has come to, as it is stored when it is closed. */
  async function stored(queue: string, source: OpenSource): Promise<unknown> {
    await source.close();
    return ((await store.read(`amqp-stream/source/${queue}`)) as { offset?: number } | undefined)?.offset;
  }

  it("makes the stream, reads it from its first message, and goes on where it was after a restart", async () => {
    const queue = unique("restart");
    const first = read(queue);
    await waitFor("the stream", () => first.states.at(-1)?.kind === "consuming");
    await plain.send(queue, range(0, 100));
    await waitFor("all", () => first.messages.length === 100);
    assert.deepEqual(contents(first.messages), range(0, 100));
    assert.equal(await stored(queue, first), 99);
    await plain.send(queue, range(100, 110));
    const second = read(queue);
    await waitFor("the rest", () => second.messages.length === 10);
    assert.deepEqual(contents(second.messages), range(100, 110));
    assert.deepEqual([...first.warnings, ...second.warnings], []);
  });

  it("stores no position past a message that is not settled, and reads it again", async () => {
    const queue = await stream("unsettled", 20);
    const first = read(queue, {}, (message, settle) => message.payload === "7" || settle(message, "accept"));
    await waitFor("all", () => first.messages.length === 20);
    assert.equal(await stored(queue, first), 6);
    const second = read(queue);
    await waitFor("the rest", () => second.messages.length === 13);
    assert.equal(second.messages[0]?.payload, "7");
    assert.equal(await stored(queue, second), 19);
  });

  it("goes on behind what is settled when its connection is lost", async () => {
    const queue = await stream("cut", 50);
    const proxy = new MutableProxy(rabbit.port);
    const { messages, states } = sources.open(await proxy.start(), { queue, queueType: "stream" }, { store }, (message, settle) => Number(message.payload) < 30 && settle(message, "accept"));
    try {
      await waitFor("all", () => messages.length === 50);
      messages.length = 0;
      for (const socket of proxy.sockets) socket.destroy();
      await waitFor("what is not settled", () => messages.length === 20);
      assert.deepEqual(contents(messages), range(30, 50));
      assert.equal(states.at(-1)?.kind, "consuming");
      await sources.close();
    } finally {
      proxy.stop();
    }
  });

  it("repeats and leaves out nothing over a pause", async () => {
    const queue = await stream("pause", 30);
    const { source, messages, settle, states } = read(queue, { prefetch: 10 }, () => undefined);
    await waitFor("ten", () => messages.length === 10);
    source.pause("asked");
    await waitFor("the pause", () => states.at(-1)?.kind === "paused");
    for (const message of [...messages]) settle(message, "accept");
    await plain.send(queue, range(30, 40));
    assert.equal(messages.length, 10);
    source.resume("asked");
    await waitFor("ten more", () => messages.length === 20);
    for (let from = 10; from < 40; from += 10) {
      await waitFor("the next", () => messages.length === from + 10);
      for (const message of messages.slice(from)) settle(message, "accept");
    }
    assert.deepEqual(contents(messages), range(0, 40));
  });

  it("has no more messages in the flow than allowed, although the broker sends whole chunks", async () => {
    const queue = await stream("chunks", 500);
    const held: QueueMessage[] = [];
    let most = 0;
    const { source, messages } = read(queue, { prefetch: 3 }, (message, settle) => {
      most = Math.max(most, source.openCount);
      held.push(message);
      setImmediate(() => settle(held.shift(), "accept"));
    });
    await waitFor("all", () => messages.length === 500);
    assert.deepEqual(contents(messages), range(0, 500));
    assert.equal(most, 3);
  });

  it("tries again in the process, then dead-letters a copy, and goes on after the message", async () => {
    const queue = await stream("fails", 10);
    const source = read(queue, {}, (message, settle) => settle(message, message.payload === "3" ? "retry" : "accept", refused));
    const dead = await plain.get(`${queue}.dlq`);
    assert.equal(text(dead), "3");
    assert.equal(dead.properties.headers?.["x-attempts"], 3);
    assert.equal(dead.properties.headers?.["x-original-queue"], queue);
    assert.deepEqual(attempts(source.messages.filter(({ payload }) => payload === "3")), [1, 2, 3]);
    await waitFor("the position", () => source.source.openCount === 0);
    assert.equal(await stored(queue, source), 9);
    const names = (await rabbit.listQueues(queue)).map(({ name }) => name);
    assert.deepEqual(names.sort(), [queue, `${queue}.dlq`]);
  });

  it("delivers a released message again without counting an attempt, and keeps its connection", async () => {
    const queue = await stream("released", 3);
    const source = read(queue, {}, (message, settle) => settle(message, source.messages.length > 3 ? "accept" : "release", refused));
    await waitFor("all once more", () => source.messages.length === 6);
    assert.deepEqual(attempts(source.messages), [1, 1, 1, 1, 1, 1]);
    assert.ok(!source.states.some(({ kind }) => kind === "waiting"));
    assert.equal(await stored(queue, source), 2);
  });

  it("delivers again what a deploy of other nodes has released", async () => {
    const queue = await stream("deployed", 3);
    const stopped = new ConnectorError("FLOW_STOPPED", "a node behind it was stopped");
    const source = read(queue, {}, (message, settle) => settle(message, source.messages.length > 3 ? "accept" : "release", stopped));
    await waitFor("all once more", () => {
      source.events.emit("flows:started"); // which it waits for if any source of this process has seen flows being stopped
      return source.messages.length === 6;
    });
    assert.deepEqual(attempts(source.messages), [1, 1, 1, 1, 1, 1]);
    assert.equal(await stored(queue, source), 2);
  });

  for (const [where, wanted] of [["5", range(5, 10)], ["2020-01-01T00:00:00Z", range(0, 10)], ["2120-01-01T00:00:00Z", []], ["next", []]] as const) {
    it(`begins at ${where} when nothing is stored`, async () => {
      const queue = await stream("begin", 10);
      const { messages, states } = read(queue, { streamOffset: where });
      await waitFor("the consumer", () => states.at(-1)?.kind === "consuming");
      if (where === "next") await plain.send(queue, ["new"]);
      const expected = where === "next" ? ["new"] : wanted;
      await waitFor("them", () => messages.length === expected.length);
      assert.deepEqual(contents(messages), expected);
    });
  }

  it("misses nothing if it began at the end and was restarted before its first message", async () => {
    const queue = await stream("next", 10);
    const first = read(queue, { streamOffset: "next" });
    await waitFor("the consumer", () => first.states.at(-1)?.kind === "consuming");
    await first.close();
    await plain.send(queue, ["while it was away"]);
    const second = read(queue, { streamOffset: "next" });
    await waitFor("the message", () => contents(second.messages).includes("while it was away"));
  });

  for (const where of ["last", "next"]) {
    it(`that began at its ${where} message has what was in the flow at a kill come again, though its clock is ahead of the broker's`, async () => {
      const now = Date.now;
      Date.now = () => now() + 30_000;
      try {
        const queue = await stream(`killed-${where}`, 2);
        let atDeath: CopiedStore | undefined;
        const first = read(queue, { streamOffset: where }, () => void (atDeath ??= store.copy()));
        await waitFor("the consumer", () => first.states.at(-1)?.kind === "consuming");
        await plain.send(queue, ["2"]);
        await waitFor("a message", () => contents(first.messages).includes("2"));
        await first.close();
        store = atDeath as CopiedStore;
        await plain.send(queue, ["while it was away"]);
        const second = read(queue, { streamOffset: where });
        await waitFor("what came last", () => contents(second.messages).includes("while it was away"));
        assert.deepEqual(contents(second.messages), [...contents(first.messages), "while it was away"]);
      } finally {
        Date.now = now;
      }
    });
  }

  it("that began at its last message has what was in the flow come again when its connection is lost", async () => {
    const queue = await stream("cut-last", 1);
    const proxy = new MutableProxy(rabbit.port);
    const now = Date.now;
    Date.now = () => now() + 30_000; // the last message is older than the first look at it
    try {
      const { messages } = sources.open(await proxy.start(), { queue, queueType: "stream", streamOffset: "last" }, { store }, () => undefined);
      await waitFor("the message", () => messages.length === 1);
      for (const socket of proxy.sockets) socket.destroy();
      await waitFor("it again", () => messages.length === 2);
      assert.deepEqual(contents(messages), ["0", "0"]);
      await sources.close();
    } finally {
      Date.now = now;
      proxy.stop();
    }
  });

  const SHORT = { "x-queue-type": "stream", "x-max-length-bytes": 40_000, "x-stream-max-segment-size-bytes": 10_000 };
  /** Publishes until the stream has dropped the first 100 messages. */
  async function untilCut(queue: string): Promise<void> {
    const model = await connect(rabbit.url);
    let sent = 0;
    const cut = async (): Promise<boolean> => {
      await plain.send(queue, range(sent, (sent += 20)).map((id) => id.padEnd(1_000, " ")));
      return ((await firstOffset(model, queue)) ?? 0) > 100;
    };
    await waitFor("the stream to be cut", cut);
    await model.close();
  }

  it("says which messages the stream has dropped while the node was away", async () => {
    const queue = await plain.makeQueue(unique("cut-while-away"), SHORT);
    await plain.send(queue, range(0, 10));
    const first = read(queue);
    await waitFor("all", () => first.messages.length === 10);
    assert.equal(await stored(queue, first), 9);
    await untilCut(queue);
    const { warnings } = read(queue);
    await waitFor("the warning", () => /has lost \d+ messages not read yet, offsets 10 to \d+/.test(warnings.join()));
  });

  it("says which messages the stream has dropped while they waited behind those in the flow", async () => {
    const queue = await plain.makeQueue(unique("cut-while-reading"), SHORT);
    let hold = true;
    const held: (() => void)[] = [];
    const { messages, warnings } = read(queue, { prefetch: 1 }, (message, settle) => void (hold ? held.push(() => settle(message, "accept")) : settle(message, "accept")));
    await plain.send(queue, range(0, 10));
    await waitFor("one in the flow", () => messages.length === 1);
    await untilCut(queue);
    hold = false;
    for (const settle of held) settle();
    await waitFor("the warning", () => /has lost \d+ messages not read yet, offsets \d+ to \d+/.test(warnings.join()));
  });

  it("takes the positions that other clients store in the stream for no messages that are lost", async () => {
    const queue = await stream("tracked", 3);
    const first = read(queue);
    await waitFor("all", () => first.messages.length === 3);
    assert.equal(await stored(queue, first), 2);
    const second = read(queue);
    for (const part of ["a", "b"]) {
      await rabbit.evaluate(`begin
        {ok, Queue} = rabbit_amqqueue:lookup({resource, <<"/">>, queue, <<"${queue}">>}),
        #{leader_pid := Leader} = amqqueue:get_type_state(Queue),
        osiris:write_tracking(Leader, <<"${part}">>, {offset, 1})
      end`);
      await plain.send(queue, [part]);
    }
    await waitFor("both", () => second.messages.length === 2);
    assert.equal(await stored(queue, second), 6);
    assert.deepEqual(second.warnings, []);
  });

  it("says that the stream was made anew, and reads the new one from its first message", async () => {
    const queue = await stream("anew", 10);
    const first = read(queue);
    await waitFor("all", () => first.messages.length === 10);
    assert.equal(await stored(queue, first), 9);
    await plain.deleteQueue(queue);
    await plain.makeQueue(queue, { "x-queue-type": "stream" });
    await plain.send(queue, ["a", "b"]);
    const second = read(queue, {}, "accept", { silence: 300 });
    await waitFor("both", () => second.messages.length === 2);
    assert.deepEqual(contents(second.messages), ["a", "b"]);
    assert.match(second.warnings.join(), /ends at offset 1, but was read up to 9: it has been made anew/);
  });

  it("leaves out nothing of a stream that was made anew and has more messages already than were read of the former one", async () => {
    const queue = await stream("longer", 10);
    const first = read(queue);
    await waitFor("all", () => first.messages.length === 10);
    assert.equal(await stored(queue, first), 9);
    await plain.deleteQueue(queue);
    await plain.makeQueue(queue, { "x-queue-type": "stream" });
    await plain.send(queue, range(100, 120));
    const second = read(queue);
    await waitFor("all of the new one", () => second.messages.length === 20);
    assert.deepEqual(contents(second.messages), range(100, 120));
    assert.match(second.warnings.join(), /has another message at offset 9 than the one that was read there: it has been made anew/);
  });

  it("leaves out nothing of a stream that was deleted while it read, and that it has made anew itself", async () => {
    const queue = await stream("deleted", 10);
    const { messages, states } = read(queue);
    await waitFor("all", () => messages.length === 10);
    await plain.deleteQueue(queue);
    await waitFor("the end of its consumer", () => states.some(({ kind }) => kind === "waiting"));
    await waitFor("the next one", () => states.at(-1)?.kind === "consuming");
    await plain.send(queue, range(100, 120));
    await waitFor("all of the new one", () => messages.length === 30);
    assert.deepEqual(contents(messages.slice(10)), range(100, 120));
  });

  it("reads a stream that was made anew during its pause from the first message on", async () => {
    const queue = await stream("anew-in-pause", 10);
    const { source, messages, states } = read(queue, {}, (message, settle) => message.payload === "9" || settle(message, "accept"), { silence: 300 });
    await waitFor("all", () => messages.length === 10);
    source.pause("asked");
    await waitFor("the pause", () => states.at(-1)?.kind === "paused");
    await plain.deleteQueue(queue);
    await plain.makeQueue(queue, { "x-queue-type": "stream" });
    await plain.send(queue, ["a", "b"]);
    source.resume("asked");
    await waitFor("both", () => messages.length === 12);
    assert.deepEqual(contents(messages.slice(10)), ["a", "b"]);
  });

  it("dead-letters the message that ends Node-RED each time, and no other", async () => {
    const queue = await stream("poison", 6);
    const worked = new Set<string>();
    for (let life = 1; life <= 4; life += 1) {
      let atDeath: CopiedStore | undefined;
      const work = (message: QueueMessage, settle: OpenSource["settle"]): void => {
        if (atDeath) return;
        if (message.payload === "3") return void (atDeath = store.copy());
        settle(message, "accept");
        worked.add(String(message.payload));
      };
      const { close } = read(queue, { poisonLimit: 3 }, work);
      await waitFor("the end of this life", () => atDeath ?? worked.size === 5);
      await close();
      if (atDeath) store = atDeath;
    }
    assert.equal(text(await plain.get(`${queue}.dlq`)), "3");
    assert.deepEqual([...worked].sort(), ["0", "1", "2", "4", "5"]);
  });

  it("hands over nothing during a pause that waits behind the trials after a kill", async () => {
    const queue = await stream("pause-in-trial", 50);
    await store.write("amqp-poison/source", { running: true, deaths: {}, inHand: [] });
    const { source, messages, settle, states } = read(queue, {}, () => undefined);
    await waitFor("the first on trial", () => messages.length > 0);
    source.pause("asked");
    await waitFor("the pause", () => states.at(-1)?.kind === "paused");
    const before = contents(messages);
    for (const message of [...messages]) settle(message, "accept");
    await turns(100);
    assert.deepEqual(contents(messages), before);
    source.resume("asked");
    await waitFor("all", () => {
      for (const message of messages.slice(before.length)) settle(message, "accept");
      return messages.length === 50;
    });
    assert.deepEqual(contents(messages), range(0, 50));
  });

  it("waits when what is stored cannot be read, and says so", async () => {
    const queue = await stream("unreadable", 1);
    store.read = () => Promise.reject(new Error("bad sector"));
    const { states, messages } = read(queue);
    const state = await waitFor("the wait", () => states.find(({ kind }) => kind === "waiting"));
    assert.match(state.kind === "waiting" ? String(state.error) : "", /STORE_UNAVAILABLE: .* bad sector/);
    assert.equal(messages.length, 0);
  });

  it("takes nothing from a stream that is said to be another queue, and leaves the connection whole", async () => {
    const queue = await stream("mistaken", 3);
    const { states, link, source } = sources.open(rabbit.url, { queue, declare: "existing" }, { store }, () => undefined);
    await waitFor("the consumer", () => states.at(-1)?.kind === "consuming");
    const { model } = link.consume;
    await plain.send(queue, ["x"]);
    const state = await waitFor("the refusal", () => states.find((each) => each.kind === "waiting" && each.error.code === "NOT_CONFIGURED"));
    assert.match(state.kind === "waiting" ? state.error.message : "", /is a stream: choose stream as its type/);
    await waitFor("its message to be let go", () => source.openCount === 0);
    assert.equal(link.consume.model, model);
  });

  it("says so when the queue is no stream", async () => {
    const queue = await plain.makeQueue(unique("no-stream"));
    await plain.send(queue, ["x"]);
    const { states, messages } = read(queue, { declare: "existing" });
    const state = await waitFor("the refusal", () => states.find(({ kind }) => kind === "waiting"));
    assert.match(state.kind === "waiting" ? String(state.error) : "", /QUEUE_UNAVAILABLE: .*invalid arg 'x-stream-offset' for queue/);
    assert.equal(messages.length, 0);
  });
});
