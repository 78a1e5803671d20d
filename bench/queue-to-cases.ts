/**
 * 10,000 device messages of a quorum queue → cases, with the default settings, beside a hand-written script (amqplib and jsforce, Collections of
 * 200, two calls under way, ack after the answer); and the API calls that a thousand cases cost, beside a flow that makes a case a message.
 */
import { brokerNode, caseNode, inNode, orgNode, publish, tab } from "../test/flows/bridge";
import { DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET } from "@surewire/salesforce-emulator";
import { EmulatorService } from "../test/services/emulator-service";
import { NodeRed } from "../test/services/node-red";
import { RabbitMq } from "../test/services/rabbitmq";
import { waitFor } from "../test/services/wait";
import { compare } from "./support/compare";
import { report, runBenchmark } from "./support/measure";
import { started } from "./support/plain-script";

const COUNT = Number(process.env.MESSAGES ?? 10_000);
const QUEUE = "bench";
/** Cases that are made a call each: enough to tell, for there are as many calls. */
const SINGLE = Math.min(COUNT, 2000);
const GOAL = 0.7;
/** Calls a thousand cases may cost: 60 for 10,000. */
const CALLS_GOAL = 6;

interface Measured {
  rate: number;
  /** API calls a thousand cases. */
  calls: number;
}

/** From the first of `count` cases to the last, by the org's own clock. */
async function seconds(org: EmulatorService, count: number): Promise<number> {
  const records = await org.newest("Case", count);
  const [newest, oldest] = [records[0], records.at(-1)].map((record) => Date.parse(String(record?.["CreatedDate"])));
  return ((newest ?? 0) - (oldest ?? 0)) / 1000;
}

async function main(): Promise<void> {
  const org = new EmulatorService();
  const [rabbit, nodeRed] = await Promise.all([new RabbitMq().start(), new NodeRed().start(), org.start()]);
  await publish(rabbit, QUEUE, []);

  /** The org's own clock tells, the same way for all: start-up, connecting and our looking do not count. */
  const measured = async (count: number, start: () => Promise<() => unknown>): Promise<Measured> => {
    await org.reset();
    await publish(rabbit, QUEUE, Array.from({ length: count }, (_, index) => ({ id: `event-${index}`, text: `Reading ${index} is out of range`.padEnd(200, ".") })));
    const stop = await start();
    await waitFor("all cases", async () => (await org.caseCount()) === count, { timeout: 120_000, interval: 100 });
    const { apiCalls } = await org.stats();
    const rate = count / (await seconds(org, count));
    await waitFor("the queue to be empty", async () => (await rabbit.listQueues(QUEUE)).find(({ name }) => name === QUEUE)?.messages === 0);
    await stop();
    return { rate, calls: (apiCalls / count) * 1000 };
  };

  const plain = (): Promise<() => void> => Promise.resolve(started("plain-cases", [rabbit.url, QUEUE, org.url, DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET]));
  const flow = (more: Record<string, unknown> = {}) => async (): Promise<() => unknown> => {
    await nodeRed.deploy(tab(brokerNode(rabbit), orgNode(org.url), inNode(QUEUE, ["case"]), caseNode(more)));
    return () => nodeRed.deploy(tab());
  };

  let calls = 0;
  const ours = async (round: number): Promise<number> => {
    const one = await measured(COUNT, flow());
    if (round > 0) calls = Math.max(calls, one.calls);
    return one.rate;
  };
  const what = { name: "queue → Salesforce cases", goal: GOAL, work: `${COUNT} messages`, more: () => `Node-RED's main process ${nodeRed.rss.toFixed(0)} MB` };
  await compare(what, { name: "plain script", run: async () => (await measured(COUNT, plain)).rate }, { name: "Node-RED", run: ours });
  const single = await measured(SINGLE, flow({ batchSize: 1, linger: 0, externalIdField: "", externalId: "" }));
  const cost = `${calls.toFixed(1)} API calls a thousand cases at most (goal ${CALLS_GOAL}), a call a message ${single.calls.toFixed(0)} at ${single.rate.toFixed(0)}/s`;
  report("calls saved", 1 - calls / single.calls, undefined, cost, calls <= CALLS_GOAL);
}

runBenchmark(main);
