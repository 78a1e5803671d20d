import assert from "node:assert/strict";
import type { StreamOrg } from "../../../../../nodes/salesforce/client/events/org-streams";
import { PubsubClient } from "../../../../../nodes/salesforce/client/events/pubsub/pubsub-client";
import { PubsubPublisher } from "../../../../../nodes/salesforce/client/events/pubsub/pubsub-publisher";
import { SchemaCache } from "../../../../../nodes/salesforce/client/events/pubsub/schema-cache";
import { FakePubsub } from "./fake-pubsub";

const field = (name: string, type: string, doc: string): object => ({ name, type: ["null", type], doc, default: null });
const OLD = {
  type: "record", name: "A__e",
  fields: [{ name: "CreatedDate", type: "long", doc: "CreatedDate:DateTime" }, { name: "CreatedById", type: "string" }, { name: "Text__c", type: ["null", "string"], default: null }],
};
const NEW = { ...OLD, fields: [...OLD.fields, field("Big__c", "long", "Data:Number"), field("Time__c", "long", "Data:TimeOnly"), field("Day__c", "long", "Data:DateOnly")] };

const org = {
  openSession: () => Promise.resolve({ accessToken: "t", instanceUrl: "https://a.my.salesforce.com", orgId: "00D000000000001", userId: "005000000000001" }),
} as unknown as StreamOrg;

describe("Events published by the Pub/Sub API", () => {
  let server: FakePubsub;
  let client: PubsubClient;
  let publisher: PubsubPublisher;

  beforeEach(async () => {
    server = await new FakePubsub({ old: OLD, new: NEW }).start();
    server.schemaToPublish = "old";
    client = new PubsubClient(org, { pubsubEndpoint: server.endpoint });
    publisher = new PubsubPublisher(client, new SchemaCache(client), { freshFor: 0 });
  });
  afterEach(() => {
    client.close();
    server.stop();
  });

  const publish = (...records: object[]) => publisher.create({ object: "A__e", records: records as Record<string, unknown>[] });

  it("say who published them, and when", async () => {
    const before = Date.now();
    await publish({ Text__c: "a" });
    const { CreatedDate, CreatedById } = server.published[0] as { CreatedDate: bigint; CreatedById: string };
    assert.ok(Number(CreatedDate) >= before && Number(CreatedDate) <= Date.now());
    assert.equal(CreatedById, "005000000000001AAA");
  });

  it("are made by the fields that the event has by now", async () => {
    await publish({ Text__c: "a" });
    server.schemaToPublish = "new";
    const results = await publish({ Text__c: "b" }, { Text__c: "c", Big__c: "9007199254740993", Time__c: "10:30", Day__c: "2026-11-20T23:00:00Z" });
    assert.deepEqual(results.map(({ ok }) => ok), [true, true]);
    assert.deepEqual(server.published.map((one) => (one as { Text__c: string }).Text__c), ["a", "b", "c"]);
    const { Big__c, Time__c, Day__c } = server.published[2] as Record<string, bigint>;
    assert.deepEqual([Big__c, Time__c, Day__c], [9_007_199_254_740_993n, 37_800_000n, BigInt(Date.UTC(2026, 10, 20))]);
  });

  it("are tried once more by the new fields when the event has changed under way", async () => {
    await publish({ Text__c: "a" });
    server.schemaToPublish = "new";
    const results = await publish({ Text__c: "b" });
    assert.equal(results[0]?.ok, true);
    assert.equal(server.published.length, 2);
  });

  it("are tried once more by the new fields when the org does not know the old ones at all", async () => {
    await publish({ Text__c: "a" });
    server.schemaToPublish = "new";
    server.refusals.push({ status: 5, code: "schema.not.found" });
    const results = await publish({ Text__c: "b" });
    assert.deepEqual([results.map(({ ok }) => ok), server.published.length], [[true], 2]);
  });

  it("fail each by what the org says of it", async () => {
    const results = await publish({ Text__c: "!You have exceeded the event publishing limit for your org." }, { Text__c: "!A rule says no" }, { Text__c: "!PLATFORM_EVENT_PUBLISHING_UNAVAILABLE" }, { Text__c: "d" });
    assert.deepEqual(results.map((result) => (result.ok ? result.replayId : result.error.code)), ["ORG_LIMIT", "ORG_REFUSED", "ORG_UNAVAILABLE", "1"]);
  });

  for (const [value, what] of [["9223372036854775808", "more than 64 bits"], ["1.5", "a fraction"], [1e300, "a number that is not exact"]] as const) {
    it(`take no whole number of ${what}`, async () => {
      server.schemaToPublish = "new";
      const [result] = await publish({ Text__c: "a", Big__c: value });
      assert.ok(result && !result.ok);
      assert.match(result.error.message, /Big__c of A__e takes a whole number/);
    });
  }
});
