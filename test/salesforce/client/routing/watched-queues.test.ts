import assert from "node:assert/strict";
import type { RestClient } from "../../../../nodes/salesforce/client/rest";
import { WatchedQueues } from "../../../../nodes/salesforce/client/routing/watched-queues";
import { waitFor } from "../../../services/wait";

describe("The queues that are watched", () => {
  const source = { from: "node" as const, routes: [{ queue: "Pumps", workgroup: "wg.pumps" }] };
  let rows: object[] = [];
  let looks = 0;
  const request = () => Promise.resolve({ body: { records: (looks += 1) && rows } });
  const watch = (refresh: number): WatchedQueues => new WatchedQueues({ rest: { request, version: "66.0" } as unknown as RestClient, source, refresh, warn: () => undefined, onAdded: () => undefined });

  beforeEach(() => {
    rows = [];
    looks = 0;
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
});
