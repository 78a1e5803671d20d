import assert from "node:assert/strict";
import { MemoryStore } from "../../../../nodes/common/memory-store";
import { ConnectorError } from "../../../../nodes/common/errors";
import { contentKey, JobBook } from "../../../../nodes/salesforce/client/bulk/bulk-book";
import type { BulkJobs, QueryPage } from "../../../../nodes/salesforce/client/bulk/bulk-jobs";
import { BulkPages, BulkQuery } from "../../../../nodes/salesforce/client/bulk/bulk-query";
import { callError } from "../../../../nodes/salesforce/client/errors";
import { Suspicion } from "../../../../nodes/salesforce/client/suspicion";

describe("The rows of a bulk query", () => {
  /** Rows of which one answer can hold three, by number. */
  function pagesOf(count: number, most: number, pageSize: number): { pages: BulkPages; asked: number[] } {
    const asked: number[] = [];
    const getQueryJobResults = (_job: unknown, { locator = "0", maxRecords = 0 }: { locator?: string; maxRecords?: number }): Promise<QueryPage> => {
      asked.push(maxRecords);
      const from = Number(locator);
      const rows = Array.from({ length: Math.min(maxRecords, count - from) }, (_, index) => [String(from + index)]);
      if (rows.length > most) return Promise.reject(new ConnectorError("PAYLOAD_TOO_LARGE", "the answer is larger than 67108864 bytes"));
      return Promise.resolve({ columns: ["Id"], rows, ...(from + rows.length < count ? { locator: String(from + rows.length) } : {}) });
    };
    const jobs = { getQueryJobResults } as unknown as BulkJobs;
    return { pages: new BulkPages(jobs, { id: "750", state: "JobComplete", numberRecordsProcessed: count }, pageSize), asked };
  }

  it("are asked for in smaller pages when they are too long for one answer", async () => {
    const { pages, asked } = pagesOf(7, 3, 10);
    const found: unknown[] = [];
    for (let page = await pages.next(); page; page = await pages.next()) found.push(...page.map(({ Id }) => Number(Id)));
    assert.deepEqual(found, [0, 1, 2, 3, 4, 5, 6]);
    assert.deepEqual(asked, [10, 5, 3, 3, 3]);
  });

  const broken = (): ConnectorError => new ConnectorError("ORG_UNAVAILABLE", "h broke the connection", { details: { network: "ECONNRESET" } });

  it("of which a page never comes fail by themselves while others get through", async () => {
    const jobs = { getQueryJobResults: () => Promise.reject(broken()) } as unknown as BulkJobs;
    for (const [othersGetThrough, last] of [[true, "message"], [false, "system"]] as const) {
      const suspicion = new Suspicion();
      const pages = new BulkPages(jobs, { id: "750", state: "JobComplete" }, 10, (subject, ask) => suspicion.guarded(subject, ask, () => Promise.resolve(othersGetThrough)));
      const scopes: string[] = [];
      for (let tries = 0; tries < 5; tries += 1) await pages.next().catch((error: unknown) => scopes.push((error as ConnectorError).scope));
      assert.deepEqual(scopes, ["system", "system", "system", "system", last]);
    }
  });

  it("fail when a single one is", async () => {
    await assert.rejects(pagesOf(2, 0, 4).pages.next(), { code: "PAYLOAD_TOO_LARGE" });
  });

  it("are those of a job that is there already and whose rows nobody has asked for, as when its message was tried again meanwhile", async () => {
    let made = 0;
    const jobs = {
      createQueryJob: () => Promise.resolve({ id: `750${(made += 1)}`, state: "UploadComplete" }),
      getQueryJobInfo: (id: string) => Promise.resolve({ id, state: "JobComplete", numberRecordsProcessed: 1 }),
      getQueryJobResults: ({ id }: { id: string }) => Promise.resolve({ columns: ["Id"], rows: [[id]] }),
    } as unknown as BulkJobs;
    const query = new BulkQuery({ jobs, book: new JobBook(new MemoryStore(), "bulk"), poll: { interval: 1, timeout: 1_000, signal: new AbortController().signal } });
    const request = { operation: "query", query: "SELECT Id FROM Case", columnDelimiter: ",", lineEnding: "\n" } as never;
    await (await query.run(request)).close();
    assert.deepEqual(await (await query.run(request)).next(), [{ Id: "7501" }]);
    assert.deepEqual(await (await query.run(request)).next(), [{ Id: "7502" }]);
  });

  it("are waited for when the day's batches are used up, and are those of another job then", async () => {
    let made = 0;
    const jobs = {
      createQueryJob: () => Promise.resolve({ id: `750${(made += 1)}`, state: "UploadComplete" }),
      getQueryJobInfo: (id: string) => Promise.resolve(made === 1 ? { id, state: "Failed", errorMessage: "ExceededQuota : ApiBatchItems Limit exceeded." } : { id, state: "JobComplete", numberRecordsProcessed: 1 }),
      getQueryJobResults: ({ id }: { id: string }) => Promise.resolve({ columns: ["Id"], rows: [[id]] }),
    } as unknown as BulkJobs;
    const query = new BulkQuery({ jobs, book: new JobBook(new MemoryStore(), "bulk"), poll: { interval: 1, timeout: 1_000, signal: new AbortController().signal } });
    const request = { operation: "query", query: "SELECT Id FROM Case", columnDelimiter: "COMMA", lineEnding: "LF" } as const;
    await assert.rejects(query.run(request), { code: "ORG_LIMIT", scope: "system" });
    assert.deepEqual(await (await query.run(request)).next(), [{ Id: "7502" }]);
  });

  for (const [status, errorCode] of [[404, "NOT_FOUND"], [409, "API_VERSION_MISMATCH"]] as const) {
    it(`are those of a new job when the one from before cannot be taken up any more (${errorCode})`, async () => {
      let made = 0;
      const refused = (id: string): unknown => Promise.reject(new ConnectorError("ORG_REFUSED", id, { details: { status, errorCode } }));
      const jobs = {
        createQueryJob: () => Promise.resolve({ id: `750${(made += 1)}`, state: "UploadComplete" }),
        getQueryJobInfo: (id: string) => (made === 1 ? refused(id) : Promise.resolve({ id, state: "JobComplete", numberRecordsProcessed: 1 })),
        getQueryJobResults: ({ id }: { id: string }) => Promise.resolve({ columns: ["Id"], rows: [[id]] }),
      } as unknown as BulkJobs;
      const book = new JobBook(new MemoryStore(), "bulk");
      const query = new BulkQuery({ jobs, book, poll: { interval: 1, timeout: 1_000, signal: new AbortController().signal } });
      const request = { operation: "query", query: "SELECT Id FROM Case", columnDelimiter: "COMMA", lineEnding: "LF" } as const;
      await assert.rejects(query.run(request), { scope: "message" }, "a job that was made just now");
      made = 1;
      await book.put(contentKey("query", "query", "COMMA", "LF", request.query), { at: Date.now(), jobs: ["7501"] });
      assert.deepEqual(await (await query.run(request)).next(), [{ Id: "7502" }]);
    });
  }

  describe("whose job is asked about again and again", () => {
    const request = { operation: "query", query: "SELECT Id FROM Case", columnDelimiter: ",", lineEnding: "\n" } as never;
    let made = 0;
    /** A query that others get through beside, of a job that looks give so. */
    const queryBy = (getQueryJobInfo: (id: string) => Promise<unknown>): BulkQuery => {
      const suspicion = new Suspicion();
      const jobs = { createQueryJob: () => Promise.resolve({ id: `750${(made += 1)}`, state: "UploadComplete" }), getQueryJobInfo } as unknown as BulkJobs;
      return new BulkQuery({
        jobs,
        guarded: (subject, ask) => suspicion.guarded(subject, ask, () => Promise.resolve(true)),
        book: new JobBook(new MemoryStore(), "bulk"),
        poll: { interval: 1, timeout: 10_000, signal: new AbortController().signal },
      });
    };
    beforeEach(() => (made = 0));

    it("are waited for however often the org is away meanwhile, as long as it tells in between", async () => {
      let looks = 0;
      const query = queryBy((id) => ((looks += 1) % 2 === 0 ? Promise.reject(broken()) : Promise.resolve({ id, state: looks > 20 ? "JobComplete" : "InProgress" })));
      const subject = {};
      for (let tries = 0; tries < 10; tries += 1) await assert.rejects(query.run(request, subject), { scope: "system" });
      assert.equal((await query.run(request, subject)).job.id, "7501");
    });

    it("fail by themselves where it never tells, and the job is taken up by whoever asks again", async () => {
      let isBlocked = true;
      const query = queryBy((id) => (isBlocked ? Promise.reject(callError({ status: 403, headers: {}, body: "<html>blocked</html>" })) : Promise.resolve({ id, state: "JobComplete" })));
      const subject = {};
      for (let tries = 0; tries < 4; tries += 1) await assert.rejects(query.run(request, subject), { scope: "system" });
      await assert.rejects(query.run(request, subject), { code: "ORG_REFUSED", scope: "message", retryable: true });
      isBlocked = false;
      assert.equal((await query.run(request)).job.id, "7501");
    });
  });
});
