import assert from "node:assert/strict";
import type { Emulator } from "../../../../emulator/src/index";
import type { ConnectorError } from "../../../../nodes/common/errors";
import type { OrgClient } from "../../../../nodes/salesforce/client/org";
import { UsageGuard } from "../../../../nodes/salesforce/client/http/usage-guard";
import { waitFor } from "../../../services/wait";
import { clientCredentials, Orgs } from "../../support";

const answer = (used: number, limit = 1000) => ({ "sforce-limit-info": `api-usage=${used}/${limit}; per-app-api-usage=17/250(appName=sample)` });

describe("The guard of the day's API calls", () => {
  it("lets calls through at once below the threshold, and without one", () => {
    const guard = new UsageGuard({ threshold: 80 });
    guard.note(answer(799));
    assert.equal(guard.turn(), undefined);
    assert.deepEqual(guard.usage, { used: 799, limit: 1000 });
    for (const threshold of [0, -1]) {
      const off = new UsageGuard({ threshold });
      off.note(answer(1000));
      assert.equal(off.turn(), undefined);
    }
  });

  it("reports changes in whole points, the start of spacing, and its end a little below the threshold", () => {
    const seen: [number, boolean][] = [];
    const guard = new UsageGuard({ threshold: 80, onChange: (percent, spaced) => seen.push([percent, spaced]) });
    for (const used of [1, 9, 10, 19, 799, 800, 805, 810, 795, 785, 779, 770]) guard.note(answer(used));
    assert.deepEqual(seen, [[0, false], [1, false], [79, false], [80, true], [81, true], [79, true], [78, true], [77, false]]);
  });

  it("tells how much is used although it spaces nothing", () => {
    const seen: [number, boolean][] = [];
    const guard = new UsageGuard({ threshold: 0, onChange: (percent, spaced) => seen.push([percent, spaced]) });
    for (const used of [500, 501, 1000]) guard.note(answer(used));
    assert.deepEqual(seen, [[50, false], [100, false]]);
  });

  it("spaces calls, the more the closer the end is", async () => {
    const spacing = async (used: number): Promise<number> => {
      const guard = new UsageGuard({ threshold: 0.5, maxGap: 400 });
      guard.note(answer(used));
      await guard.turn();
      const start = performance.now();
      await guard.turn();
      return performance.now() - start;
    };
    assert.ok((await spacing(990)) >= 390, "nearly the longest gap");
    await waitFor("a gap of 250 ms on a machine that has time", async () => {
      const some = await spacing(10);
      assert.ok(some >= 240, `${some} ms`);
      return some < 380;
    });
  });

  it("does not make gaps longer when the clock is set back", async () => {
    const guard = new UsageGuard();
    guard.note({ "sforce-limit-info": "api-usage=80/100" });
    await guard.turn();
    const real = Date.now;
    try {
      Date.now = () => real() - 3_600_000;
      assert.equal(await Promise.race([guard.turn()?.then(() => "went"), new Promise((resolve) => setTimeout(() => resolve("waits"), 2_000))]), "went");
    } finally {
      Date.now = real;
      guard.close();
    }
  });

  it("lets all waiting calls go when the usage falls or the org closes", async () => {
    for (const end of [(guard: UsageGuard) => guard.note(answer(10)), (guard: UsageGuard) => guard.close()]) {
      const guard = new UsageGuard();
      guard.note(answer(950));
      await guard.turn();
      const waiting = [guard.turn()!, guard.turn()!, guard.turn()!];
      end(guard);
      await Promise.all(waiting);
    }
  });

  it("sends nothing at 100 % for a time, then one call to look again", async () => {
    const guard = new UsageGuard({ hold: 60, maxGap: 0 });
    guard.note(answer(1000));
    const held = (error: unknown): boolean => (error as ConnectorError).code === "ORG_LIMIT" && /1000 of 1000/.test((error as Error).message);
    await assert.rejects(guard.turn()!, held);
    await waitFor("the hold to end", () => guard.turn()!.then(() => true, () => false));
    await assert.rejects(guard.turn()!, held, "one looks, the others wait for what it finds");
    guard.note(answer(1));
    assert.equal(guard.turn(), undefined);
  });

  describe("of an org", () => {
    const orgs = new Orgs();
    let org: Emulator;
    beforeEach(async () => (org = await orgs.start()));
    afterEach(() => orgs.stop());
    const call = (client: OrgClient) => client.rest.request({ method: "GET", path: "/sobjects" });

    it("shows in its state, and is over when the usage falls", async () => {
      org.control.setApiUsage({ used: 898, max: 1000 });
      const client = orgs.client(clientCredentials(org, { usage: { threshold: 90, maxGap: 10 } }));
      await call(client);
      assert.equal(client.state.slowedAt, undefined);
      await call(client);
      assert.deepEqual(client.state, { kind: "connected", usedPercent: 90, slowedAt: 90 });
      org.control.setApiUsage({ used: 500 });
      await client.rest.raw({ method: "GET", path: "/sobjects" });
      assert.deepEqual(client.state, { kind: "connected", usedPercent: 50 });
    });

    it("holds everything when the org has none left, without asking it", async () => {
      org.control.setApiUsage({ used: 9, max: 10 });
      const client = orgs.client(clientCredentials(org));
      await call(client);
      const before = org.control.stats().apiCalls;
      for (let i = 0; i < 5; i += 1) {
        await assert.rejects(call(client), (error: ConnectorError) => error.code === "ORG_LIMIT" && (error.details.retryAfter as number) > 500_000);
      }
      assert.equal(org.control.stats().apiCalls, before);
      assert.equal(client.state.kind, "waiting");
    });
  });
});
