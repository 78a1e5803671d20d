import assert from "node:assert/strict";
import type { EventEmitter } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import util from "@node-red/util";
import { Runtime, type FlowNodeConfig } from "../../services/runtime";
import { held, testBench, seenAt, theSource as trigger } from "../../services/test-nodes/test-nodes";
import { remains, waitShortly as waitFor } from "../../services/wait";
import { range } from "./poll-support";

const { events } = util as unknown as { events: EventEmitter };
const runtime = new Runtime({ nodesDir: ["test-nodes", "sql-nodes"].map((folder) => path.join(__dirname, "../../services", folder)) });

const source: FlowNodeConfig = { id: "source", type: "test-source", wires: [["read"]] };
const see = (id: string, ...wires: string[]): FlowNodeConfig => ({ id, type: "test-see", wires: [wires] });
const hold = (id: string): FlowNodeConfig => ({ id, type: "test-hold", wires: [[]] });
const join: FlowNodeConfig = { id: "join", type: "join", mode: "auto", wires: [["seen"]] };

const outcomes = (): string[] => trigger().settled.map(({ settlement }) => settlement.outcome);

describe("sql read in a flow", function () {
  this.timeout(60_000);
  const folder = mkdtempSync(path.join(tmpdir(), "surewire-read-"));
  const file = path.join(folder, "test.db");
  const database = new DatabaseSync(file);

  before(() => runtime.start());
  beforeEach(() => {
    database.exec("pragma busy_timeout = 5000; drop table if exists t; create table t (id integer primary key)");
    insert(1, 4);
  });
  after(async () => {
    await runtime.stop();
    database.close();
    rmSync(folder, { recursive: true, force: true });
  });

  function insert(from: number, to: number): void {
    for (const id of range(from, to)) database.exec(`insert into t values (${id})`);
  }

  const flow = (wires: string[][], nodes: FlowNodeConfig[], more: object = {}): FlowNodeConfig[] => [
    { id: "db", type: "surewire-sql-database", z: "tab", engine: "sqlite", file, connectionString: "", dialect: "auto" },
    { id: "read", type: "surewire-sql-read", database: "db", query: "select id from t order by id", retries: 0, retryDelay: 10, retryMaxDelay: 10, wires, ...more },
    ...nodes,
  ];
  const polling = { mode: "poll", query: "select id from t", watermarkColumn: "id", keyColumn: "id", pollInterval: 20, delayWindow: 0 };

  it("keeps the trigger's delivery open until the last row is finished", async () => {
    await runtime.fresh([source, ...flow([["hold"]], [hold("hold")])]);
    trigger().take("go");
    await waitFor("all rows", () => held.length === 3);
    held[0]?.go();
    held[2]?.go();
    await remains("unsettled", () => outcomes().length === 0, 30);
    held[1]?.go();
    await waitFor("the end", () => outcomes().length === 1);
    assert.deepEqual(outcomes(), ["accept"]);
  });

  it("fails the trigger's delivery with a row's error", async () => {
    await runtime.fresh([source, ...flow([["hold"]], [hold("hold")])]);
    trigger().take("go");
    await waitFor("all rows", () => held.length === 3);
    held[1]?.fail(new Error("broken"));
    held[0]?.go();
    held[2]?.go();
    await waitFor("the end", () => outcomes().length === 1);
    assert.deepEqual([outcomes(), trigger().settled[0]?.settlement.error?.message], [["retry"], "broken"]);
  });

  it("feeds core's Join, which needs no setting to gather the rows of a query", async () => {
    await runtime.fresh([source, ...flow([["join"]], [join, see("seen")])]);
    trigger().take("go");
    await waitFor("the list", () => seenAt("seen").length === 1);
    assert.deepEqual(seenAt("seen"), [[{ id: 1 }, { id: 2 }, { id: 3 }]]);
    await waitFor("the end", () => outcomes().length === 1);
  });

  it("follows rows that a button asked for, so that no more than allowed are under way", async () => {
    insert(4, 51);
    await runtime.fresh([...flow([["hold"]], [hold("hold"), { id: "button", type: "test-count", wires: [["read"]] }], { maxInFlight: 5 })]);
    testBench.counters.get("button")?.receive({ payload: "go" });
    await waitFor("five rows", () => held.length === 5);
    const seen: unknown[] = [];
    while (seen.length < 50) {
      assert.ok(held.length <= 5);
      for (const one of held.splice(0)) {
        seen.push((one.msg as { payload: { id: number } }).payload.id);
        one.go();
      }
      if (seen.length < 50) await waitFor("more", () => held.length > 0);
    }
    assert.deepEqual(seen, range(1, 51));
  });

  it("sends all rows as part of the trigger's own delivery, and the trigger when there are none", async () => {
    await runtime.fresh([source, ...flow([["hold"], ["none"]], [hold("hold"), hold("none")], { output: "all", query: "select id from t where id < :payload", emptyOutput: true, parameters: [{ name: "payload", value: "payload", valueType: "msg" }] })]);
    trigger().take(3);
    await waitFor("the rows", () => held.length === 1);
    assert.deepEqual((held[0]?.msg as { payload: unknown }).payload, [{ id: 1 }, { id: 2 }]);
    held.shift()?.fail(new Error("broken"));
    await waitFor("the end", () => outcomes().length === 1);
    trigger().take(0);
    await waitFor("the trigger", () => held.length === 1);
    assert.equal((held[0]?.msg as { payload: unknown }).payload, 0);
    held.shift()?.go();
    await waitFor("the end", () => outcomes().length === 2);
    assert.deepEqual(outcomes(), ["retry", "accept"]);
  });

  it("polls on over deploys without a gap or a repeat of what was finished", async () => {
    insert(4, 41);
    const nodes = (): FlowNodeConfig[] => flow([["hold"], ["dead"]], [hold("hold"), hold("dead")], { ...polling, id: "poll-1", maxInFlight: 10, retries: 5 });
    await runtime.fresh(nodes());
    const finished: number[] = [];
    const finish = (count: number): void => {
      for (const one of held.splice(0, count)) {
        finished.push((one.msg as { payload: { id: number } }).payload.id);
        one.go();
      }
    };
    for (let deploy = 0; deploy < 3; deploy += 1) {
      await waitFor("a full flow", () => held.length === 10);
      finish(7);
      // Once the flows are being stopped: else the node waits for them. Before, they would be tried again in the old flow.
      let failing: NodeJS.Timeout | undefined;
      const fail = (): void => held.splice(0).forEach((one) => one.fail(new Error("stopped")));
      events.once("flows:stopping", () => (failing = setInterval(fail, 5)));
      await runtime.deploy(nodes());
      clearInterval(failing);
    }
    while (finished.length < 40) {
      await waitFor("more", () => held.length > 0);
      finish(10);
    }
    assert.deepEqual(finished.toSorted((a, b) => a - b), range(1, 41));
  });

  it("sends rows again that another node's deploy has released", async () => {
    await runtime.fresh(flow([["hold"], []], [hold("hold")], { ...polling, id: "poll-2" }));
    await waitFor("three", () => held.length === 3);
    held.splice(0);
    await runtime.deploy(flow([["hold"], []], [{ ...hold("hold"), name: "changed" }], { ...polling, id: "poll-2" }), "nodes");
    await waitFor("three again", () => held.length === 3);
    assert.deepEqual(held.map(({ msg }) => (msg as { payload: { id: number } }).payload.id), [1, 2, 3]);
    for (const one of held.splice(0)) one.go();
  });

  it("does not read while nothing is wired", async () => {
    await runtime.fresh(flow([[], []], [], { ...polling, id: "poll-3" }));
    insert(4, 5);
    await runtime.deploy(flow([["hold"], []], [hold("hold")], { ...polling, id: "poll-3" }), "nodes");
    await waitFor("all", () => held.length === 4);
    for (const one of held.splice(0)) one.go();
  });
});
