import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { Node, NodeMessage } from "node-red";
import helper from "node-red-node-test-helper";
import databaseNode = require("../../../nodes/sql/database/database");
import type { DatabaseClient } from "../../../nodes/sql/client/database-client";
import type { DatabaseHolder } from "../../../nodes/sql/client/database-node";
import writeNode = require("../../../nodes/sql/write/write");
import { waitFor } from "../../services/wait";

// eslint-disable-next-line @typescript-eslint/no-require-imports
const catchNode = require("@node-red/nodes/core/common/25-catch.js") as typeof writeNode;

helper.init(require.resolve("node-red"));

/** A message that left the node, or its Catch node. */
export type Passed = NodeMessage & { sql?: unknown; error?: { code?: string; message: string; details?: Record<string, unknown> } };

interface Spy {
  args: unknown[][];
}

/** A sql write node in Node-RED's runtime, by default on a new file of the embedded SQLite, with a table `readings`. */
export class WriteBench {
  /** What the node has passed on. */
  passed: Passed[] = [];
  /** What it has failed. */
  caught: Passed[] = [];
  private readonly folder = mkdtempSync(path.join(tmpdir(), "surewire-write-"));
  readonly file = path.join(this.folder, "test.db");
  readonly database = new DatabaseSync(this.file);

  constructor() {
    this.database.exec("pragma busy_timeout = 5000; create table readings (id integer primary key, device text not null, value real default 7, at text)");
  }

  /** Deploys database, write, catch and two ends, and returns the write node. */
  async deploy(settings: object = {}, db: object = { engine: "sqlite", file: this.file }, credentials: object = {}): Promise<Node> {
    const flow = [
      { id: "tab", type: "tab" },
      { id: "db", type: "surewire-sql-database", connectionString: "", dialect: "auto", ...db },
      { id: "write", z: "tab", x: 1, y: 1, type: "surewire-sql-write", database: "db", mode: "insert", table: "readings", columns: [], keys: [], batchSize: 200,
        linger: 20, wires: [["end"]], ...settings },
      { id: "catch", z: "tab", x: 1, y: 1, type: "catch", scope: ["write"], wires: [["errors"]] },
      { id: "end", z: "tab", x: 1, y: 1, type: "helper" },
      { id: "errors", z: "tab", x: 1, y: 1, type: "helper" },
    ];
    await helper.load([databaseNode, writeNode, catchNode], flow as never, { db: credentials } as never);
    this.passed = [];
    this.caught = [];
    helper.getNode("end").on("input", (msg) => void this.passed.push(msg));
    helper.getNode("errors").on("input", (msg) => void this.caught.push(msg));
    return helper.getNode("write");
  }

  /** Waits until so many messages have left the node, one way or the other. */
  through(count: number): Promise<unknown> {
    return waitFor(`${count} messages to be through`, () => this.passed.length + this.caught.length >= count);
  }

  /** Rows of the file. */
  stored(sql = "select count(*) as n from readings"): object[] {
    return this.database.prepare(sql).all().map((row) => ({ ...row }));
  }

  /** The statuses of a node so far: as texts, or as their keys, since the helper loads no catalogues. */
  statuses(node: Node): string[] {
    return (node.status as unknown as Spy).args.map(([status]) => (status as { text?: string }).text ?? "");
  }

  /** What a node has logged as errors. */
  errors(node: Node): string[] {
    return (node.error as unknown as Spy).args.map(String);
  }

  get client(): DatabaseClient {
    return (helper.getNode("db") as unknown as Required<DatabaseHolder>).client;
  }

  async close(): Promise<void> {
    await helper.unload();
    this.database.close();
    rmSync(this.folder, { recursive: true });
  }
}

/** A payload for the table `readings`. */
export const reading = (id: number, more: object = {}): NodeMessage => ({ payload: { id, device: `d${id}`, ...more } }) as NodeMessage;
