/**
 * 100,000 rows of a PostgreSQL table → quorum queue, each a message and confirmed: `sql read` and `amqp out` with default settings over ODBC, every
 * row followed until the broker has it, beside a hand-written script (pg-query-stream and amqplib), round by round on the same servers.
 *
 *     MESSAGES=100000 ROUNDS=6 npm run bench -- postgres
 */
import { brokerNode, postgresNode, publish, readNode, tab } from "../test/flows/bridge";
import type { FlowNode } from "../test/services/node-red";
import { Postgres } from "../test/services/postgres";
import { RabbitMq } from "../test/services/rabbitmq";
import { BenchNodeRed } from "./support/bench-node-red";
import { compare } from "./support/compare";
import { Rounds, runBenchmark } from "./support/measure";
import { timed } from "./support/plain-script";

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
  const script = async (): Promise<number> => {
    await rabbit.ctl("purge_queue", QUEUE);
    return COUNT / (await timed("plain-read", [rabbit.url, QUEUE, JSON.stringify(postgres.clientConfig)]));
  };
  let memory = 0;
  const nodes = async (): Promise<number> => {
    await rabbit.ctl("purge_queue", QUEUE);
    const seconds = await nodeRed.run(flow);
    memory = Math.max(memory, nodeRed.rss);
    await nodeRed.deploy(tab());
    return COUNT / seconds;
  };
  const what = { name: "PostgreSQL → queue", goal: 0.5, work: `${COUNT} rows`, more: () => `Node-RED's main process ${memory.toFixed(0)} MB at most` };
  await compare(what, { name: "plain script", run: script }, { name: "Node-RED", run: nodes }, new Rounds(150));
}

runBenchmark(main);
