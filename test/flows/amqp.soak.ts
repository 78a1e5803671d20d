import assert from "node:assert/strict";
import path from "node:path";
import { connect } from "amqplib";
import { NodeRed } from "../services/node-red";
import type { RabbitMq } from "../services/rabbitmq";
import { sharedRabbit } from "../services/shared";
import { pause, waitFor } from "../services/wait";
import { outNode, publishAll } from "./amqp-flow";
import { brokerNode, deadLetters, inNode, messages, publish, tab, untilEmpty } from "./bridge";

const COUNT = Number(process.env.SUREWIRE_MESSAGES ?? 100_000);
/** By then everything that is made once is made: growth from here on is growth by messages. */
const SETTLED_IN = COUNT / 5;
const STEP = COUNT / 10;
const PREFETCH = 400;

/** MB that the heap may grow between {@link SETTLED_IN} and the end: with 80,000 messages between, 50 bytes a message would be found. */
const HEAP_GROWTH = 4;
/** MB. Resident memory holds what the heap once needed at a peak, so it tells only of growth outside the heap. */
const RSS_GROWTH = 50;

describe("a queue to a queue, for long", function () {
  this.timeout(3_600_000);
  let rabbit: RabbitMq;
  const nodeRed = new NodeRed({ env: { NODE_OPTIONS: `--expose-gc --require ${path.join(__dirname, "../services/heap-on-signal.cjs")}` } });

  before(async () => {
    [rabbit] = await Promise.all([sharedRabbit(), nodeRed.start()]);
  });
  after(() => nodeRed.stop());

  /** MB in use after a collection, and resident. */
  async function memory(): Promise<{ heap: number; rss: number }> {
    const logged = (): string[] => nodeRed.log.match(/heap after collection: \d+/g) ?? [];
    const had = logged().length;
    process.kill(nodeRed.pid, "SIGWINCH");
    const line = await waitFor("a collection", () => logged().slice(had).at(-1));
    return { heap: Number(line.split(" ").at(-1)) / 2 ** 20, rss: nodeRed.rss };
  }

  it(`passes ${COUNT} messages with a steady memory, and never more in flight than the prefetch`, async () => {
    const [from, to] = [`soak.${process.pid}.from`, `soak.${process.pid}.to`];
    await publish(rabbit, from, []);
    await publish(rabbit, to, []);
    await nodeRed.deploy(
      tab(
        brokerNode(rabbit),
        inNode(from, ["work"], { prefetch: PREFETCH }),
        { id: "work", type: "function", func: "msg.payload.value += 1; return msg;", outputs: 1, wires: [["out"]] },
        outNode(to, []),
      ),
    );

    const arrived = new Set<string>();
    const connection = await connect(rabbit.url);
    const channel = await connection.createChannel();
    await channel.prefetch(1_000);
    await channel.consume(to, (message) => {
      if (!message) return;
      arrived.add((JSON.parse(message.content.toString()) as { id: string }).id);
      channel.ack(message);
    });

    let inFlight = 0;
    let over = false;
    const watching = (async () => {
      while (!over) {
        const found = (await rabbit.listQueues(from)).find(({ name }) => name === from);
        inFlight = Math.max(inFlight, found?.unacknowledged || 0);
        await pause(500);
      }
    })();

    const sent = messages(COUNT);
    let first: { heap: number; rss: number } | undefined;
    const began = Date.now();
    for (let done = 0; done < COUNT; done += STEP) {
      await publishAll(rabbit, from, sent.slice(done, done + STEP));
      await waitFor(`${done + STEP} messages`, () => arrived.size >= done + STEP, { timeout: 600_000 });
      const now = await memory();
      if (done + STEP === SETTLED_IN) first = now;
      console.log(`      ${done + STEP} messages, ${((done + STEP) / ((Date.now() - began) / 1000)).toFixed(0)}/s, heap ${now.heap.toFixed(1)} MB, resident ${now.rss.toFixed(0)} MB, in flight at most ${inFlight}`);
    }
    const last = await memory();
    over = true;
    await watching;
    await untilEmpty(rabbit, from);
    await connection.close();

    assert.deepEqual([...arrived].sort(), sent.map(({ id }) => id));
    assert.equal(await deadLetters(rabbit, from), 0);
    assert.ok(inFlight > 0 && inFlight <= PREFETCH, `${inFlight} in flight`);
    assert.ok(first && last.heap - first.heap < HEAP_GROWTH, `the heap went from ${first?.heap} to ${last.heap} MB`);
    assert.ok(last.rss - first.rss < RSS_GROWTH, `resident memory went from ${first.rss} to ${last.rss} MB`);
  });
});
