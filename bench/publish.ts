/**
 * Messages of 300 bytes to a quorum queue, each confirmed: `amqp out` with its default settings in Node-RED, beside a hand-written script
 * (amqplib, confirm channel, a window of 1000), round by round on the same broker.
 *
 *     MESSAGES=20000 ROUNDS=7 npm run bench -- publish
 */
import { brokerNode, publish, tab } from "../test/flows/bridge";
import type { FlowNode } from "../test/services/node-red";
import { RabbitMq } from "../test/services/rabbitmq";
import { BenchNodeRed } from "./support/bench-node-red";
import { compare } from "./support/compare";
import { runBenchmark } from "./support/measure";
import { timed } from "./support/plain-script";

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
  const script = async (): Promise<number> => {
    await rabbit.ctl("purge_queue", QUEUE);
    return COUNT / (await timed("plain-publish", [rabbit.url, QUEUE, String(COUNT)]));
  };
  const node = async (): Promise<number> => {
    await rabbit.ctl("purge_queue", QUEUE);
    const seconds = await nodeRed.run(flow);
    await nodeRed.deploy(tab());
    return COUNT / seconds;
  };
  const what = { name: "publish with confirms", goal: 0.6, work: `${COUNT} messages` };
  await compare(what, { name: "plain script", run: script }, { name: "amqp out", run: node });
}

runBenchmark(main);
