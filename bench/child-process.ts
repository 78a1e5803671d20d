/**
 * What it costs that a database is served by a process of its own: the same work, by the same code over ODBC to PostgreSQL, done in this process and
 * through the channel to a child. Rows go in 200 at a time, and come out 500 at a time. No goal: in this process a driver that hangs would hang Node-RED.
 */
import { ChildSession } from "../nodes/sql/client/child/child-session";
import { DatabaseClient } from "../nodes/sql/client/database-client";
import type { Fetched, OpenOptions, ReadRequest, RowOutcome, WriteRequest } from "../nodes/sql/client/protocol";
import { RowMapper } from "../nodes/sql/client/row-mapper";
import { Postgres } from "../test/services/postgres";
import { load, median, report, Rounds, runBenchmark } from "./support/measure";

const ROWS = 20_000;
const BATCH = 200;
const TABLE = "bench";

/** What both ways have in common. */
interface Serving {
  write(request: WriteRequest): Promise<RowOutcome[]>;
  openCursor(request: ReadRequest): Promise<{ cursor: number }>;
  fetch(cursor: number): Promise<Fetched>;
}

async function main(): Promise<void> {
  const postgres = await new Postgres().start();
  const { username, password } = postgres;
  const options = { engine: "odbc" as const, file: "", dialect: "auto" as const, poolSize: 4, loginTimeout: 10_000, queryTimeout: 60_000, idleCheck: 30_000 };
  const open: OpenOptions = { ...options, connectionString: postgres.connectionStringWithCredentials };
  const here = new ChildSession(open, (reason) => {
    throw new Error(reason);
  });
  const client = new DatabaseClient({ ...options, connectionString: postgres.connectionString, credentials: { username, password } });
  const ways: [string, Serving][] = [
    ["here", here],
    ["child", client],
  ];
  const ratios = { write: [] as number[], read: [] as number[] };
  const rounds = new Rounds(60);
  for (let round = 0; rounds.left(round); round += 1) {
    const rates: Record<string, { write: number; read: number }> = {};
    for (const [way, serving] of round % 2 ? ways : [...ways].reverse()) {
      await postgres.query(`drop table if exists ${TABLE}`);
      await postgres.query(`create table ${TABLE} (id integer primary key, device text, reading numeric(18, 4), at timestamptz, note text)`);
      rates[way] = { write: await write(serving), read: await read(serving) };
    }
    const { here: one, child: two } = rates as Record<"here" | "child", { write: number; read: number }>;
    console.log(`  round ${round}: write ${one.write.toFixed(0)} and ${two.write.toFixed(0)} rows/s, read ${one.read.toFixed(0)} and ${two.read.toFixed(0)} rows/s   ${load()}`);
    if (round === 0) continue; // warms up
    ratios.write.push(two.write / one.write);
    ratios.read.push(two.read / one.read);
  }
  report("write through a child", median(ratios.write), undefined, `of the speed in one process, ${ROWS} rows a round, ${ratios.write.length} rounds`);
  report("read through a child", median(ratios.read), undefined, "the same rows, read five times");
  await client.close();
  await here.close();
}

/** Rows a second. */
async function write(serving: Serving): Promise<number> {
  const mapper = new RowMapper({ table: TABLE, mode: "insert", keys: [], columns: [] });
  const began = performance.now();
  for (let start = 0; start < ROWS; start += BATCH) {
    const payloads = Array.from({ length: BATCH }, (_, index) => ({ id: start + index, device: `device ${index}`, reading: index / 8, at: new Date(0), note: "x".repeat(200) }));
    const outcomes = await serving.write({ table: TABLE, mode: "insert", keys: [], mapped: false, rows: payloads.map((payload) => mapper.row({ payload }) as never) });
    const failed = outcomes.find((outcome) => outcome !== null);
    if (failed) throw new Error(JSON.stringify(failed));
  }
  return ROWS / ((performance.now() - began) / 1000);
}

/** Rows a second. */
async function read(serving: Serving): Promise<number> {
  const began = performance.now();
  let count = 0;
  for (let time = 0; time < 5; time += 1) {
    const { cursor } = await serving.openCursor({ sql: `select * from ${TABLE}`, values: {}, fetchSize: 500 });
    for (let done = false; !done; ) {
      const fetched = await serving.fetch(cursor);
      count += fetched.rows.length;
      ({ done } = fetched);
    }
  }
  if (count !== 5 * ROWS) throw new Error(`${count} rows`);
  return count / ((performance.now() - began) / 1000);
}

runBenchmark(main);
