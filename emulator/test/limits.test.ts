import assert from "node:assert/strict";
import { Limits } from "../src/limits";
import { startEmulator, type Emulator } from "../src/index";
import { Api, assertError } from "./helpers";

describe("limits", () => {
  let now = 0;
  const clock = (): number => now;
  beforeEach(() => (now = 1000));

  it("count down, and refuse all of a request for more than is left", () => {
    const limits = new Limits(clock, { HourlyPublishedPlatformEvents: 5 });
    assert.ok(limits.use("HourlyPublishedPlatformEvents", 3));
    assert.ok(!limits.use("HourlyPublishedPlatformEvents", 3));
    assert.deepEqual(limits.json()["HourlyPublishedPlatformEvents"], { Max: 5, Remaining: 2 });
  });

  it("are full again an hour, or a day, after the first use", () => {
    const limits = new Limits(clock, { HourlyPublishedPlatformEvents: 5, DailyBulkV2QueryJobs: 5 });
    limits.use("HourlyPublishedPlatformEvents", 5);
    limits.use("DailyBulkV2QueryJobs", 5);
    now += 3_600_000;
    assert.ok(limits.use("HourlyPublishedPlatformEvents", 5));
    assert.ok(!limits.use("DailyBulkV2QueryJobs"));
    now += 23 * 3_600_000;
    assert.ok(limits.use("DailyBulkV2QueryJobs"));
  });

  it("of what is open at a time come back when it closes", () => {
    const limits = new Limits(clock, { StreamingApiConcurrentClients: 1 });
    assert.ok(limits.use("StreamingApiConcurrentClients"));
    limits.free("StreamingApiConcurrentClients");
    assert.ok(limits.use("StreamingApiConcurrentClients"));
  });

  describe("of an org", () => {
    let org: Emulator;
    before(async () => (org = await startEmulator({ apiLimit: 3 })));
    after(() => org.stop());

    it("are in /limits and in the header, refuse the first call too many, and are full again the next day", async () => {
      const api = await Api.connect(org);
      await api.get("/limits");
      const { body, headers } = await api.get("/limits");
      assert.deepEqual(body.DailyApiRequests, { Max: 3, Remaining: 1 });
      assert.equal(headers.get("sforce-limit-info"), "api-usage=2/3");
      await api.get("/limits");
      assertError(await api.get("/limits"), 403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.");
      org.control.shiftClock({ ms: 24 * 3_600_000 });
      assert.equal((await (await Api.connect(org)).get("/limits")).body.DailyApiRequests.Remaining, 2);
    });

    it("can be set by name; there is no limit of another name", () => {
      assert.deepEqual(org.control.setLimit({ name: "DailyBulkV2QueryJobs", used: 7 }), { used: 7, max: 10_000 });
      assert.throws(() => org.control.setLimit({ name: "Nonsense" as never }), /no limit Nonsense/);
    });
  });
});
