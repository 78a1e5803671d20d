/**
 * 20,000 messages of 300 bytes, quorum queue → embedded SQLite with the default settings, beside a hand-written script (amqplib and
 * better-sqlite3, transactions of 200, ack after commit). better-sqlite3 is native and wanted here alone: it is installed when it is first run.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { writeNode } from "../test/flows/bridge";
import { runBenchmark } from "./support/measure";
import { fillFromQueue } from "./support/queue-to-table";

const LIBRARY = path.join(__dirname, "../.cache/bench/node_modules/better-sqlite3");

async function main(): Promise<void> {
  if (!existsSync(LIBRARY)) {
    const folder = path.join(LIBRARY, "../..");
    mkdirSync(folder, { recursive: true });
    execFileSync("npm", ["install", "--prefix", folder, "better-sqlite3@13"], { stdio: "inherit" }); // from 13 on it brings its binaries along
  }
  const folder = mkdtempSync(path.join(tmpdir(), "surewire-bench-"));
  const file = path.join(folder, "bench.db");
  const database = new DatabaseSync(file);
  database.exec("pragma journal_mode = wal; pragma busy_timeout = 5000");
  const ask = (sql: string): Promise<number> => Promise.resolve(Number(Object.values(database.prepare(sql).get() ?? {})[0]));
  await fillFromQueue({
    name: "embedded SQLite",
    goal: 0.5,
    empty: async () =>
      database.exec("drop table if exists bench; create table bench (id text primary key, value integer, text text, at real default (julianday('now')))"),
    rows: () => ask("select count(*) from bench"),
    seconds: () => ask("select (max(at) - min(at)) * 86400 from bench"),
    plain: ["plain-sqlite", file, LIBRARY],
    nodes: [
      { id: "database", type: "surewire-sql-database", name: "", engine: "sqlite", connectionString: "", file, dialect: "auto", poolSize: 4, loginTimeout: 10_000, queryTimeout: 60_000 },
      writeNode("bench", { mode: "insert", keys: [], columns: [] }),
    ],
  });
  database.close();
  rmSync(folder, { recursive: true });
}

runBenchmark(main);
