import assert from "node:assert/strict";
import type { Emulator } from "../../../../emulator/src/index";
import { MemoryStore } from "../../../../nodes/common/memory-store";
import { JobBook } from "../../../../nodes/salesforce/client/bulk/bulk-book";
import { BulkJobs } from "../../../../nodes/salesforce/client/bulk/bulk-jobs";
import { BulkLoader } from "../../../../nodes/salesforce/client/bulk/bulk-loader";
import type { RowResult } from "../../../../nodes/salesforce/client/bulk/bulk-match";
import { RowGathering } from "../../../../nodes/salesforce/client/bulk/bulk-rows";
import { ColumnNames } from "../../../../nodes/salesforce/client/bulk/column-names";
import type { OrgClient } from "../../../../nodes/salesforce/client/org";
import { waitFor } from "../../../services/wait";
import { clientCredentials, Orgs } from "../../support";

const STYLE = { delimiter: ",", newline: "\n" };

/** A store that fails to write as often as it is told to. */
class FailingStore extends MemoryStore {
  failures = 0;
  override write(key: string, value: unknown): Promise<void> {
    if (this.failures === 0) return super.write(key, value);
    this.failures -= 1;
    return Promise.reject(new Error("no space left on device"));
  }
}

describe("Rows gathered from many messages", () => {
  const orgs = new Orgs();
  let org: Emulator;
  let client: OrgClient;
  let store: FailingStore;

  beforeEach(async () => {
    org = await orgs.start();
    client = orgs.client(clientCredentials(org));
    store = new FailingStore();
  });
  afterEach(() => orgs.stop());

  /** As after a restart: nothing but the store is kept. */
  function gathering(timeout = 0, maxBytes?: number): RowGathering {
    const book = new JobBook(store, "bulk/test");
    const poll = { interval: 5, timeout, signal: new AbortController().signal };
    const loader = new BulkLoader({ jobs: new BulkJobs(client.rest), names: new ColumnNames(client.rest), book, request: { object: "Case", operation: "insert" }, style: STYLE, poll });
    return new RowGathering({ loader, book, style: STYLE, idsOnly: false, ...(maxBytes === undefined ? {} : { maxBytes }) });
  }

  const cases = (from: number, to: number): object[] => Array.from({ length: to - from }, (_, index) => ({ Subject: `case ${from + index}` }));
  const load = (rows: RowGathering, values: object[]): Promise<RowResult[]> => rows.load(values.map((value) => RowGathering.row(value, false)));
  const outcomes = (results: RowResult[]): string[] => results.map((one) => (one.ok ? "stored" : one.error.code));
  const subjects = (): unknown[] => org.records("Case").map(({ Subject }) => Subject).sort();

  it("are not inserted again when the org goes away for those that came with them", async () => {
    org.control.bulkFault({ kind: "hang" });
    assert.deepEqual(outcomes(await load(gathering(20), cases(0, 2))), ["JOB_UNFINISHED", "JOB_UNFINISHED"]);
    org.control.releaseJobs();
    org.control.resetConnections({ method: "PUT", path: "batches", when: "before" });
    const rows = gathering();
    const results = await load(rows, cases(0, 4));
    assert.deepEqual(outcomes(results), ["stored", "stored", "ORG_UNAVAILABLE", "ORG_UNAVAILABLE"]);
    await load(rows, cases(2, 4));
    assert.deepEqual(subjects(), ["case 0", "case 1", "case 2", "case 3"]);
  });

  it("are not inserted again when what they were remembered by could not be taken out of the store", async () => {
    const rows = gathering();
    org.control.bulkFault({ kind: "hang" });
    const loading = load(rows, cases(0, 2));
    await waitFor("a look at the job", () => (org.control.stats().byKind["GET jobs/ingest/*"] ?? 0) > 0);
    store.failures = 1;
    org.control.releaseJobs();
    assert.deepEqual(outcomes(await loading), ["STORE_UNAVAILABLE", "STORE_UNAVAILABLE"]);
    assert.deepEqual(outcomes(await load(rows, cases(0, 2))), ["stored", "stored"]);
    assert.equal(subjects().length, 2);
  });

  it("wait for a store that cannot be written, and leave no open job behind", async () => {
    const rows = gathering();
    await load(rows, cases(0, 1));
    store.failures = 1;
    assert.deepEqual(outcomes(await load(rows, cases(1, 2))), ["STORE_UNAVAILABLE"]);
    assert.deepEqual(outcomes(await load(rows, cases(1, 2))), ["stored"]);
    const jobs = await new BulkJobs(client.rest).getAllJobInfo();
    assert.deepEqual(jobs.map(({ state }) => state).filter((state) => state === "Open"), []);
    assert.equal(subjects().length, 2);
  });

  it("go by as many jobs as they need, when one could not carry them", async () => {
    const results = await load(gathering(0, 10_000), cases(0, 20).map((one) => ({ ...one, Description: "x".repeat(500) })));
    assert.deepEqual(new Set(outcomes(results)), new Set(["stored"]));
    assert.equal(new Set(results.map((one) => one.ok && one.id)).size, 20);
    assert.ok((org.control.stats().byKind["POST jobs/ingest"] ?? 0) >= 3);
  });

  it("go by smaller jobs when a proxy on the way refuses one for its size, and each fails by itself at last", async () => {
    org.control.failNext({ status: 413, html: "<html>Request Entity Too Large</html>", method: "PUT", path: "/batches" });
    assert.deepEqual(outcomes(await load(gathering(), cases(0, 5))), Array.from({ length: 5 }, () => "stored"));
    org.control.failNext({ status: 413, html: "<html>Request Entity Too Large</html>", method: "PUT", path: "/batches", count: 3 });
    assert.deepEqual(outcomes(await load(gathering(), cases(5, 9))), ["PAYLOAD_TOO_LARGE", "stored", "stored", "stored"]);
    assert.deepEqual(subjects(), [0, 1, 2, 3, 4, 6, 7, 8].map((index) => `case ${index}`));
  });

  it("are refused one by one when they are longer than a row can be, which would fail the job of all", () => {
    const long = Object.fromEntries(Array.from({ length: 5 }, (_, index) => [`F${index}__c`, "x".repeat(100_000)]));
    assert.throws(() => RowGathering.row(long, false), { code: "INPUT_INVALID", message: /400,000 characters/ });
  });

  it("are loaded without those that have a field the org does not know", async () => {
    const values = [...cases(0, 2), { Subject: "bad", Nope__c: 1 }, ...cases(2, 4), { Subject: "worse", Other__c: null }];
    const results = await load(gathering(), values);
    assert.deepEqual(outcomes(results), ["stored", "stored", "ORG_REFUSED", "stored", "stored", "ORG_REFUSED"]);
    assert.deepEqual(results.flatMap((one) => (one.ok ? [] : /Field name not found : (\w+)/.exec(one.error.message)?.[1])), ["Nope__c", "Other__c"]);
    assert.deepEqual(subjects(), ["case 0", "case 1", "case 2", "case 3"]);
  });
});
