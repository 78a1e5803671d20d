import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { NodeMessage } from "node-red";
import helper from "node-red-node-test-helper";
import databaseNode = require("../../nodes/sql/database/database");
import readNode = require("../../nodes/sql/read/read");
import writeNode = require("../../nodes/sql/write/write");
import { sharedMariaDb, sharedPostgres } from "../services/shared";
import { waitFor } from "../services/wait";

/* eslint-disable @typescript-eslint/no-require-imports */
const catchNode = require("@node-red/nodes/core/common/25-catch.js") as typeof writeNode;
const injectNode = require("@node-red/nodes/core/common/20-inject.js") as typeof writeNode;
/* eslint-enable */

helper.init(require.resolve("node-red"));

type ExampleNode = Record<string, unknown> & { id: string; type: string; name?: string; z?: string; wires?: string[][] };
type Failed = NodeMessage & { error?: { message: string } };

const EXAMPLES = path.join(__dirname, "../../examples/sql");
/** Played by the test: what is published comes at once out of every queue that the example takes from. */
const PLAYED = /^(debug|surewire-amqp-.*)$/;
/** What is pressed in each, one after the other, and the node that has worked, or shows something, then. */
const STEPS: Record<string, [button: string, node: string][]> = {
  "get-and-write.json": [["the tables", "make the tables"], ["an order", "written"]],
  "order-with-lines.json": [["tables", "made"], ["order 1", "stored"], ["order 2", "why"]],
  "poll-a-table.json": [["an order", "arrived"], ["it changes", "arrived"]],
  "queue-to-database.json": [["the table", "make the table"], ["a sensor reports", "row stored"]],
  "rows-to-queue.json": [["three orders", "add each"], ["orders of ACME", "arrived"]],
};
/** What *order 2* shows on purpose. */
const MEANT = "statement 3, item 2: The statement found no row";

/** One database for all examples, as somebody has who tries one after the other. */
const DATABASES: Record<string, () => Promise<[settings: object, credentials: object]>> = {
  "the embedded SQLite": () => Promise.resolve([{ engine: "sqlite", file: path.join(folder, "all.db") }, {}]),
  PostgreSQL: async () => {
    const server = await sharedPostgres();
    await server.query("create database examples");
    return [{ engine: "odbc", connectionString: server.connectionString.replace(/Database=\w+/, "Database=examples") }, server];
  },
  MariaDB: async () => {
    const server = await sharedMariaDb();
    await server.query("create database examples");
    return [{ engine: "odbc", connectionString: server.connectionString.replace(/Database=\w+/, "Database=examples") }, server];
  },
};

let folder: string;

describe("The SQL examples, one after the other in one database,", function () {
  this.timeout(120_000);

  before((done) => {
    folder = mkdtempSync(path.join(tmpdir(), "surewire-examples-"));
    helper.startServer(done);
  });
  after((done) => {
    rmSync(folder, { recursive: true });
    helper.stopServer(done);
  });

  afterEach(() => helper.unload());

  it("have what the form saves of a statement: to open one changes nothing", () => {
    const statements = readdirSync(EXAMPLES).flatMap((file) => read(file).flatMap((node) => (node.statements ?? []) as object[]));
    assert.deepEqual(statements.filter((statement) => Object.keys(statement).join() !== "sql,run"), []);
  });

  for (const [name, start] of Object.entries(DATABASES)) {
    describe(`on ${name}`, () => {
      let database: [settings: object, credentials: object];

      before(async () => (database = await start()));

      for (const file of readdirSync(EXAMPLES)) {
        it(`${file} works`, async () => {
          const { worked, failed } = await deploy(file, ...database);
          for (const [button, node] of STEPS[file] ?? assert.fail(`no steps for ${file}`)) {
            const before = worked(node);
            press(button);
            await waitFor(`"${node}" after "${button}"`, () => worked(node) > before || failed.length > 0);
            assert.deepEqual(failed.filter((reason) => !reason.endsWith(MEANT)), [], button);
          }
        });
      }
    });
  }
});

let nodes: ExampleNode[] = [];

const read = (file: string): ExampleNode[] => JSON.parse(readFileSync(path.join(EXAMPLES, file), "utf8")) as ExampleNode[];

const named = (name: string): ExampleNode => nodes.find((node) => node.name === name && node.type !== "group") ?? assert.fail(`no node "${name}"`);
const press = (button: string): void => helper.getNode(named(button).id).receive({} as NodeMessage);

/** Loads an example with another database, and with what is no SQL played. */
async function deploy(file: string, settings: object, credentials: object): Promise<{ worked: (name: string) => number; failed: string[] }> {
  nodes = read(file);
  const z = nodes.find(({ type }) => type === "tab")?.id;
  const place = { z, x: 1, y: 1 };
  const flow = nodes.filter(({ type }) => !["comment", "group", "catch", "surewire-amqp-broker"].includes(type)).map((node) => {
    if (PLAYED.test(node.type)) return { ...node, type: "helper" };
    if (node.type === "surewire-sql-database") return { ...node, file: "", connectionString: "", ...settings };
    // some databases tell the time in seconds, as the window must outlast
    if (node.mode === "poll") return { ...node, pollInterval: 200, delayWindow: 1_100, wires: [node.wires?.[0], ["end"]] };
    return node.type === "surewire-sql-write" ? { ...node, wires: [[...(node.wires?.[0] ?? []), `behind-${node.id}`]] } : node;
  });
  const ends = ["end", "errors", ...nodes.map(({ id }) => `behind-${id}`)].map((id) => ({ ...place, id, type: "helper" }));
  const branches = nodes.filter(({ type }) => type === "catch").flatMap(({ wires }) => wires?.[0] ?? []);
  const caught = { ...place, id: "caught", type: "catch", scope: null, uncaught: false, wires: [["errors", ...branches]] }; // the helper takes but one
  const secrets = Object.fromEntries(nodes.filter(({ type }) => type === "surewire-sql-database").map(({ id }) => [id, credentials]));
  await helper.load([databaseNode, readNode, writeNode, catchNode, injectNode], [...flow, ...ends, caught] as never, secrets as never);

  const counts = new Map<string, number>();
  const failed: string[] = [];
  helper.getNode("errors").on("input", (message: Failed) => void failed.push(message.error?.message ?? ""));
  const targets = nodes.filter(({ type }) => /^surewire-amqp-(in|get)$/.test(type)).flatMap(({ wires }) => wires?.[0] ?? []);
  for (const { id, type, name = "" } of nodes) {
    const seen = type === "surewire-sql-write" ? `behind-${id}` : type === "debug" ? id : undefined;
    if (seen) helper.getNode(seen).on("input", () => void counts.set(name, (counts.get(name) ?? 0) + 1));
    if (type === "surewire-amqp-out") helper.getNode(id).on("input", (message) => targets.forEach((target) => helper.getNode(target).receive({ ...message })));
  }
  return { worked: (name) => counts.get(name) ?? 0, failed };
}
