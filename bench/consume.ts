/**
 * Messages of 300 bytes from a quorum queue through a flow of three core nodes (Change, Function, Change) to a counter: `amqp in` with its default
 * settings, which settles when the flow finishes, beside a bare source that acknowledges at once, in the same Node-RED, round by round.
 *
 *     MESSAGES=10000 ROUNDS=7 npm run bench -- consume
 */
import { brokerNode, inNode, publish, tab } from "../test/flows/bridge";
import type { FlowNode } from "../test/services/node-red";
import { RabbitMq } from "../test/services/rabbitmq";
import { waitFor } from "../test/services/wait";
import { BenchNodeRed } from "./support/bench-node-red";
import { compare } from "./support/compare";
import { runBenchmark } from "./support/measure";

const COUNT = Number(process.env.MESSAGES ?? 10_000);
const QUEUE = "bench";

const rules = [{ t: "set", p: "topic", pt: "msg", to: "a", tot: "str" }];
const FLOW: FlowNode[] = [
  { id: "first", type: "change", rules, wires: [["second"]] },
  { id: "second", type: "function", func: "msg.payload.value += 1; return msg;", outputs: 1, wires: [["third"]] },
  { id: "third", type: "change", rules, wires: [["tally"]] },
  { id: "tally", type: "bench-tally", count: COUNT },
];

const message = (value: number): object => {
  const bare = { id: `m${value}`, value, text: "" };
  return { ...bare, text: "x".repeat(300 - JSON.stringify(bare).length) };
};

async function main(): Promise<void> {
  const [rabbit, nodeRed] = await Promise.all([new RabbitMq().start(), new BenchNodeRed().start()]);
  const contents = Array.from({ length: COUNT }, (_, value) => message(value));
  const atOnce: FlowNode = { id: "in", type: "bench-at-once", url: rabbit.url, queue: QUEUE, prefetch: 400, wires: [["first"]] };

  /** Fills the queue, empties it through the flow, and waits until the broker has all answers. @returns messages a second */
  const run = async (...source: FlowNode[]): Promise<number> => {
    await publish(rabbit, QUEUE, contents);
    const seconds = await nodeRed.run(tab(...source, ...FLOW));
    await waitFor("the queue to be empty", async () => (await rabbit.listQueues(QUEUE)).find(({ name }) => name === QUEUE)?.messages === 0);
    await nodeRed.deploy(tab());
    return COUNT / seconds;
  };

  const what = { name: "consume through a flow", goal: 0.5, work: `${COUNT} messages` };
  const node = (): Promise<number> => run(brokerNode(rabbit), inNode(QUEUE, ["first"]));
  await compare(what, { name: "acknowledged at once", run: () => run(atOnce) }, { name: "amqp in", run: node });
}

runBenchmark(main);
