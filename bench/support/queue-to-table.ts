import { brokerNode, inNode, publish, tab } from "../../test/flows/bridge";
import { type FlowNode, NodeRed } from "../../test/services/node-red";
import { RabbitMq } from "../../test/services/rabbitmq";
import { waitFor } from "../../test/services/wait";
import { compare } from "./compare";
import { started } from "./plain-script";

const COUNT = Number(process.env.MESSAGES ?? 20_000);
const SIZE = 300;
const QUEUE = "bench";

/** A database whose table `bench` is filled from a queue, once by a plain script and once by Node-RED. */
export interface Destination {
  name: string;
  /** What the ratio should be at least. */
  goal: number;
  /** Makes the table anew: `id text primary key, value integer, text text`, and `at`, when the row was written by the database's own clock. */
  empty(): Promise<void>;
  rows(): Promise<number>;
  /** From the first row to the last. */
  seconds(): Promise<number>;
  /** The plain script, and its arguments after the broker's URL and the queue. */
  plain: [script: string, ...more: string[]];
  /** The database's config node and the write node, which has the id `write`. */
  nodes: FlowNode[];
}

/** Prints the speed of `amqp in` → `sql write` with default settings as a ratio to the plain script, round by round on the same servers. */
export async function fillFromQueue(destination: Destination): Promise<void> {
  const [rabbit, nodeRed] = await Promise.all([new RabbitMq().start(), new NodeRed().start()]);
  await publish(rabbit, QUEUE, []);
  const contents = Array.from({ length: COUNT }, (_, value) => message(value));
  const [script, ...more] = destination.plain;

  /** The database's own clock tells, the same way for both: start-up, connecting and our looking do not count. */
  const measured = async (start: () => Promise<() => unknown>): Promise<number> => {
    await destination.empty();
    await publish(rabbit, QUEUE, contents);
    const stop = await start();
    await waitFor("all rows", async () => (await destination.rows()) === COUNT, { timeout: 120_000, interval: 100 });
    const rate = COUNT / (await destination.seconds());
    await waitFor("the queue to be empty", async () => (await rabbit.listQueues(QUEUE)).find(({ name }) => name === QUEUE)?.messages === 0);
    await stop();
    return rate;
  };

  const what = {
    name: `queue → ${destination.name}`,
    goal: destination.goal,
    work: `${COUNT} messages of ${SIZE} bytes`,
    more: () => `Node-RED's main process ${nodeRed.rss.toFixed(0)} MB`,
  };
  const plain = (): Promise<number> => measured(() => Promise.resolve(started(script, [rabbit.url, QUEUE, ...more])));
  const ours = (): Promise<number> => {
    return measured(async () => {
      await nodeRed.deploy(tab(brokerNode(rabbit), inNode(QUEUE, ["write"]), ...destination.nodes));
      return () => nodeRed.deploy(tab());
    });
  };
  await compare(what, { name: "plain script", run: plain }, { name: "Node-RED", run: ours });
}

function message(value: number): object {
  const bare = { id: `m${value}`, value, text: "" };
  return { ...bare, text: "x".repeat(SIZE - JSON.stringify(bare).length) };
}
