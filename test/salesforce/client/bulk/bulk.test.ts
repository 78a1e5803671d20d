import assert from "node:assert/strict";
import type { Emulator } from "../../../../emulator/src/index";
import type { ConnectorError } from "../../../../nodes/common/errors";
import { MemoryStore } from "../../../../nodes/common/memory-store";
import { JobBook } from "../../../../nodes/salesforce/client/bulk/bulk-book";
import { bulkInput } from "../../../../nodes/salesforce/client/bulk/bulk-input";
import { BulkJobs, type IngestJobRequest } from "../../../../nodes/salesforce/client/bulk/bulk-jobs";
import { BulkLoad, type Loaded, type LoadRequest } from "../../../../nodes/salesforce/client/bulk/bulk-load";
import { BulkLoader } from "../../../../nodes/salesforce/client/bulk/bulk-loader";
import { ColumnNames } from "../../../../nodes/salesforce/client/bulk/column-names";
import type { OrgClient } from "../../../../nodes/salesforce/client/org";
import { waitFor } from "../../../services/wait";
import { clientCredentials, EXTERNAL_ID, Orgs } from "../../support";

const STYLE = { delimiter: ",", newline: "\n" };

describe("A bulk load", () => {
  const orgs = new Orgs();
  let org: Emulator;
  let client: OrgClient;
  let store: MemoryStore;
  let stop: AbortController;

  beforeEach(async () => {
    org = await orgs.start();
    client = orgs.client(clientCredentials(org));
    store = new MemoryStore();
    stop = new AbortController();
  });
  afterEach(() => orgs.stop());

  interface Settings {
    request?: Partial<IngestJobRequest>;
    rows?: number;
    timeout?: number;
    failuresTaken?: boolean;
  }

  /** As after a restart: nothing but the store is kept. */
  function newLoad({ request = {}, rows = 1000, timeout = 0, failuresTaken = false }: Settings = {}): BulkLoad {
    const jobs = new BulkJobs(client.rest);
    const book = JobBook.of("bulk", store, client);
    const whole: IngestJobRequest = { object: "Case", operation: "insert", ...request };
    const loader = new BulkLoader({ jobs, names: new ColumnNames(client.rest), book, request: whole, style: STYLE, poll: { interval: 5, timeout, signal: stop.signal } });
    return new BulkLoad({ loader, book, request: whole, style: STYLE, limits: { rows, bytes: 1e8 }, keepAll: true, failuresTaken });
  }

  const cases = (count: number, more: object = {}): object[] => Array.from({ length: count }, (_, index) => ({ Subject: `case ${index}`, ...more }));
  const run = (load: BulkLoad, rows: unknown, more: Partial<LoadRequest> = {}): Promise<Loaded> => load.run({ input: bulkInput(rows, false, ","), mayRepeat: true, ...more });
  const subjects = (): string[] => org.records("Case").map((one) => String(one.Subject));
  const jobsMade = (): number => org.control.stats().byKind["POST jobs/ingest"] ?? 0;

  describe("of more than a proxy on the way takes at once", () => {
    const tooLarge = (count: number): void => org.control.failNext({ status: 413, html: "<html>Request Entity Too Large</html>", method: "PUT", path: "/batches", count });

    it("goes by smaller jobs, each row once and with its own result", async () => {
      tooLarge(2);
      const { result } = await run(newLoad(), [...cases(7), { Subject: "bad", Origin: "Smoke" }]);
      assert.deepEqual([result.rows, result.processed, result.failed], [8, 8, 1]);
      assert.deepEqual(result.results.map(({ row, success }) => [row, success]), Array.from({ length: 8 }, (_, row) => [row, row < 7]));
      assert.deepEqual(subjects().sort(), cases(7).map((one) => (one as { Subject: string }).Subject));
    });

    it("is parted in the same places when it comes again, though the proxy takes more by then", async () => {
      tooLarge(1);
      const first = run(newLoad(), cases(8), { onJob: () => org.control.failNext({ status: 503, method: "PUT", path: "/batches" }) });
      await assert.rejects(first, { code: "ORG_UNAVAILABLE" });
      const { result } = await run(newLoad(), cases(8));
      assert.deepEqual([result.rows, result.success, result.repeated], [8, true, false]);
      assert.equal(subjects().length, 8);
      assert.equal((await run(newLoad(), cases(8))).result.repeated, true);
      assert.equal(subjects().length, 8);
    });

    it("fails by itself when one row is too much", async () => {
      tooLarge(100);
      await assert.rejects(run(newLoad(), cases(2)), { code: "PAYLOAD_TOO_LARGE", scope: "message" });
    });
  });

  it("maps each result to its row, though the org gives them in another order", async () => {
    const rows = [...cases(300), { Subject: "bad", Origin: "Smoke" }, ...cases(2)];
    const { result, failedRows, failures, error } = await run(newLoad(), rows);
    assert.deepEqual([result.rows, result.processed, result.failed, result.unprocessed, result.success], [303, 303, 1, 0, false]);
    const byId = new Map(org.records("Case").map((one) => [one.Id, one.Subject]));
    result.results.forEach((one, index) => {
      assert.equal(one.row, index);
      if (index !== 300) assert.equal(byId.get(String(one.id)), (rows[index] as { Subject: string }).Subject);
    });
    assert.equal(new Set(result.results.map(({ id }) => id)).size, 303);
    assert.deepEqual(failedRows, [rows[300]]);
    assert.deepEqual(failures[0]?.errors[0]?.fields, ["Origin"]);
    assert.equal(error?.code, "ORG_REFUSED");
    assert.match(error?.message ?? "", /^1 of 303 rows are not in the org; the first is row 301: INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST/);
  });

  it("maps each result to its row also where the names of fields are not spelled as the org's, which then leaves them out of its results", async () => {
    const named = await orgs.start({ schema: [{ name: "Account", fields: [{ name: "Number__c", type: "string", externalId: true }] }] });
    client = orgs.client(clientCredentials(named));
    const account = await client.rest.request<{ id: string }>({ method: "POST", path: "/sobjects/Account", body: { Name: "Acme", Number__c: "A-1" } });
    const rows = ["a", "b", "c"].map((letter) => ({ subject: letter, origin: letter === "b" ? "Smoke" : "Phone", account: { number__c: "A-1" } }));
    const { result } = await run(newLoad(), rows);
    assert.deepEqual(result.results.map(({ success }) => success), [true, false, true]);
    for (const row of [0, 2]) assert.equal(named.records("Case").find(({ Id }) => Id === result.results[row]?.id)?.Subject, rows[row]?.subject);
    assert.deepEqual(named.records("Case").map(({ AccountId }) => AccountId), [account.body.id, account.body.id]);
  });

  it("does so also where the org does not tell this user of a parent that a column names", async () => {
    const named = await orgs.start({ schema: [{ name: "Account", fields: [{ name: "Number__c", type: "string", externalId: true }] }] });
    client = orgs.client(clientCredentials(named));
    await client.rest.request({ method: "POST", path: "/sobjects/Account", body: { Name: "Acme", Number__c: "A-1" } });
    named.control.failNext({ status: 404, errorCode: "NOT_FOUND", path: "/sobjects/Account/describe", count: 100 });
    const rows = ["a", "b"].map((subject) => ({ subject, Account: { Number__c: "A-1" } }));
    const { result } = await run(newLoad(), rows);
    for (const row of [0, 1]) assert.equal(named.records("Case").find(({ Id }) => Id === result.results[row]?.id)?.Subject, rows[row]?.subject);
  });

  it("parts rows among jobs, and loads equal rows as often as they stand there", async () => {
    const { result } = await run(newLoad({ rows: 2 }), Array.from({ length: 5 }, () => ({ Subject: "same" })));
    assert.deepEqual([result.jobs.length, result.processed, result.success], [3, 5, true]);
    assert.equal(new Set(result.results.map(({ id }) => id)).size, 5);
    assert.equal(subjects().length, 5);
  });

  for (const [what, fault] of [
    ["the create", { method: "POST", path: "jobs/ingest" }],
    ["the upload", { method: "PUT", path: "batches" }],
    ["the close", { method: "PATCH", path: "jobs/ingest" }],
    ["a look", { method: "GET", path: "jobs/ingest" }],
    ["the results", { method: "GET", path: "successfulResults" }],
  ] as const) {
    for (const when of ["before", "during", "after"] as const) {
      it(`inserts each row once when the connection breaks ${when} ${what}`, async () => {
        org.control.resetConnections({ ...fault, when });
        const error = await run(newLoad(), cases(50)).catch((thrown: unknown) => thrown as { scope: string });
        if ("result" in (error as object)) assert.fail("the fault did not strike");
        assert.equal((error as { scope: string }).scope, "system");
        const { result } = await run(newLoad(), cases(50));
        assert.equal(result.success, true);
        assert.equal(subjects().length, 50);
      });
    }
  }

  it("continues the same job after a timeout and a restart", async () => {
    org.control.bulkFault({ kind: "hang", after: 20 });
    const error = await run(newLoad({ timeout: 30 }), cases(50)).catch((thrown: unknown) => thrown as { code: string; details: { jobId: string } });
    assert.ok("code" in error);
    assert.equal(error.code, "JOB_UNFINISHED");
    org.control.releaseJobs();
    const { result } = await run(newLoad(), cases(50));
    assert.equal(result.jobId, error.details.jobId);
    assert.equal(jobsMade(), 1);
    assert.equal(subjects().length, 50);
  });

  it("does not insert rows again whose message comes again after it went on, but does when they are another message's", async () => {
    await run(newLoad(), cases(3), { identity: "m1" });
    assert.equal((await run(newLoad(), cases(3), { identity: "m1" })).result.repeated, true);
    assert.equal(subjects().length, 3);
    assert.equal((await run(newLoad(), cases(3), { identity: "m2" })).result.repeated, false);
    await run(newLoad(), cases(3), { identity: "m2", mayRepeat: false });
    assert.equal(subjects().length, 9);
  });

  it("inserts what it has inserted into another org: who tests in a sandbox first wants it", async () => {
    await run(newLoad(), cases(5));
    org = await orgs.start();
    client = orgs.client(clientCredentials(org));
    const { result } = await run(newLoad(), cases(5));
    assert.deepEqual([result.repeated, result.success, subjects().length], [false, true, 5]);
  });

  it("writes an upsert again whose values have been others in between", async () => {
    const load = (): BulkLoad => newLoad({ request: { operation: "upsert", externalIdFieldName: EXTERNAL_ID } });
    const row = (Subject: string): object[] => [{ [EXTERNAL_ID]: "a", Subject }];
    for (const subject of ["one", "two", "one"]) await run(load(), row(subject));
    assert.deepEqual(subjects(), ["one"]);
    assert.equal(jobsMade(), 3);
  });

  it("gives a further job only the rows that failed, when their message comes again", async () => {
    org.control.addRule({ object: "Case", condition: "Subject = 'case 7'", message: "not now", times: 1 });
    assert.match((await run(newLoad(), cases(20))).error?.message ?? "", /row 8: FIELD_CUSTOM_VALIDATION_EXCEPTION: not now/);
    const { result, error } = await run(newLoad(), cases(20));
    assert.equal(error, undefined);
    assert.equal(result.success, true);
    assert.equal(jobsMade(), 2);
    assert.equal(subjects().length, 20);
  });

  it("gives rows that were locked to a further job at once", async () => {
    const ids = org.control.insert({ object: "Case", records: [{ Subject: "a" }, { Subject: "b" }] }).ids;
    org.control.lockRecord({ id: ids[1] as string, times: 1 });
    const { result } = await run(newLoad({ request: { operation: "update" } }), ids.map((Id) => ({ Id, Subject: "new" })));
    assert.equal(result.success, true);
    assert.deepEqual(subjects(), ["new", "new"]);
    assert.equal(jobsMade(), 2);
  });

  it("tells why a job failed and was aborted, which rows it had done, and loads the others when they come again", async () => {
    org.control.bulkFault({ kind: "fail", after: 4, message: "InvalidBatch : out of order" });
    const first = await run(newLoad(), cases(10));
    assert.deepEqual([first.result.processed, first.result.unprocessed], [4, 6]);
    assert.match(first.error?.message ?? "", /6 of 10 rows are not in the org.* failed: InvalidBatch : out of order/);
    assert.deepEqual([first.error?.code, first.error?.retryable], ["ORG_REFUSED", false]);
    assert.equal(first.failures[0]?.errors[0]?.statusCode, "UNPROCESSED");
    org.control.bulkFault({ kind: "hang", after: 2 });
    const second = run(newLoad(), cases(10), {
      onProgress: (processed) => {
        if (processed === 6) void new BulkJobs(client.rest).getAllJobInfo().then(([job]) => new BulkJobs(client.rest).abortJob(String(job?.id)));
      },
    });
    assert.match((await second).error?.message ?? "", /4 of 10 rows .* was aborted/);
    org.control.releaseJobs();
    assert.equal((await run(newLoad(), cases(10))).result.success, true);
    assert.deepEqual(subjects().sort(), cases(10).map((one) => (one as { Subject: string }).Subject));
  });

  it("gives the rows of a job that the org itself has failed to another one, and is worth a retry when that does not help", async () => {
    org.control.bulkFault({ kind: "fail", after: 4, message: "InternalServerError : Retried more than ten times" });
    assert.equal((await run(newLoad(), cases(10))).result.success, true);
    org.control.bulkFault({ kind: "fail", count: 4, message: "TooManyLockFailure : Too many lock failure" });
    const { error } = await run(newLoad(), cases(30, { Origin: "Web" }));
    assert.deepEqual([error?.code, error?.retryable], ["ORG_BUSY", true]);
    assert.equal((await run(newLoad(), cases(30, { Origin: "Web" }))).result.success, true);
    assert.equal(org.records("Case").length, 40);
  });

  it("gives a row that another client has made meanwhile to another job, which updates it", async () => {
    org.control.addRule({ object: "Case", condition: "Subject = 'case 1'", errorCode: "DUPLICATE_VALUE", message: `duplicate value found: ${EXTERNAL_ID} duplicates value on record with id: 500000000000001AAA`, times: 1 });
    const rows = cases(3).map((one, index) => ({ ...one, [EXTERNAL_ID]: `e${index}` }));
    const { result } = await run(newLoad({ request: { operation: "upsert", externalIdFieldName: EXTERNAL_ID } }), rows);
    assert.deepEqual([result.success, org.records("Case").length, jobsMade()], [true, 3, 2]);
  });

  it("waits for the day's batches and jobs when they are used up, and then loads what is missing", async () => {
    const isLimit = (error: ConnectorError): boolean => error.code === "ORG_LIMIT" && error.scope === "system" && Number(error.details.retryAfter) >= 60_000;
    org.control.bulkFault({ kind: "fail", after: 4, message: "ExceededQuota : ApiBatchItems Limit exceeded." });
    await assert.rejects(run(newLoad(), cases(10)), isLimit);
    assert.equal(org.records("Case").length, 4);
    org.control.setLimit({ name: "DailyBulkApiBatches", used: 15_000 });
    await assert.rejects(run(newLoad(), cases(10)), isLimit);
    org.control.setLimit({ name: "DailyBulkApiBatches", used: 0 });
    assert.equal((await run(newLoad(), cases(10))).result.success, true);
    assert.deepEqual(subjects().sort(), cases(10).map((one) => (one as { Subject: string }).Subject));
    org.control.setLimit({ name: "DailyBulkV2QueryJobs", used: 10_000 });
    await assert.rejects(new BulkJobs(client.rest).createQueryJob({ query: "SELECT Id FROM Case", operation: "query" }), isLimit);
  });

  it("inserts no row a second time by itself when the org has failed its job and has no result for all that it worked on", async () => {
    org.control.bulkFault({ kind: "fail", after: 4, message: "InternalServerError : Retried more than ten times" });
    org.control.failNext({ status: 204, html: "", method: "GET", path: "/successfulResults" });
    const { error } = await run(newLoad(), cases(10));
    assert.deepEqual([error?.code, error?.retryable], ["ORG_REFUSED", false]);
    assert.deepEqual([org.records("Case").length, jobsMade()], [4, 1]);
  });

  it("holds every message, and makes no dead letters, when the org takes no job of these settings", async () => {
    for (const request of [{ operation: "upsert", externalIdFieldName: "Nothing__c" }, { assignmentRuleId: "Standard" }, { object: "Nothing__c" }] as const) {
      await assert.rejects(run(newLoad({ request }), cases(1)), (error: ConnectorError) => {
        assert.match(error.code, /^(NOT_CONFIGURED|ORG_OBJECT_UNKNOWN)$/);
        assert.deepEqual([error.scope, error.details.retryAfter], ["system", 60_000], "each try is a call of the day's");
        return true;
      });
    }
  });

  it("is worth a retry when nothing but a lock keeps the org from making its job", async () => {
    org.control.failNext({ status: 400, errorCode: "UNABLE_TO_LOCK_ROW", message: "unable to obtain exclusive access", method: "POST", path: "/jobs/ingest" });
    await assert.rejects(run(newLoad(), cases(1)), { code: "ORG_BUSY", scope: "message", retryable: true });
  });

  it("does not insert again on its own when its job is gone", async () => {
    org.control.bulkFault({ kind: "hang" });
    await assert.rejects(run(newLoad({ timeout: 20 }), cases(2)), { code: "JOB_UNFINISHED" });
    org.control.releaseJobs();
    const jobs = new BulkJobs(client.rest);
    const [job] = await jobs.getAllJobInfo();
    await waitFor("the job", async () => (await jobs.getJobInfo(String(job?.id))).state === "JobComplete");
    await jobs.deleteJob(String(job?.id));
    await assert.rejects(run(newLoad(), cases(2)), { code: "ORG_REFUSED", retryable: false, message: /whether its rows were inserted is not known/ });
    assert.equal(subjects().length, 2);
  });

  it("goes on in the org when the flow stops", async () => {
    org.control.bulkFault({ kind: "hang" });
    const running = run(newLoad(), cases(2), { onProgress: () => stop.abort() });
    await assert.rejects(running, { code: "FLOW_STOPPED", message: /goes on/ });
    org.control.releaseJobs();
    stop = new AbortController();
    await run(newLoad(), cases(2));
    assert.equal(subjects().length, 2);
  });

  it("leaves its stored state to the next node once it is stopped", async () => {
    org.control.slow({ path: "batches", ms: 100 });
    const old = run(newLoad(), cases(20)).catch((thrown: unknown) => thrown);
    await waitFor("the upload", () => jobsMade() === 1);
    stop.abort();
    stop = new AbortController();
    const [first, { result }] = await Promise.all([old, run(newLoad(), cases(20))]);
    assert.equal((first as { code: string }).code, "FLOW_STOPPED");
    assert.equal(result.success, true);
    assert.equal((await run(newLoad(), cases(20))).result.jobId, result.jobId);
    assert.equal(subjects().length, 20);
  });

  it("renews its token once while it polls", async () => {
    org.control.bulkFault({ kind: "hang" });
    let looks = 0;
    const { result } = await run(newLoad(), cases(2), {
      onProgress: () => {
        looks += 1;
        if (looks === 2) org.control.expireTokens();
        if (looks === 4) org.control.releaseJobs();
      },
    });
    assert.equal(result.success, true);
    assert.equal(org.control.stats().logins, 2);
  });
});
