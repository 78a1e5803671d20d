import assert from "node:assert/strict";
import type { RestClient } from "../../../../nodes/salesforce/client/rest";
import { WatchedQueues } from "../../../../nodes/salesforce/client/routing/watched-queues";
import { waitFor } from "../../../services/wait";

describe("The queues that are watched", () => {
  const source = { from: "node" as const, routes: [{ queue: "Pumps", workgroup: "wg.pumps" }] };
  let rows: object[] = [];
  let looks = 0;
  let kept: object | undefined;
  let routes = source.routes;
  const warnings: string[] = [];
  /** Of all queues, also those that have other names. */
  let there: object[] = [];
  const request = ({ path }: { path: string }) => Promise.resolve({ body: { records: (looks += 1) && (decodeURIComponent(path).includes("WHERE Id IN") ? there : rows) } });
  const watch = (refresh: number): WatchedQueues => new WatchedQueues({ rest: { request, version: "66.0" } as unknown as RestClient, source: { ...source, routes }, refresh, ids: { read: () => Promise.resolve(kept), write: async (ids) => void (kept = await Promise.resolve(ids)) }, warn: (text) => warnings.push(text), onAdded: () => undefined });

  beforeEach(() => {
    rows = there = [];
    looks = 0;
    kept = undefined;
    routes = source.routes;
    warnings.length = 0;
  });

  it("are not looked for by each that asks while the org has none of them", async () => {
    const queues = watch(300_000);
    for (let asked = 0; asked < 3; asked += 1) await assert.rejects(queues.byId(), { code: "ORG_OBJECT_UNKNOWN" });
    assert.equal(looks, 1);
  });

  it("are found when the org has them", async () => {
    const queues = watch(20);
    await assert.rejects(queues.byId(), /none of the queues.*: Pumps$/);
    rows = [{ Id: "00G000000000001AAA", Name: "Pumps" }];
    const found = await waitFor("the queue", () => queues.byId().catch(() => undefined));
    assert.deepEqual([...found.values()], source.routes);
  });

  describe("of which one is renamed", () => {
    const [pumps, valves] = ["00G000000000001AAA", "00G000000000002AAA"];
    const names = async (): Promise<unknown> => Object.fromEntries([...(await watch(300_000).byId())].map(([id, { queue }]) => [id, queue]));

    beforeEach(async () => {
      routes = [...source.routes, { queue: "Valves", workgroup: "wg.valves" }];
      rows = [{ Id: pumps, Name: "Pumps" }, { Id: valves, Name: "Valves" }];
      await names();
      rows = [{ Id: valves, Name: "Valves" }];
    });

    it("are the same for a node that comes later, with a warning", async () => {
      assert.deepEqual(await names(), { [pumps]: "Pumps", [valves]: "Valves" });
      assert.match(warnings.join(), /no queue of this name.*Pumps \(the one that was called so is watched/);
    });

    it("are the same where all have other names, as long as the org shows one", async () => {
      rows = [];
      await assert.rejects(names(), /or this user sees none/);
      assert.deepEqual(warnings, []);
      there = [{ Id: pumps }];
      assert.deepEqual(await names(), { [pumps]: "Pumps", [valves]: "Valves" });
    });

    it("until another has that name", async () => {
      rows.push({ Id: "00G000000000003AAA", Name: "Pumps" });
      assert.deepEqual(await names(), { "00G000000000003AAA": "Pumps", [valves]: "Valves" });
    });

    it("or the routes name it no more", async () => {
      routes = routes.slice(1);
      assert.deepEqual(await names(), { [valves]: "Valves" });
      assert.deepEqual(warnings, []);
    });
  });
});
