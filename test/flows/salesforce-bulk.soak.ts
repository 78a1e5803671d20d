import assert from "node:assert/strict";
import path from "node:path";
import { EmulatorService } from "../services/emulator-service";
import { type FlowNode, NodeRed } from "../services/node-red";
import { waitFor } from "../services/wait";

const ROWS = Number(process.env.SUREWIRE_ROWS ?? 1_000_000);
/** Rows of one message. */
const MESSAGE = ROWS / 20;
/** Rows of one page. */
const PAGE = 2_000;
/** By then everything that is made once is made: growth from here on is growth by rows. */
const SETTLED_IN = ROWS / 5;

/** MB that the heap may grow between {@link SETTLED_IN} and the end: with 800,000 rows between, 20 bytes a row would be found. */
const HEAP_GROWTH = 16;
/** MB. Resident memory holds what the heap once needed at a peak, so it tells only of growth outside the heap. */
const RSS_GROWTH = 150;

interface Memory {
  rows: number;
  heap: number;
  rss: number;
}

describe("very many rows into an org and out of it", function () {
  this.timeout(3_600_000);
  const nodeRed = new NodeRed({ env: { NODE_OPTIONS: `--expose-gc --require ${path.join(__dirname, "../services/heap-on-signal.cjs")}` } });
  const org = new EmulatorService();

  before(() => Promise.all([nodeRed.start(), org.start()]));
  after(() => Promise.all([nodeRed.stop(), org.stop()]));

  const orgNode = (): FlowNode => ({
    id: "org", type: "surewire-salesforce-org", loginUrl: org.url, flow: "client-credentials", credentials: { clientId: org.clientId, clientSecret: org.clientSecret },
  });
  const place = (nodes: FlowNode[]): FlowNode[] => [{ id: "tab", type: "tab", label: "soak" }, orgNode(), ...nodes.map((node) => ({ z: "tab", x: 100, y: 100, wires: [], ...node }))];
  const inject: FlowNode = { id: "inject", type: "inject", props: [{ p: "payload" }], payload: "0", payloadType: "num", wires: [["first"]] };
  const failed: FlowNode = { id: "catch", type: "catch", scope: ["bulk"], wires: [["failed"]] };
  const tell: FlowNode = { id: "failed", type: "function", func: "node.warn('soak failed: ' + msg.error.message);", outputs: 0 };

  /** What a flow has told of itself: `rows in <rows>`, `rows out <rows>`. */
  const told = (what: string): number => Number(nodeRed.log.match(new RegExp(`rows ${what} \\d+`, "g"))?.at(-1)?.split(" ").at(-1) ?? 0);

  async function memory(rows: number): Promise<Memory> {
    const logged = (): string[] => nodeRed.log.match(/heap after collection: \d+/g) ?? [];
    const had = logged().length;
    process.kill(nodeRed.pid, "SIGWINCH");
    const line = await waitFor("a collection", () => logged().slice(had).at(-1), { timeout: 30_000 });
    return { rows, heap: Number(line.split(" ").at(-1)) / 2 ** 20, rss: nodeRed.rss };
  }

  /** Starts the flow, and looks at the memory ten times on the way. */
  async function watch(what: string): Promise<void> {
    const began = Date.now();
    await fetch(`${nodeRed.url}/inject/inject`, { method: "POST" });
    const seen: Memory[] = [];
    for (let goal = ROWS / 10; goal <= ROWS; goal += ROWS / 10) {
      await waitFor(`${goal} rows`, () => told(what) >= goal || nodeRed.log.includes("soak failed"), { timeout: 900_000, interval: 200 });
      assert.doesNotMatch(nodeRed.log, /soak failed/, nodeRed.log.slice(-2_000));
      const now = await memory(goal);
      seen.push(now);
      console.log(`      ${what}: ${goal} rows, ${(goal / ((Date.now() - began) / 1000)).toFixed(0)}/s, heap ${now.heap.toFixed(1)} MB, resident ${now.rss.toFixed(0)} MB`);
    }
    const settled = seen.filter(({ rows }) => rows >= SETTLED_IN);
    const [first, last] = [settled[0] as Memory, settled.at(-1) as Memory];
    assert.ok(last.heap - first.heap < HEAP_GROWTH, `the heap went from ${first.heap} to ${last.heap} MB`);
    assert.ok(last.rss - first.rss < RSS_GROWTH, `resident memory went from ${first.rss} to ${last.rss} MB`);
  }

  it(`loads ${ROWS} rows by bulk jobs at a steady memory`, async () => {
    await nodeRed.deploy(
      place([
        inject,
        {
          id: "first", type: "function", outputs: 1, wires: [["bulk"]],
          func: `const from = msg.payload; return { from, payload: Array.from({ length: ${MESSAGE} }, (_, index) => ({ Device_Event_Id__c: 'e' + (from + index), Subject: 'reading ' + (from + index), Description: 'a text of some length, so that a row is a row', Origin: 'Web' })) };`,
        },
        { id: "bulk", type: "surewire-salesforce-bulk", org: "org", operation: "upsert", object: "Case", externalIdField: "Device_Event_Id__c", results: "failed", pollInterval: 100, wires: [["next"]] },
        {
          id: "next", type: "function", outputs: 1, wires: [["first"]],
          func: `const rows = msg.from + msg.salesforce.processed; node.warn('rows in ' + rows); return rows < ${ROWS} ? { payload: rows } : null;`,
        },
        failed,
        tell,
      ]),
    );
    await watch("in");
    assert.equal(await org.caseCount(), ROWS);
  });

  it(`reads ${ROWS} rows by a bulk query at a steady memory`, async () => {
    await nodeRed.deploy(
      place([
        inject,
        { id: "first", type: "function", outputs: 1, func: "flow.set('seen', 0); return msg;", wires: [["bulk"]] },
        { id: "bulk", type: "surewire-salesforce-bulk", org: "org", operation: "query", query: "SELECT Id, Subject, Description, Origin FROM Case", output: "page", pageSize: PAGE, maxInFlight: 5 * PAGE, pollInterval: 100, wires: [["count"]] },
        {
          id: "count", type: "function", outputs: 0,
          func: `const seen = flow.get('seen') + msg.payload.length; flow.set('seen', seen); if (seen % ${ROWS / 10} === 0) node.warn('rows out ' + seen);`,
        },
        failed,
        tell,
      ]),
    );
    await watch("out");
  });
});
