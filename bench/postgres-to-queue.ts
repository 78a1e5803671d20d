/**
 * 100,000 rows of a PostgreSQL table → quorum queue, each a message and confirmed: `sql read` and `amqp out` with default settings over ODBC, every
 * row followed until the broker has it, beside a hand-written script (pg-query-stream and amqplib), round by round on the same servers.
 *
 *     MESSAGES=100000 ROUNDS=6 npm run bench -- postgres
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { brokerNode, postgresNode, publish, readNode, tab } from "../test/flows/bridge";
import type { FlowNode } from "../test/services/node-red";
import { Postgres } from "../test/services/postgres";
import { RabbitMq } from "../test/services/rabbitmq";
import { stopAll } from "../test/services/service";
import { BenchNodeRed } from "./support/bench-node-red";
import { load, median, report, Rounds } from "./support/measure";

const COUNT = Number(process.env.MESSAGES ?? 100_000);
const QUEUE = "bench";

const out: FlowNode = {
  ...{ id: "out", type: "surewire-amqp-out", name: "", broker: "broker", wires: [["tally"]] },
  ...{ exchange: "", exchangeType: "str", exchangeKind: "topic", declare: "declare", routingKey: QUEUE, routingKeyType: "str" },
  ...{ headers: "{}", headersType: "json", format: "json", persistent: true, mandatory: true, confirmTimeout: 15_000 },
};

async function main(): Promise<void> {
  const [rabbit, postgres, nodeRed] = await Promise.all([new RabbitMq().start(), new Postgres().start(), new BenchNodeRed().start()]);
  await publish(rabbit, QUEUE, []);
  await postgres.query("create table bench (id integer primary key, device text, reading float8, at timestamptz, note text)");
  await postgres.query(
    `insert into bench select n, 'device ' || n % 100, n / 7.0, timestamptz '2026-01-01' + n * interval '1 s', repeat('x', 200) from generate_series(1, ${COUNT}) n`,
  );
  await postgres.query("analyze bench");
  const flow = tab(
    brokerNode(rabbit),
    postgresNode(postgres),
    { id: "go", type: "inject", once: true, onceDelay: 0.1, repeat: "", crontab: "", props: [], wires: [["read"]] },
    readNode("select * from bench order by id", ["out"]),
    out,
    { id: "tally", type: "bench-tally", count: COUNT },
  );
  const ratios: number[] = [];
  const rates: number[] = [];
  const rounds = new Rounds(150);
  for (let round = 0; rounds.left(round); round += 1) {
    await rabbit.ctl("purge_queue", QUEUE);
    const plain = COUNT / (await plainScript(rabbit, postgres));
    await rabbit.ctl("purge_queue", QUEUE);
    const ours = COUNT / (await nodeRed.run(flow));
    const memory = nodeRed.rss;
    await nodeRed.deploy(tab());
    console.log(`  round ${round}: plain script ${plain.toFixed(0)}/s, Node-RED ${ours.toFixed(0)}/s, ratio ${(ours / plain).toFixed(2)}, ${memory.toFixed(0)} MB   ${load()}`);
    if (round === 0) continue; // warms up
    ratios.push(ours / plain);
    rates.push(ours);
  }
  report("PostgreSQL → queue", median(ratios), 0.5, `${median(rates).toFixed(0)}/s, ${COUNT} rows a round, ${ratios.length} rounds`);
}

async function plainScript(rabbit: RabbitMq, postgres: Postgres): Promise<number> {
  const child = fork(path.join(__dirname, "plain-read.cjs"), [rabbit.url, QUEUE, JSON.stringify(postgres.clientConfig)], { execArgv: [] });
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
