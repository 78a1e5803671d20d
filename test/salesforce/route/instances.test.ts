import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { RoutePayload } from "../../../nodes/salesforce/client/routing/outgoing";
import type { FlowNodeConfig } from "../../services/runtime";
import { testBench } from "../../services/test-nodes/test-nodes";
import { Orgs } from "../support";
import { makeRuntime, ORG, OUTPUTS, RouteFlow, waitFor, watchStatuses } from "./route-flow";

const runtime = makeRuntime();

describe("two instances of salesforce route on one database", function () {
  this.timeout(60_000);
  const orgs = new Orgs();
  const folder = mkdtempSync(path.join(tmpdir(), "surewire-route-"));
  let flow: RouteFlow;
  let pumps: string;
  let names = 0;

  before(async () => {
    await runtime.start();
    const org = await orgs.start(ORG);
    flow = new RouteFlow(runtime, org);
    pumps = org.control.addQueue({ name: "Pumps" }).id;
    org.control.addQueue({ name: "Valves" });
  });
  after(async () => {
    await runtime.stop();
    await orgs.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Two nodes that share what they know, each with a source of its own: as two Node-RED would have. */
  function nodes(settings: object): FlowNodeConfig[] {
    const database = { id: "db", type: "surewire-sql-database", z: "tab", engine: "sqlite", file: path.join(folder, "state.db") };
    const [source, org, route, ...see] = flow.nodes({ store: "db", ...settings });
    assert.ok(source && org && route);
    const [source2, route2] = [{ ...source, id: "source2", wires: [["route2"]] }, { ...route, id: "route2", wires: OUTPUTS.map((output) => [`${output}2`]) }];
    return [database, source, org, route, source2, route2, ...see, ...OUTPUTS.map((output) => ({ id: `${output}2`, type: "test-see", wires: [[]] }))];
  }

  /** Another process that has the database for itself until it closes. */
  function lockedByAnother(): DatabaseSync {
    const other = new DatabaseSync(path.join(folder, "state.db"), { timeout: 30_000 });
    other.exec("begin exclusive");
    return other;
  }

  const fresh = (settings: object = {}): object => ({ stateName: `state ${(names += 1)}`, ...settings });
  const creates = (): [node: string, caseId: string, attempt: number | undefined][] =>
    testBench.seen.filter(({ node }) => node.startsWith("create")).map(({ node, payload }) => [node, (payload as RoutePayload).case.id, (payload as RoutePayload).attempt]);

  /** Gives the same to both, at the same time. */
  async function takeBoth(payload: object): Promise<string[]> {
    const sources = ["source", "source2"].map((id) => testBench.sources.get(id));
    const before = sources.map((one) => one?.settled.length ?? 0);
    for (const one of sources) one?.take(structuredClone(payload));
    await waitFor("both", () => sources.every((one, index) => (one?.settled.length ?? 0) > (before[index] ?? 0)));
    return sources.map((one) => one?.settled.at(-1)?.settlement.outcome ?? "");
  }

  describe("that read what is kept", () => {
    const statuses = watchStatuses("route");

    it("count no cases before they have", async () => {
      const cases = "green route.status.cases";
      await runtime.fresh(nodes(fresh()));
      await waitFor("the table to be there", () => statuses.includes(cases));
      await runtime.deploy([]);
      const other = lockedByAnother();
      statuses.length = 0;
      await runtime.fresh(nodes(fresh()));
      await waitFor("the status while another has the table locked", () => statuses.includes("yellow route.status.loading"));
      assert.ok(!statuses.includes(cases), statuses.join());
      other.exec("rollback");
      other.close();
      await waitFor("the status after that", () => statuses.includes(cases));
    });
  });

  describe("of which nobody can tell which one looks after what is overdue", () => {
    const statuses = watchStatuses("route");

    it("say so, and not that another does", async () => {
      await runtime.fresh(nodes(fresh({ standby: true, leaseTime: 3 })).filter(({ id }) => id !== "route2" && id !== "source2"));
      await waitFor("it to hold the lease", () => statuses.includes("green route.status.cases"));
      const other = lockedByAnother();
      statuses.length = 0;
      await waitFor("the status while the lease cannot be renewed", () => statuses.includes("yellow route.status.waiting"));
      assert.ok(!statuses.includes("grey route.status.standby"), statuses.join());
      other.exec("rollback");
      other.close();
      await waitFor("the status after that", () => statuses.at(-1) === "green route.status.cases");
    });
  });

  it("ask for one interaction a case, though both see every event", async () => {
    await runtime.fresh(nodes(fresh()));
    const ids = Array.from({ length: 10 }, () => flow.insert({ OwnerId: pumps }));
    for (const id of ids) assert.deepEqual(await takeBoth(flow.created(id)), ["accept", "accept"]);
    assert.deepEqual(creates().map(([, id]) => id).sort(), [...ids].sort());
  });

  it("know what the other has learned", async () => {
    await runtime.fresh(nodes(fresh()));
    const id = flow.insert({ OwnerId: pumps });
    await flow.take(flow.created(id));
    const second = testBench.sources.get("source2");
    second?.take(flow.answer(id, "I1"));
    await waitFor("the answer", () => second?.settled.length === 1);
    await flow.take(flow.email(id, true));
    assert.deepEqual(flow.out, ["create wg.pumps new", "update wg.pumps email I1"]);
  });

  it("look at all cases whichever of them is told that changes are missing", async () => {
    await runtime.fresh(nodes(fresh({ standby: true, leaseTime: 30 })));
    const ids = [flow.insert({ OwnerId: pumps }), flow.insert({ OwnerId: pumps })];
    const before = testBench.sources.get("source2")?.settled.length ?? 0;
    assert.equal(await flow.take(flow.change("Case", "GAP_OVERFLOW", ["500*"])), "accept");
    assert.ok(ids.every((id) => creates().some(([, found]) => found === id)), "one of them has looked before it was done");
    testBench.sources.get("source2")?.take(flow.change("Case", "GAP_OVERFLOW", ["500*"]));
    await waitFor("the other", () => (testBench.sources.get("source2")?.settled.length ?? 0) > before);
    for (const id of ids) assert.equal(creates().filter(([, found]) => found === id).length, 1);
  });

  it("take over from each other what is overdue, one at a time, when they stand by", async () => {
    const settings = fresh({ standby: true, leaseTime: 5, answerTimeout: 200 });
    const all = nodes(settings);
    await runtime.fresh(all);
    const id = flow.insert({ OwnerId: pumps });
    await flow.take(flow.created(id));
    await waitFor("a second request", () => creates().length >= 2);
    await waitFor("a third", () => creates().length >= 3);
    const [, first, again] = creates().map(([node]) => node);
    assert.equal(first, again, "one of them, and the same one, looks after it");
    assert.deepEqual(creates().slice(0, 3).map(([, , attempt]) => attempt), [1, 2, 3]);
    await runtime.deploy(all.filter((node) => node.id !== first?.replace("create", "route") && node.id !== first?.replace("create", "source")), "nodes");
    await waitFor("the other to go on", () => creates().some(([node, , attempt = 0]) => attempt > 3 && node !== first));
  });
});
