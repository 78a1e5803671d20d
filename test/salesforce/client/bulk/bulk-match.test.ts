import assert from "node:assert/strict";
import { MemoryStore } from "../../../../nodes/common/memory-store";
import { JobBook } from "../../../../nodes/salesforce/client/bulk/bulk-book";
import { bulkInput } from "../../../../nodes/salesforce/client/bulk/bulk-input";
import { type BulkJobs, type JobInfo, type OnRow } from "../../../../nodes/salesforce/client/bulk/bulk-jobs";
import { BulkLoader } from "../../../../nodes/salesforce/client/bulk/bulk-loader";
import { partsOf } from "../../../../nodes/salesforce/client/bulk/bulk-parts";

const STYLE = { delimiter: ",", newline: "\n" };

/** What each row gets of an org that has stored all, and gives their values back as it likes. */
async function idsOf(rows: Record<string, string>[], lines: string[][]): Promise<string[]> {
  const job: JobInfo = { id: "750", state: "JobComplete", numberRecordsProcessed: rows.length, numberRecordsFailed: 0 };
  const told = (): Promise<JobInfo> => Promise.resolve(job);
  const jobs = {
    ...{ createJob: told, closeJob: told, getJobInfo: told, uploadJobData: () => Promise.resolve() },
    getSuccessfulResults: (_job: unknown, onRow: OnRow) => {
      const columns = ["sf__Id", "sf__Created", ...Object.keys(rows[0] ?? {})];
      lines.forEach((line, index) => onRow([`id${index}`, "true", ...line], columns));
      return Promise.resolve();
    },
  } as unknown as BulkJobs;
  const poll = { interval: 1, timeout: 0, signal: new AbortController().signal };
  const loader = new BulkLoader({ jobs, names: { spelled: (_object, columns) => Promise.resolve(columns) }, book: new JobBook(new MemoryStore(), "bulk"), request: { object: "Case", operation: "insert" }, style: STYLE, poll });
  const part = (await partsOf(bulkInput(rows, false, ","), STYLE, { rows: 100, bytes: 1e6 }).next()).value;
  const results = await loader.load("key", part || assert.fail());
  return results.map((one) => (one.ok ? one.id : one.error.message));
}

describe("The result of a bulk row", () => {
  it("is found though the org gives its blanks and line ends back in another way", async () => {
    const rows = [{ A: " a ", B: "1\r\n2" }, { A: "a", B: "1\n2" }, { A: "b\t", B: "" }];
    assert.deepEqual(await idsOf(rows, [["b", ""], ["a", "1\n2"], ["a", "1\n2"]]), ["id2", "id1", "id0"]);
  });

  it("is found for a text that was cut within a character, which no upload can carry as it is", async () => {
    assert.deepEqual(await idsOf([{ A: "cut \ud83d", B: "x" }], [["cut \ufffd", "x"]]), ["id0"]);
  });

  it("is that of the row that is the same to the letter, if there is one", async () => {
    const rows = [{ A: "a ", B: "x" }, { A: "a", B: "x" }];
    assert.deepEqual(await idsOf(rows, [["a", "x"], ["a ", "x"]]), ["id1", "id0"]);
  });

  it("is no other row's", async () => {
    assert.match((await idsOf([{ A: "a", B: "x" }], [["A", "x"]]))[0] ?? "", /complete, but has no result for this row/);
  });
});
