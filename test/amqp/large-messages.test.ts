import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { Broker } from "../../nodes/amqp/client/broker";
import type { QueueMessage } from "../../nodes/amqp/client/consuming/queue-message";
import { QueueGet } from "../../nodes/amqp/get/queue-get";
import { readSettings } from "../../nodes/amqp/get/settings";
import { MemoryStore } from "../../nodes/common/memory-store";
import type { Parts } from "../../nodes/delivery/reading/errand";
import { registry } from "../../nodes/delivery/tracker/registry";
import type { TrackedRuntime } from "../../nodes/delivery/runtime";
import { decodeInSlices, LARGE } from "../../nodes/format/format";
import { DEFAULT_OPTIONS } from "../../nodes/format/options";
import type { RabbitMq } from "../services/rabbitmq";
import { sharedRabbit } from "../services/shared";
import { waitFor } from "../services/wait";
import { Sources, type OpenSource } from "./open-source";
import { MutableProxy, Plain, quick, range, unique } from "./support";

/** Rows under a header, the first of which tells which message it is. The quotes make it work for a parser. @param size in bytes */
const rows = (name: string, size = 0): string => `name,note\n${name},first\n${'x,"a ""quoted"" field"\n'.repeat(Math.ceil(size / 22))}`;
const LITTLE = LARGE * 2;
/** Takes long enough for something to happen meanwhile. */
const MUCH = 5 << 20;

const nameOf = ({ payload }: QueueMessage): string => (payload as { name: string }[])[0]?.name ?? "";
const names = (messages: QueueMessage[]): string[] => messages.map(nameOf);

describe("large delimited messages", function () {
  this.timeout(60_000);
  const sources = new Sources();
  let rabbit: RabbitMq;
  let plain: Plain;
  let queue: string;

  before(async () => {
    rabbit = await sharedRabbit();
    plain = await Plain.to(rabbit);
  });
  beforeEach(async () => {
    queue = await plain.makeQueue(unique("large"), { "x-queue-type": "classic" });
  });
  afterEach(() => sources.close());
  after(() => plain.close());

  const def = () => ({ queue, queueType: "classic", format: "delimited", deadLetterQueue: `${queue}.dlq` });
  const consuming = (...more: [object?, Parameters<Sources["open"]>[2]?, Parameters<Sources["open"]>[3]?]): Promise<OpenSource> =>
    sources.consuming(rabbit.url, { ...def(), ...more[0] }, more[1], more[2]);
  const left = async (): Promise<number> => (await plain.count(queue)).messages;
  /** The first message is taken and being read: another turn of the event loop comes while it is. */
  const beingRead = async ({ messages }: OpenSource): Promise<void> => {
    await waitFor("it to be in hand", async () => (await left()) === 0, { interval: 1 });
    assert.equal(messages.length, 0, "it was read before the test could do anything");
  };

  it("keep their place among small ones, each once, and all are settled", async () => {
    const { messages, warnings } = await consuming({}, {}, "accept");
    const sent = range(120).map((name) => rows(name, Number(name) % 7 === 3 ? LITTLE : 0));
    await plain.send(queue, sent);
    await waitFor("all", () => messages.length >= 120);
    assert.deepEqual(names(messages), range(120));
    await sources.close();
    assert.equal(await left(), 0);
    assert.deepEqual(warnings, []);
  });

  it("let other queues go on while they are read", async () => {
    const large = await consuming({}, {}, "accept");
    const other = await plain.makeQueue(unique("beside"), { "x-queue-type": "classic" });
    const small = await consuming({ queue: other }, {}, "accept");
    await plain.send(queue, [rows("large", MUCH)]);
    await beingRead(large);
    for (const name of range(20)) {
      await plain.send(other, [rows(name)]);
      await waitFor("it to pass", () => small.messages.length === Number(name) + 1, { interval: 1 });
      if (Number(name) === 4) assert.equal(large.messages.length, 0);
    }
    await waitFor("the large one", () => large.messages.length === 1);
  });

  it("become dead letters when they cannot be read, their bytes untouched, and hold nobody up", async () => {
    const { messages } = await consuming({}, {}, "accept");
    const broken = `${rows("broken", LITTLE)}one field\n`;
    await plain.send(queue, [rows("before"), broken, rows("behind")]);
    const letter = await plain.get(`${queue}.dlq`);
    assert.equal(letter.content.toString(), broken);
    assert.match(String(letter.properties.headers?.["x-error-message"]), /line \d+ has 1 fields/);
    await waitFor("the others", () => messages.length === 2);
    assert.deepEqual(names(messages), ["before", "behind"]);
  });

  it("wait, with those behind them, while the source is paused", async () => {
    const opened = await consuming({}, {}, "accept");
    const large = rows("large", MUCH);
    await plain.send(queue, [large, ...range(5).map((name) => rows(name))]);
    await beingRead(opened);
    opened.source.pause("asked");
    // slices take turns: what is begun later and is as large is read later
    await decodeInSlices(Buffer.from(large), "delimited", {}, DEFAULT_OPTIONS, () => false);
    assert.equal(opened.messages.length, 0);
    opened.source.resume("asked");
    await waitFor("all", () => opened.messages.length === 6);
    assert.deepEqual(names(opened.messages), ["large", ...range(5)]);
  });

  for (const settle of ["node", "delivery"] as const) {
    it(`go back with those behind them when the source closes while one is read, in settle mode ${settle}`, async () => {
      const opened = await consuming({ settle }, {}, "accept");
      const sent = [rows("large", MUCH), ...range(100).map((name) => rows(name))];
      await plain.send(queue, sent);
      await beingRead(opened);
      await opened.close();
      assert.deepEqual(names(opened.messages), []);
      assert.equal(await left(), sent.length);
      const { messages } = await consuming({ settle }, {}, "accept");
      await waitFor("all", () => messages.length >= sent.length);
      assert.deepEqual(names(messages), ["large", ...range(100)]);
      await sources.close();
      assert.equal(await left(), 0);
    });
  }

  it("are read again, once, when the channel is lost meanwhile, even if they cannot be read", async () => {
    const proxy = new MutableProxy(Number(new URL(rabbit.url).port));
    const opened = await sources.consuming(await proxy.start(), def(), {}, "accept");
    const broken = `${rows("broken", MUCH)}one field\n`;
    await plain.send(queue, [broken, rows("large", LITTLE), ...range(100).map((name) => rows(name))]);
    await beingRead(opened);
    for (const socket of proxy.sockets.splice(0)) socket.destroy();
    await waitFor("all", () => opened.messages.length >= 101);
    assert.deepEqual(names(opened.messages), ["large", ...range(100)]);
    assert.ok(opened.messages.every(({ amqp }) => amqp.redelivered), "one was handed over before the channel was lost");
    await plain.get(`${queue}.dlq`);
    await sources.close();
    proxy.stop();
    assert.deepEqual([await left(), (await plain.count(`${queue}.dlq`)).messages], [0, 0]);
  });

  it("are tried by the watch for messages that end the process, in their order", async () => {
    const store = new MemoryStore();
    await store.write("amqp-poison/source", { running: true, deaths: {}, inHand: [] });
    const first = await consuming({ poisonLimit: 0 });
    const sent = [rows("large", LITTLE), ...range(30).map((name) => rows(name))];
    await plain.send(queue, sent);
    await waitFor("all to be in hand", () => first.messages.length === sent.length);
    await first.close();
    const { messages } = await consuming({}, { store }, "accept");
    await waitFor("all", () => messages.length >= sent.length);
    assert.deepEqual(names(messages), ["large", ...range(30)]);
  });

  describe("that amqp get takes", () => {
    type Got = QueueMessage & { parts: Parts };
    const closing: (() => Promise<void>)[] = [];
    afterEach(() => Promise.all(closing.splice(0).map((close) => close())));

    async function open(): Promise<{ messages: Got[]; ask(count: number): unknown[]; close(): Promise<void> }> {
      const broker = new Broker({ urls: [rabbit.url], backOff: quick() });
      const user = {};
      const messages: Got[] = [];
      let ready = false;
      const get = new QueueGet({
        settings: readSettings({ broker: "", settle: "node", ...def() }),
        node: { id: "get", type: "surewire-amqp-get" },
        runtime: { events: new EventEmitter() } as unknown as TrackedRuntime, // only settle mode `flow` follows the flow
        link: broker.acquire(user),
        send: (message) => {
          messages.push(message as Got);
          const delivery = registry.find((message as { delivery: { id: string } }).delivery.id);
          if (delivery && delivery !== "closed") delivery.settle({ outcome: "accept" });
        },
        isWired: () => true,
        clone: (value) => structuredClone(value),
        warn: () => undefined,
        onState: (state) => (ready ||= state.kind === "ready"),
      });
      get.start();
      let closed: Promise<void> | undefined;
      const close = (): Promise<void> => (closed ??= get.close(500).then(() => broker.release(user)));
      closing.push(close);
      await waitFor("the channel", () => ready);
      const ask = (count: number): unknown[] => {
        const done: unknown[] = [];
        get.take({ msg: { payload: "now" }, send: () => undefined, done: (error) => done.push(error) }, count);
        return done;
      };
      return { messages, ask, close };
    }

    it("keep their place, and are parts like the others", async () => {
      const { messages, ask } = await open();
      await plain.send(queue, [rows("0"), rows("1", LITTLE), `${rows("broken", LITTLE)}one field\n`, rows("2"), rows("3", LITTLE)]);
      const done = ask(10);
      await waitFor("the end", () => done.length === 1);
      assert.deepEqual(names(messages), range(4));
      assert.deepEqual(messages.map(({ parts: { index, count } }) => [index, count]), [[0, undefined], [1, undefined], [2, undefined], [3, 4]]);
      await plain.get(`${queue}.dlq`);
      assert.equal(await left(), 0);
    });

    it("go back when it closes while one is read", async () => {
      const { messages, ask, close } = await open();
      await plain.send(queue, [rows("0"), rows("1", MUCH), rows("2")]);
      const done = ask(3);
      await waitFor("it to be in hand", async () => (await left()) === 1, { interval: 1 });
      await close();
      assert.equal(done.length, 1);
      assert.deepEqual(names(messages), []);
      assert.equal(await left(), 3);
    });
  });
});
