/**
 * Messages of 300 bytes to a quorum queue, each confirmed: `amqp out` with its default settings in Node-RED, beside a hand-written script
 * (amqplib, confirm channel, a window of 1000), round by round on the same broker.
 *
 *     MESSAGES=20000 ROUNDS=7 npm run bench -- publish
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { brokerNode, publish, tab } from "../test/flows/bridge";
import type { FlowNode } from "../test/services/node-red";
import { RabbitMq } from "../test/services/rabbitmq";
import { stopAll } from "../test/services/service";
import { BenchNodeRed } from "./support/bench-node-red";
import { load, median, report, Rounds } from "./support/measure";

const COUNT = Number(process.env.MESSAGES ?? 20_000);
const QUEUE = "bench";
/** Messages in the flow at once: enough that the next are there when the broker has confirmed those before. */
const IN_FLOW = 2_000;

/** As the form saves it. */
const out: FlowNode = {
  ...{ id: "out", type: "surewire-amqp-out", name: "", broker: "broker", wires: [["pump"]] },
  ...{ exchange: "", exchangeType: "str", exchangeKind: "topic", declare: "declare", routingKey: QUEUE, routingKeyType: "str" },
  ...{ headers: "{}", headersType: "json", format: "auto", persistent: true, mandatory: true, confirmTimeout: 15_000 },
};

async function main(): Promise<void> {
  const [rabbit, nodeRed] = await Promise.all([new RabbitMq().start(), new BenchNodeRed().start()]);
  await publish(rabbit, QUEUE, []);
  const flow = tab(brokerNode(rabbit), { id: "pump", type: "bench-pump", count: COUNT, window: IN_FLOW, wires: [["out"]] }, out);
  const ratios: number[] = [];
  const rates: number[] = [];
  const rounds = new Rounds();
  for (let round = 0; rounds.left(round); round += 1) {
    await rabbit.ctl("purge_queue", QUEUE);
    const plain = COUNT / (await plainScript(rabbit));
    await rabbit.ctl("purge_queue", QUEUE);
    const ours = COUNT / (await nodeRed.run(flow));
    await nodeRed.deploy(tab());
    console.log(`  round ${round}: plain script ${plain.toFixed(0)}/s, amqp out ${ours.toFixed(0)}/s, ratio ${(ours / plain).toFixed(2)}   ${load()}`);
    if (round === 0) continue; // warms up
    ratios.push(ours / plain);
    rates.push(ours);
  }
  report("publish with confirms", median(ratios), 0.6, `${median(rates).toFixed(0)}/s, ${COUNT} messages a round, ${ratios.length} rounds`);
}

async function plainScript(rabbit: RabbitMq): Promise<number> {
  const child = fork(path.join(__dirname, "plain-publish.cjs"), [rabbit.url, QUEUE, String(COUNT)], { execArgv: [] });
  const [seconds] = (await Promise.race([
    once(child, "message"),
    once(child, "exit").then(() => Promise.reject(new Error("the plain script failed"))),
  ])) as [number];
  if (child.exitCode === null) await once(child, "exit");
  return seconds;
}

main()
  .catch((error: unknown) => {
    console.error(error);
    process.exitCode = 1;
  })
  .finally(stopAll);
