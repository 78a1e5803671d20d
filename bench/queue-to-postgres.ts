/**
 * 20,000 messages of 300 bytes, quorum queue → PostgreSQL: Node-RED with the default settings over ODBC, beside a hand-written script
 * (amqplib + npm `pg`, batches of 200, ack after commit), round by round on the same servers. Read the ratio, not the speeds: those
 * change two- to threefold from machine to machine and hour to hour.
 */
import { postgresNode, writeNode } from "../test/flows/bridge";
import { Postgres } from "../test/services/postgres";
import { runBenchmark } from "./support/measure";
import { fillFromQueue } from "./support/queue-to-table";

async function main(): Promise<void> {
  const postgres = await new Postgres({ fsync: true }).start();
  const ask = async (sql: string): Promise<number> => Number(Object.values((await postgres.query(sql))[0] ?? {})[0]);
  await fillFromQueue({
    name: "PostgreSQL",
    goal: 0.6,
    empty: async () => {
      await postgres.query("drop table if exists bench");
      await postgres.query("create table bench (id text primary key, value integer, text text, at timestamptz default clock_timestamp())");
    },
    rows: () => ask("select count(*)::int from bench"),
    seconds: () => ask("select extract(epoch from max(at) - min(at))::float8 from bench"),
    plain: ["plain-postgres", JSON.stringify(postgres.clientConfig)],
    nodes: [postgresNode(postgres), writeNode("bench", { mode: "insert", keys: [], columns: [] })],
  });
}

runBenchmark(main);
