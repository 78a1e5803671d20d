import assert from "node:assert/strict";
import type { EventEmitter } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import util from "@node-red/util";
import { registered } from "./services/form-defaults";
import { type FlowNodeConfig, Runtime } from "./services/runtime";

const NODES = path.join(__dirname, "..", "nodes");
const WRONG = "4OO";

/** What a node needs besides its form's defaults for all of `numbers` to be read, by type; the numbers that are blank in the form are named. */
const CASES: { type: string; numbers?: string[]; with: object; skip?: string[] }[] = [
  { type: "surewire-amqp-in", numbers: ["consumerPriority"], with: { broker: "broker", queue: "q" } },
  { type: "surewire-amqp-in", numbers: ["maxPriority"], with: { broker: "broker", queue: "q", queueType: "classic" } },
  { type: "surewire-amqp-get", with: { broker: "broker", queue: "q" } },
  { type: "surewire-amqp-out", with: { broker: "broker", routingKey: "q", request: true } },
  { type: "surewire-amqp-redrive", with: { broker: "broker", queue: "q.dlq" } },
  { type: "surewire-sql-read", with: { database: "database", query: "select 1", mode: "poll", watermarkColumn: "at", keyColumn: "id" } },
  { type: "surewire-sql-write", skip: ["maxRows"], with: { database: "database", table: "t", dedupe: true } },
  { type: "surewire-sql-write", with: { database: "database", mode: "statements", statements: [{ sql: "delete from t" }], dedupe: true } },
  { type: "surewire-salesforce-case", with: { org: "org" } },
  { type: "surewire-salesforce-record", with: { org: "org", object: "Case" } },
  { type: "surewire-salesforce-query", with: { org: "org", query: "SELECT Id FROM Case" } },
  { type: "surewire-salesforce-bulk", numbers: ["jobRows", "batchSize", "linger", "pollInterval", "timeout"], with: { org: "org", object: "Case" } },
  { type: "surewire-salesforce-bulk", skip: ["jobRows", "batchSize", "linger"], with: { org: "org", operation: "query", query: "SELECT Id FROM Case" } },
  { type: "surewire-salesforce-listen", with: { org: "org", channel: "/event/A__e" } },
  { type: "surewire-salesforce-route", with: { org: "org", routes: [{ queue: "Pumps", workgroup: "pumps" }] } },
  { type: "surewire-salesforce-publish", with: { org: "org", event: "A__e" } },
  { type: "surewire-salesforce-request", with: { org: "org", preset: "analytics-upload", dataset: "pumps", method: "GET", path: "/limits" } },
];

/** Config nodes, and a node that uses each. */
const CONFIG_NODES: { type: string; with: object; user: (id: string) => object; numbers?: string[] }[] = [
  { type: "surewire-amqp-broker", with: { urls: ["amqp://127.0.0.1:1"] }, user: (broker) => ({ type: "surewire-amqp-out", broker, routingKey: "q" }) },
  { type: "surewire-salesforce-org", with: { loginUrl: "http://127.0.0.1:1" }, user: (org) => ({ type: "surewire-salesforce-query", org, query: "SELECT Id FROM Case" }) },
  { type: "surewire-sql-database", with: { connectionString: "DSN=none" }, user: (database) => ({ type: "surewire-sql-write", database, mode: "insert", table: "t" }) },
  { type: "surewire-sql-database", with: { connectionString: "DSN=none" }, user: (database) => ({ type: "surewire-sql-read", database, query: "select 1" }) },
  { type: "surewire-sql-database", with: { connectionString: "DSN=none" }, user: (store) => ({ type: "surewire-salesforce-listen", org: "org", channel: "/event/A__e", store }) },
  { type: "surewire-sql-database", with: { connectionString: "DSN=none" }, user: (store) => ({ type: "surewire-salesforce-route", org: "org", routes: [{ queue: "Pumps", workgroup: "p" }], store }) },
];

/** Words that no form would save. */
const WORDS: { node: object; text: string }[] = [
  { node: { type: "surewire-amqp-in", broker: "broker", queue: "q", settle: "foo" }, text: "Settle must be flow, node or delivery: foo" },
  { node: { type: "surewire-amqp-get", broker: "broker", queue: "q", declare: "foo" }, text: "If missing must be declare or existing: foo" },
  { node: { type: "surewire-amqp-out", broker: "broker", format: "foo" }, text: "Content must be auto, json, xml, delimited, text or buffer: foo" },
  { node: { type: "surewire-amqp-out", broker: "broker", destination: "foo", routingKey: "q" }, text: "Send to must be queue or exchange: foo" },
  { node: { type: "surewire-salesforce-record", org: "org", object: "Case", assignment: "Störung – neu" }, text: 'The assignment rule is given by its id (01Q…), and "Störung – neu" is none' },
  { node: { type: "surewire-salesforce-case", org: "org", assignment: "Standard" }, text: 'The assignment rule is given by its id (01Q…), and "Standard" is none' },
  { node: { type: "surewire-salesforce-bulk", org: "org", object: "Case", assignmentRule: "Standard" }, text: 'The assignment rule is given by its id (01Q…), and "Standard" is none' },
  { node: { type: "surewire-sql-read", database: "database", query: "select 1", output: "foo" }, text: "Send must be row, batch or all: foo" },
];

/** The text of a form's label, by its key. */
function english(key: string): string {
  const [, type = "", at = ""] = /surewire-([\w-]+):(.*)$/.exec(key) ?? [];
  const name = type.split("-").pop() ?? "";
  const file = readdirSync(NODES, { recursive: true, encoding: "utf8" }).find((one) => one.endsWith(`en-US/${name}.json`)) ?? "";
  return at.split(".").reduce<unknown>((part, word) => (part as Record<string, unknown>)[word], JSON.parse(readFileSync(path.join(NODES, file), "utf8"))) as string;
}

/** The numbers of a type's form and what it calls them, and all of its defaults. */
function formOf(type: string): { defaults: Record<string, unknown>; labels: Map<string, string>; numbers: string[] } {
  const [, family = "", name = ""] = type.split("-");
  const definition = registered(path.join(NODES, family, name, `${name}.html`)).get(type);
  const entries = Object.entries(definition?.defaults ?? {}).filter(([property]) => property !== "name");
  return {
    defaults: JSON.parse(JSON.stringify(Object.fromEntries(entries.map(([property, { value }]) => [property, value])))) as Record<string, unknown>,
    labels: new Map(entries.map(([property, { label }]) => [property, label === undefined ? property : english(label)])),
    numbers: entries.filter(([property, { value }]) => typeof value === "number" && property !== "inputs" && property !== "outputs").map(([property]) => property),
  };
}

describe("a wrong setting in a saved flow", function () {
  this.timeout(60_000);
  const folders = ["test-nodes", "amqp-nodes", "sql-nodes", "salesforce-nodes"].map((folder) => path.join(__dirname, "services", folder));
  const runtime = new Runtime({ nodesDir: folders });
  const statuses = new Map<string, { fill?: string; text?: string }>();
  const failures = new Map<string, { code?: string; message: string }>();
  const { events, hooks } = util as unknown as { events: EventEmitter; hooks: { add(name: string, hook: (event: { node: { id: string }; error?: { message: string } }) => void): void; remove(name: string): void } };
  const onStatus = ({ id, status }: { id: string; status: { fill?: string; text?: string } }): void => void statuses.set(id, status);

  before(async () => {
    await runtime.start();
    events.on("node-status", onStatus);
    hooks.add("onComplete.wrong-settings", ({ node, error }) => void (error && failures.set(node.id, error)));
  });
  after(async () => {
    events.off("node-status", onStatus);
    hooks.remove("*.wrong-settings");
    await runtime.stop();
  });

  /** Deploys them all, with good config nodes. */
  async function deploy(nodes: FlowNodeConfig[]): Promise<void> {
    statuses.clear();
    failures.clear();
    await runtime.deploy([
      { id: "broker", type: "surewire-amqp-broker", urls: ["amqp://127.0.0.1:1"] },
      { id: "database", type: "surewire-sql-database", connectionString: "DSN=none" },
      { id: "org", type: "surewire-salesforce-org", loginUrl: "http://127.0.0.1:1", flow: "access-token" },
      { id: "end", type: "test-see" },
      ...nodes,
    ]);
  }

  /** The node shows in red what is wrong, and fails what comes to it with the same. */
  function assertSays(id: string, text: string): void {
    const node = runtime.node<{ receive(message: object): void } | undefined>(id);
    assert.ok(node, `${id} is not there`);
    const { fill, text: shown = "" } = statuses.get(id) ?? {};
    assert.equal(fill, "red", `${id} shows ${fill} ${shown}`);
    assert.ok(shown.startsWith(text.slice(0, 50)), `${id} shows: ${shown}`);
    node.receive({ payload: {} });
  }

  async function assertFails(expected: Map<string, string>): Promise<void> {
    for (const [id, text] of expected) assertSays(id, text);
    await new Promise((resolve) => setImmediate(resolve));
    for (const [id, text] of expected) {
      const { code, message = "" } = failures.get(id) ?? {};
      assert.deepEqual([code, message.slice(0, text.length)], ["NOT_CONFIGURED", text], id);
    }
  }

  for (const { type, numbers, skip = [], with: more } of CASES) {
    const { defaults, labels, numbers: all } = formOf(type);
    const read = [...new Set([...(type === "surewire-salesforce-bulk" && numbers ? [] : all), ...(numbers ?? [])])].filter((number) => !skip.includes(number));

    it(`is named by ${type}: ${read.join(", ")}`, async () => {
      assert.ok(read.length > 0);
      const nodes = read.map((number) => ({ ...defaults, ...more, [number]: WRONG, id: number, type, wires: [["end"], ["end"]] }));
      await deploy(nodes);
      await assertFails(new Map(read.map((number) => [number, `${labels.get(number)} must be a whole number from `])));
    });

    it(`that its form does not show is ignored by ${type}: text, or nothing, is as good as the number`, async () => {
      const text = Object.fromEntries(read.map((number) => [number, defaults[number] === "" ? "" : String(defaults[number])]));
      const nothing = Object.fromEntries(read.map((number) => [number, ""]));
      await deploy([{ ...defaults, ...more, ...text, id: "text", type }, { ...defaults, ...more, ...nothing, id: "nothing", type }, { ...more, id: "absent", type }]);
      for (const id of ["text", "nothing", "absent"]) assert.doesNotMatch(statuses.get(id)?.text ?? "", /must be/);
    });
  }

  for (const { type, with: more, user } of CONFIG_NODES) {
    const { defaults, labels, numbers } = formOf(type);
    const { type: userType } = user("") as { type: string };

    it(`of a ${type} is named by the ${userType} that uses it: ${numbers.join(", ")}`, async () => {
      await deploy(numbers.flatMap((number) => [{ ...defaults, ...more, [number]: WRONG, id: `config-${number}`, type }, { ...user(`config-${number}`), id: number, wires: [["end"]] } as FlowNodeConfig]));
      await assertFails(new Map(numbers.map((number) => [number, `${labels.get(number)} must be a whole number from `])));
    });
  }

  it("that is a word of none of the choices is named", async () => {
    await deploy(WORDS.map(({ node }, index) => ({ ...node, id: `word-${index}`, wires: [["end"]] }) as FlowNodeConfig));
    await assertFails(new Map(WORDS.map(({ text }, index) => [`word-${index}`, text])));
  });

  it("that is an engine no database has is not taken for ODBC", async () => {
    await deploy([{ id: "odd", type: "surewire-sql-database", engine: "mysql" }, { id: "user", type: "surewire-sql-write", database: "odd", mode: "insert", table: "t", wires: [["end"]] }]);
    await assertFails(new Map([["user", "Engine must be odbc or sqlite: mysql"]]));
  });

  it("in a field that SQLite does not use, and that its form does not check, does no harm", async () => {
    const engine = { engine: "sqlite", file: ":memory:", poolSize: "many", loginTimeout: "0", idleCheck: "x" };
    await deploy([{ id: "lite", type: "surewire-sql-database", ...engine }, { id: "user", type: "surewire-sql-write", database: "lite", mode: "insert", table: "t", wires: [["end"]] }]);
    assert.doesNotMatch(statuses.get("user")?.text ?? "", /must be/);
  });
});
