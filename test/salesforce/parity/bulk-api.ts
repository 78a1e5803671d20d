import assert from "node:assert/strict";
import type { Answered, Connector, Operation } from "./operation";
import type { World } from "./world";

const NO_JOB = "750000000000001AAA";
const unknown = () => ({ msg: { salesforce: { jobId: NO_JOB } }, error: /The org has no job/ });
const idOf = ({ salesforce }: Answered): string => String(salesforce?.jobId);
const byId = "`msg.salesforce.jobId`";

/** A command for a job that is there. */
function command(name: string, settings: Operation["settings"], gives: string, make: (world: World) => Promise<string>, check: (world: World, id: string, answer: Answered) => void | Promise<void>): Operation {
  return {
    name,
    node: "bulk",
    settings,
    takes: byId,
    gives,
    good: async (world) => {
      const jobId = await make(world);
      return { msg: { salesforce: { jobId } }, check: (answer) => check(world, jobId, answer) };
    },
    bad: unknown,
  };
}

/** Keeps a job from running while something is done to it. */
async function waiting<T>(world: World, work: () => Promise<T>): Promise<T> {
  world.org.control.bulkPace({ start: 60_000 });
  try {
    return await work();
  } finally {
    world.org.control.bulkPace({ start: 0 });
  }
}

const state = (answer: Answered, expected: string): void => assert.equal(answer.salesforce?.state, expected);
const rowsOf = ({ payload }: Answered): Record<string, string>[] => payload as unknown as Record<string, string>[];

const INGEST: Operation[] = [
  {
    name: "createJob",
    node: "bulk",
    settings: { operation: "createJob", jobType: "ingest", jobOperation: "insert", object: "Case" },
    takes: "nothing",
    gives: "`msg.salesforce.jobId`, the job in `msg.payload`",
    good: (world) => ({ msg: {}, check: async (answer) => assert.equal((await world.api<{ state: string }>("GET", `/jobs/ingest/${idOf(answer)}`)).state, "Open") }),
  },
  {
    name: "uploadJobData",
    node: "bulk",
    settings: { operation: "uploadData" },
    takes: `${byId}, rows or CSV in \`msg.payload\``,
    gives: "rows uploaded in `msg.salesforce.rows`",
    good: async (world) => {
      const jobId = await world.openJob();
      return {
        msg: { salesforce: { jobId }, payload: [{ Subject: world.unique("uploaded") }] },
        check: async () => {
          await world.api("PATCH", `/jobs/ingest/${jobId}`, { state: "UploadComplete" });
          assert.equal((await world.jobIn("ingest", jobId, "JobComplete")).numberRecordsProcessed, 1);
        },
      };
    },
    bad: () => ({ msg: { salesforce: { jobId: NO_JOB }, payload: [{ Subject: "a" }] }, error: unknown().error }),
  },
  command("closeJob", { operation: "closeJob" }, "state in `msg.salesforce.state`", async (world) => {
    const id = await world.openJob();
    await world.api("PUT", `/jobs/ingest/${id}/batches`, "Subject\nclosed\n", "text/csv");
    return id;
  }, async (world, id) => void (await world.jobIn("ingest", id, "JobComplete"))),
  command("abortJob", { operation: "abortJob" }, "state in `msg.salesforce.state`", (world) => world.openJob(), async (world, id, answer) => {
    state(answer, "Aborted");
    await world.jobIn("ingest", id, "Aborted");
  }),
  command("deleteJob", { operation: "deleteJob" }, "`msg.salesforce.jobId`", (world) => world.endedJob(), async (world, id) => {
    await assert.rejects(world.api("GET", `/jobs/ingest/${id}`), /404/);
  }),
  command("getJobInfo", { operation: "jobInfo" }, "the job in `msg.payload`", (world) => world.endedJob(), (_world, _id, answer) => {
    const { numberRecordsProcessed, numberRecordsFailed } = answer.payload as { numberRecordsProcessed: number; numberRecordsFailed: number };
    assert.deepEqual([numberRecordsProcessed, numberRecordsFailed], [2, 1]);
  }),
  {
    name: "getAllJobInfo",
    node: "bulk",
    settings: { operation: "jobs" },
    takes: "nothing",
    gives: "jobs in `msg.payload`",
    good: async (world) => {
      const id = await world.openJob();
      return { msg: {}, check: ({ payload }) => assert.ok((payload as { id: string }[]).some((job) => job.id === id)) };
    },
  },
  command("getSuccessfulResults", { operation: "successfulResults" }, "rows in `msg.payload`, with `sf__Id`", (world) => world.endedJob(), (world, _id, answer) => {
    const [row, ...others] = rowsOf(answer);
    assert.equal(others.length, 0);
    assert.equal(world.record("Case", row?.sf__Id ?? "")?.Subject, row?.Subject);
  }),
  command("getFailedResults", { operation: "failedResults" }, "rows in `msg.payload`, with `sf__Error`", (world) => world.endedJob(), (_world, _id, answer) => {
    assert.deepEqual(rowsOf(answer).map(({ Origin }) => Origin), ["Nowhere"]);
    assert.match(rowsOf(answer)[0]?.sf__Error ?? "", /INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST/);
  }),
  command("getUnprocessedResults", { operation: "unprocessedRecords" }, "rows in `msg.payload`", (world) => world.endedJob("Failed"), (_world, _id, answer) => {
    assert.deepEqual(rowsOf(answer).map(({ Origin }) => Origin), ["Web", "Nowhere"]);
  }),
];

const QUERY: Operation[] = [
  {
    name: "createQueryJob",
    node: "bulk",
    settings: { operation: "createJob", jobType: "query", jobOperation: "query", query: "SELECT Id FROM Case" },
    takes: "nothing",
    gives: "`msg.salesforce.jobId`, the job in `msg.payload`",
    good: (world) => ({ msg: {}, check: async (answer) => void (await world.jobIn("query", idOf(answer), "JobComplete")) }),
  },
  command("getQueryJobInfo", { operation: "jobInfo", jobType: "query" }, "the job in `msg.payload`", (world) => world.queryJob(), (_world, id, answer) => {
    assert.equal((answer.payload as { id: string }).id, id);
    state(answer, "JobComplete");
  }),
  {
    name: "getAllQueryJobInfo",
    node: "bulk",
    settings: { operation: "jobs", jobType: "query" },
    takes: "nothing",
    gives: "jobs in `msg.payload`",
    good: async (world) => {
      const id = await world.queryJob();
      return { msg: {}, check: ({ payload }) => assert.ok((payload as { id: string }[]).some((job) => job.id === id)) };
    },
  },
  command("getQueryJobResults", { operation: "queryResults", jobType: "query" }, "rows in `msg.payload`", async (world) => {
    world.insert("Case", { Subject: "asked for in bulk" });
    return world.queryJob();
  }, (_world, _id, answer) => assert.ok(rowsOf(answer).some(({ Subject }) => Subject === "asked for in bulk"))),
  command("abortQueryJob", { operation: "abortJob", jobType: "query" }, "state in `msg.salesforce.state`", (world) => waiting(world, () => world.queryJob("UploadComplete")), async (world, id, answer) => {
    state(answer, "Aborted");
    await world.jobIn("query", id, "Aborted");
  }),
  command("deleteQueryJob", { operation: "deleteJob", jobType: "query" }, "`msg.salesforce.jobId`", (world) => world.queryJob(), async (world, id) => {
    await assert.rejects(world.api("GET", `/jobs/query/${id}`), /404/);
  }),
];

/** Bulk API 2.0, call by call. */
export const BULK_API: Connector = {
  title: "Bulk API 2.0",
  text: "Single calls, for flows that control a job themselves. Usually one node does everything: `operation` insert, update, upsert, delete or hardDelete takes rows, creates the job, waits for it and returns a result for each row; query and queryAll send rows; resume continues a job.",
  operations: [...INGEST, ...QUERY],
};
