/**
 * 10,000 device messages of a quorum queue → cases, with the default settings, beside a hand-written script (amqplib and jsforce, Collections of
 * 200, two calls under way, ack after the answer); and the API calls that a thousand cases cost, beside a flow that makes a case a message.
 */
import { fork } from "node:child_process";
import path from "node:path";
import { brokerNode, caseNode, inNode, orgNode, publish, tab } from "../test/flows/bridge";
import { DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET } from "@surewire/salesforce-emulator";
import { EmulatorService } from "../test/services/emulator-service";
import { NodeRed } from "../test/services/node-red";
import { RabbitMq } from "../test/services/rabbitmq";
import { stopAll } from "../test/services/service";
import { waitFor } from "../test/services/wait";
import { load, median, report, Rounds } from "./support/measure";

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

  const plain = async (): Promise<() => unknown> => {
    const child = fork(path.join(__dirname, "plain-cases.cjs"), [rabbit.url, QUEUE, org.url, DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET], { execArgv: [] });
    child.once("exit", (code) => {
      if (code) throw new Error("plain-cases.cjs failed");
    });
    return Promise.resolve(() => child.kill());
  };
  const flow = (more: Record<string, unknown> = {}) => async (): Promise<() => unknown> => {
    await nodeRed.deploy(tab(brokerNode(rabbit), orgNode(org.url), inNode(QUEUE, ["case"]), caseNode(more)));
    return () => nodeRed.deploy(tab());
  };

  const ratios: number[] = [];
  const rates: number[] = [];
  let calls = 0;
  const rounds = new Rounds();
  for (let round = 0; rounds.left(round); round += 1) {
    const script = await measured(COUNT, plain);
    const ours = await measured(COUNT, flow());
    console.log(`  round ${round}: plain script ${script.rate.toFixed(0)}/s, Node-RED ${ours.rate.toFixed(0)}/s, ratio ${(ours.rate / script.rate).toFixed(2)}   ${load()}`);
    if (round === 0) continue; // warms up
    ratios.push(ours.rate / script.rate);
    rates.push(ours.rate);
    calls = Math.max(calls, ours.calls);
  }
  const single = await measured(SINGLE, flow({ batchSize: 1, linger: 0, externalIdField: "", externalId: "" }));
  const note = `${median(rates).toFixed(0)}/s, ${COUNT} messages a round, ${ratios.length} rounds, Node-RED's main process ${nodeRed.rss.toFixed(0)} MB`;
  report("queue → Salesforce cases", median(ratios), GOAL, note);
  const cost = `${calls.toFixed(1)} API calls a thousand cases at most (goal ${CALLS_GOAL}), a call a message ${single.calls.toFixed(0)} at ${single.rate.toFixed(0)}/s`;
  report("calls saved", 1 - calls / single.calls, undefined, cost, calls <= CALLS_GOAL);
}

main()
  .catch((error: unknown) => {
    console.error(error);
    process.exitCode = 1;
  })
  .finally(stopAll);
