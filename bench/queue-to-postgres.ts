/**
 * 20,000 messages of 300 bytes, quorum queue → PostgreSQL: Node-RED with the default settings over ODBC, beside a hand-written script
 * (amqplib + npm `pg`, batches of 200, ack after commit), round by round on the same servers. Read the ratio, not the speeds: those
 * change two- to threefold from machine to machine and hour to hour.
 */
import { fork } from "node:child_process";
import path from "node:path";
import { brokerNode, inNode, postgresNode, publish, tab, writeNode } from "../test/flows/bridge";
import { NodeRed } from "../test/services/node-red";
import { Postgres } from "../test/services/postgres";
import { RabbitMq } from "../test/services/rabbitmq";
import { stopAll } from "../test/services/service";
import { waitFor } from "../test/services/wait";

const COUNT = Number(process.env.MESSAGES ?? 20_000);
const ROUNDS = Number(process.env.ROUNDS ?? 5);
const SIZE = 300;
const QUEUE = "bench";

/** One run: how fast it was, in messages a second, from the first row to the last. */
interface Run {
  rate: number;
  /** Largest resident memory of Node-RED's main process, in MB. */
  rss: number;
}

const message = (value: number): object => {
  const bare = { id: `m${value}`, value, text: "" };
  return { ...bare, text: "x".repeat(SIZE - JSON.stringify(bare).length) };
};

async function main(): Promise<void> {
  const [rabbit, postgres, nodeRed] = await Promise.all([new RabbitMq().start(), new Postgres({ fsync: true }).start(), new NodeRed().start()]);
  await publish(rabbit, QUEUE, []);
  const contents = Array.from({ length: COUNT }, (_, value) => message(value));
  console.log(`${COUNT} messages of ${SIZE} bytes, quorum queue → PostgreSQL, ${ROUNDS} rounds\n`);
  const ratios: number[] = [];
  const peaks: number[] = [];
  for (let round = 1; round <= ROUNDS; round += 1) {
    const fill = async (): Promise<void> => {
      await postgres.query("drop table if exists bench");
      await postgres.query("create table bench (id text primary key, value integer, text text, at timestamptz default clock_timestamp())");
      await publish(rabbit, QUEUE, contents);
    };
    await fill();
    const plain = await plainScript(rabbit, postgres);
    await fill();
    const ours = await throughNodeRed(nodeRed, rabbit, postgres);
    ratios.push(ours.rate / plain.rate);
    peaks.push(ours.rss);
    const ratio = (ours.rate / plain.rate).toFixed(2);
    console.log(`round ${round}: plain script ${fixed(plain.rate)}/s, Node-RED ${fixed(ours.rate)}/s, ratio ${ratio}, Node-RED's main process ${fixed(ours.rss)} MB`);
  }
  const median = [...ratios].sort((a, b) => a - b)[Math.floor(ratios.length / 2)] ?? 0;
  console.log(`\nratio ${median.toFixed(2)} (median); memory at most ${fixed(peaks[0] ?? 0)} MB in the first round, ${fixed(Math.max(...peaks))} MB over all`);
  await stopAll();
}

/** The database's own clock tells, the same way for both: start-up, connecting and the test's looking do not count. */
async function measured(postgres: Postgres): Promise<number> {
  await waitFor("all rows", async () => Number((await postgres.query("select count(*)::int as n from bench"))[0]?.n) === COUNT, { timeout: 120_000, interval: 100 });
  const [row] = await postgres.query("select extract(epoch from max(at) - min(at))::float8 as seconds from bench");
  return COUNT / Number(row?.seconds);
}

async function plainScript(rabbit: RabbitMq, postgres: Postgres): Promise<Run> {
  const child = fork(path.join(__dirname, "plain-script.cjs"), [rabbit.url, QUEUE, JSON.stringify(postgres.clientConfig)], { execArgv: [] });
  const rate = await measured(postgres);
  child.kill();
  return { rate, rss: 0 };
}

async function throughNodeRed(nodeRed: NodeRed, rabbit: RabbitMq, postgres: Postgres): Promise<Run> {
  let rss = 0;
  const watch = setInterval(() => (rss = Math.max(rss, nodeRed.rss)), 50);
  await nodeRed.deploy(tab(brokerNode(rabbit), inNode(QUEUE, ["write"]), postgresNode(postgres), writeNode("bench", { mode: "insert", keys: [], columns: [] })));
  const rate = await measured(postgres);
  await waitFor("the queue to be empty", async () => (await rabbit.listQueues()).find(({ name }) => name === QUEUE)?.messages === 0);
  clearInterval(watch);
  await nodeRed.deploy(tab());
  return { rate, rss };
}

const fixed = (value: number): string => Math.round(value).toLocaleString("en");

main().catch(async (error: unknown) => {
  console.error(error);
  await stopAll();
  process.exitCode = 1;
});
