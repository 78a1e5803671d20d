import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { DatabaseOptions } from "../../../nodes/sql/client/database-client";
import { sharedMariaDb, sharedPostgres } from "../../services/shared";

/** One database under test, and a way to look into it that is not ours. */
export interface TestEngine {
  options: DatabaseOptions;
  execute(sql: string): Promise<void>;
  /** Every value as text, NULL as null. */
  rows(sql: string): Promise<Record<string, string | null>[]>;
  close(): void;
}

/** What differs in a `create table`. */
export interface Types {
  text: string;
  bigint: string;
  decimal: string;
  boolean: string;
  instant: string;
  json: string;
  bytes: string;
}

export const SETTINGS: DatabaseOptions = {
  engine: "odbc",
  connectionString: "",
  file: "",
  dialect: "auto",
  poolSize: 4,
  loginTimeout: 10_000,
  queryTimeout: 60_000,
  idleCheck: 30_000,
  credentials: {},
};

/** Every engine the nodes support, each started when it is asked for. */
export const ENGINES: { name: string; types: Types; start(): Promise<TestEngine> }[] = [
  {
    name: "embedded SQLite",
    types: { text: "text", bigint: "integer", decimal: "text", boolean: "boolean", instant: "text", json: "text", bytes: "blob" },
    start: () => Promise.resolve(sqlite((file) => ({ ...SETTINGS, engine: "sqlite", file }))),
  },
  {
    name: "SQLite over ODBC",
    types: { text: "text", bigint: "integer", decimal: "text", boolean: "boolean", instant: "text", json: "text", bytes: "blob" },
    start: () => Promise.resolve(sqlite((file) => ({ ...SETTINGS, connectionString: `Driver={SQLite3};Database=${file}` }))),
  },
  {
    name: "PostgreSQL over ODBC",
    types: { text: "varchar", bigint: "bigint", decimal: "numeric(30, 9)", boolean: "boolean", instant: "timestamptz", json: "jsonb", bytes: "bytea" },
    start: async () => {
      const server = await sharedPostgres();
      return {
        options: { ...SETTINGS, connectionString: server.connectionString, credentials: server },
        execute: async (sql) => void (await server.query(sql)),
        rows: async (sql) => (await server.query(`select * from (${sql}) q`)).map(asText),
        close: () => undefined,
      };
    },
  },
  {
    name: "MariaDB over ODBC",
    types: { text: "text", bigint: "bigint", decimal: "decimal(30, 9)", boolean: "boolean", instant: "datetime(6)", json: "json", bytes: "blob" },
    start: async () => {
      const server = await sharedMariaDb();
      return {
        options: { ...SETTINGS, connectionString: server.connectionString, credentials: server },
        execute: async (sql) => void (await server.query(sql)),
        rows: (sql) => server.query(sql),
        close: () => undefined,
      };
    },
  },
];

function sqlite(options: (file: string) => DatabaseOptions): TestEngine {
  const folder = mkdtempSync(path.join(tmpdir(), "surewire-sqlite-"));
  const file = path.join(folder, "test.db");
  const database = new DatabaseSync(file);
  database.exec("pragma busy_timeout = 5000");
  return {
    options: options(file),
    execute: async (sql) => database.exec(sql),
    rows: async (sql) => {
      const statement = database.prepare(sql);
      statement.setReadBigInts(true);
      return statement.all().map(asText);
    },
    close: () => {
      database.close();
      rmSync(folder, { recursive: true });
    },
  };
}

function asText(row: object): Record<string, string | null> {
  return Object.fromEntries(Object.entries(row).map(([name, value]) => [name, text(value)]));
}

function text(value: unknown): string | null {
  if (value === null) return null;
  if (value instanceof Date) return value.toISOString();
  if (value instanceof Uint8Array) return Buffer.from(value).toString("hex");
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
