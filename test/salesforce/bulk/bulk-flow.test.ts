import assert from "node:assert/strict";
import path from "node:path";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET, type Emulator } from "../../../emulator/src/index";
import { Runtime, type FlowNodeConfig } from "../../services/runtime";
import { held, theSource as trigger } from "../../services/test-nodes/test-nodes";
import { remains, waitShortly as waitFor } from "../../services/wait";
import { EXTERNAL_ID, Orgs } from "../support";

const runtime = new Runtime({ nodesDir: ["test-nodes", "salesforce-nodes"].map((folder) => path.join(__dirname, "../../services", folder)) });

const source = (more: object = {}): FlowNodeConfig => ({ id: "source", type: "test-source", retries: 0, wires: [["bulk"]], ...more });
const hold = (id: string): FlowNodeConfig => ({ id, type: "test-hold", wires: [[]] });

interface Salesforce {
  jobId: string;
  jobs: string[];
  state?: string;
  success: boolean;
  rows: number;
  processed: number;
  failed: number;
  unprocessed: number;
  repeated: boolean;
  created: boolean;
  id: string;
  totalSize?: number;
  results: { row: number; id: string | null; success: boolean; errors: { statusCode: string }[]; fields?: object }[];
}
type Passed = { payload: unknown; salesforce: Salesforce; parts?: { index: number; count?: number } };

/** Bytes in use after a collection. */
function heap(): number {
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
  return process.memoryUsage().heapUsed;
}

const settlements = () => trigger().settled.map(({ settlement }) => settlement);
const outcomes = (): string[] => settlements().map(({ outcome }) => outcome);
const ends = (count = 1): Promise<unknown> => waitFor(`${count} ends`, () => outcomes().length >= count);
const passed = (index = 0): Passed => held[index]?.msg as unknown as Passed;
const cases = (count: number, more: object = {}): Record<string, unknown>[] => Array.from({ length: count }, (_, index) => ({ Subject: `case ${index}`, ...more }));

describe("salesforce bulk in a flow", function () {
  this.timeout(60_000);
  const orgs = new Orgs();
  let org: Emulator;
  let count = 0;

  before(() => runtime.start());
  beforeEach(async () => {
    org = await orgs.start();
    count += 1;
  });
  afterEach(async () => {
    org.control.releaseJobs();
    await runtime.deploy([]);
    await orgs.stop();
  });
  after(() => runtime.stop());

  /** What a node remembers is its own: each test has a node of its own, and a redeploy in a test has the same again. */
  const flow = (more: object, nodes: FlowNodeConfig[], from: object = {}): FlowNodeConfig[] => [
    source({ wires: [[`bulk${count}`]], ...from }),
    { id: "org", type: "surewire-salesforce-org", z: "tab", loginUrl: org.url, flow: "client-credentials", credentials: { clientId: DEFAULT_CLIENT_ID, clientSecret: DEFAULT_CLIENT_SECRET } },
    { id: `bulk${count}`, type: "surewire-salesforce-bulk", org: "org", object: "Case", pollInterval: 10, linger: 20, retries: 0, retryDelay: 10, retryMaxDelay: 10, wires: nodes.map(({ id }) => [id]), ...more },
    ...nodes,
  ];
  const deploy = (more: object, ...nodes: FlowNodeConfig[]): Promise<void> => runtime.fresh(flow(more, nodes));

  /** Sends a message, and gives the one that came out of the first output. */
  async function ask(payload: unknown): Promise<Passed> {
    const bad = (): number => outcomes().filter((outcome) => outcome !== "accept").length;
    const [before, failed] = [held.length, bad()];
    trigger().take(payload);
    await waitFor("an answer", () => held.length > before || bad() > failed);
    assert.ok(held[before], `failed: ${settlements().at(-1)?.error?.message}`);
    held[before]?.go();
    return passed(before);
  }

  const subjects = (): unknown[] => org.records("Case").map((one) => one.Subject);
  const ids = (): string[] => org.records("Case").map((one) => one.Id);
  const calls = (kind: string): number => org.control.stats().byKind[kind] ?? 0;

  describe("loading rows", () => {
    it("inserts a list, and passes the message on with the result of each row, when the flow is done", async () => {
      await deploy({}, hold("out"));
      trigger().take(cases(3));
      await waitFor("the message", () => held.length === 1);
      const { salesforce, payload } = passed();
      assert.deepEqual(payload, cases(3));
      assert.deepEqual([salesforce.success, salesforce.rows, salesforce.processed, salesforce.failed, salesforce.unprocessed], [true, 3, 3, 0, 0]);
      assert.deepEqual(salesforce.results.map(({ row, id, success }) => [row, id, success]), ids().map((id, row) => [row, id, true]));
      assert.match(salesforce.jobId, /^750/);
      assert.deepEqual(outcomes(), []);
      held[0]?.go();
      await ends();
      assert.deepEqual(outcomes(), ["accept"]);
    });

    it("updates, upserts, deletes and deletes for good", async () => {
      const [first, second] = org.control.insert({ object: "Case", records: [{ Subject: "a", [EXTERNAL_ID]: "x" }, { Subject: "b" }] }).ids;
      await deploy({ operation: "update" }, hold("out"));
      assert.equal((await ask([{ Id: first, Subject: "a2" }, { Id: second, Subject: null }])).salesforce.success, true);
      assert.deepEqual(subjects(), ["a2", null]);
      await deploy({ operation: "upsert", externalIdField: EXTERNAL_ID }, hold("out"));
      const { salesforce } = await ask([{ [EXTERNAL_ID]: "x", Subject: "a3" }, { [EXTERNAL_ID]: "y", Subject: "c" }]);
      assert.deepEqual(salesforce.results.map((one) => (one as unknown as { created: boolean }).created), [false, true]);
      await deploy({ operation: "delete" }, hold("out"));
      await ask([first]);
      assert.deepEqual(subjects(), [null, "c"]);
      await deploy({ operation: "hardDelete" }, hold("out"));
      await ask([{ Id: second }]);
      assert.deepEqual(subjects(), ["c"]);
    });

    it("takes CSV as text and as bytes, in its own dialect, from where it is told", async () => {
      await deploy({ columnDelimiter: "SEMICOLON", lineEnding: "CRLF", fields: "payload.file" }, hold("out"));
      await ask({ file: 'Subject;Origin\r\n"a;b";Web\r\n' });
      await ask({ file: Buffer.from("Subject\nGröße\n") });
      assert.deepEqual(subjects(), ["a;b", "Größe"]);
    });

    it("fails the message when rows are refused and nobody takes them, with every result on it", async () => {
      await runtime.fresh([
        ...flow({}, [hold("out")]),
        { id: "catch", type: "catch", scope: [`bulk${count}`], wires: [["caught"]] },
        hold("caught"),
      ]);
      trigger().take([...cases(2), { Subject: "bad", Origin: "Smoke" }]);
      await waitFor("the message", () => held.length === 1);
      const caught = passed() as Passed & { error: { code: string; message: string } };
      assert.equal(caught.error.code, "ORG_REFUSED");
      assert.match(caught.error.message, /1 of 3 rows are not in the org; the first is row 3: INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST/);
      assert.deepEqual(caught.salesforce.results.map(({ success }) => success), [true, true, false]);
      held[0]?.fail(new Error("no use"));
      await ends();
      assert.deepEqual([settlements()[0]?.outcome, settlements()[0]?.error?.code], ["dead-letter", "ORG_REFUSED"]);
    });

    it("gives refused rows to the second output, if there is one, with the reasons", async () => {
      await deploy({ failedOutput: true, results: "failed" }, hold("out"), hold("failed"));
      trigger().take([...cases(2), { Subject: "bad", Origin: "Smoke" }]);
      await waitFor("two messages", () => held.length === 2);
      assert.deepEqual(passed(0).salesforce.results.map(({ row }) => row), [2]);
      assert.deepEqual(passed(1).payload, [{ Subject: "bad", Origin: "Smoke" }]);
      assert.equal(passed(1).salesforce.results[0]?.errors[0]?.statusCode, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST");
      for (const one of held) one.go();
      await ends();
      assert.deepEqual(outcomes(), ["accept"]);
      await deploy({ failedOutput: true }, hold("out")); // and nobody behind the second
      trigger().take([{ Subject: "bad", Origin: "Smoke" }]);
      await ends();
      assert.deepEqual(outcomes(), ["dead-letter"]);
    });

    it("says what a message brings that is no row, and what the node lacks", async () => {
      await deploy({}, hold("out"));
      for (const payload of [5, [{ Subject: Buffer.from("a") }], "", [{ a: 1 }, 2]]) trigger().take(payload);
      await ends(4);

      assert.deepEqual(settlements().map(({ error }) => error?.code).sort(), ["FORMAT_INVALID", "INPUT_INVALID", "INPUT_INVALID", "INPUT_INVALID"]);
      await deploy({ object: "Foo__c" }, hold("out"));
      trigger().take(cases(1));
      await waitFor("the hold", () => trigger().events.some((event) => event.includes("Foo__c")));
      await deploy({ operation: "upsert" }, hold("out"));
      trigger().take(cases(1));
      await ends();
      assert.equal(settlements()[0]?.error?.code, "NOT_CONFIGURED");
    });

    it("gathers single rows into one job, by a sequence's end, a number or a time, and settles each by its own result", async () => {
      await runtime.fresh([
        ...flow({ linger: 60_000, batchSize: 50 }, [hold("out")], { wires: [["split"]] }),
        { id: "split", type: "split", arraySplt: 1, arraySpltType: "len", wires: [[`bulk${count}`]] },
      ]);
      trigger().take([...cases(9), { Subject: "bad", Origin: "Smoke" }]);
      await waitFor("nine messages", () => held.length === 9);
      assert.equal(calls("POST jobs/ingest"), 1);
      for (const one of held) {
        const { payload, salesforce } = one.msg as unknown as { payload: { Subject: string }; salesforce: Salesforce };
        assert.equal(org.records("Case").find(({ Id }) => Id === salesforce.id)?.Subject, payload.Subject);
        one.go();
      }
      await ends();
      assert.equal(settlements()[0]?.error?.code, "ORG_REFUSED", "the refused row fails the delivery it is of");
      await deploy({ linger: 300, batchSize: 4 }, hold("out"));
      for (const row of cases(10)) trigger().take(row);
      await waitFor("ten messages", () => held.length === 10);
      assert.equal(calls("POST jobs/ingest"), 4, "four and four are full, two wait for their time");
    });
  });

  describe("once", () => {
    it("takes up its job when flows are restarted in the middle, and inserts each row once", async () => {
      org.control.bulkFault({ kind: "hang", after: 20 });
      const nodes = flow({}, [hold("out")]);
      await runtime.fresh(nodes);
      trigger().take(cases(50));
      await waitFor("the job to be at work", () => calls("GET jobs/ingest/*") >= 3);
      await runtime.deploy(nodes);
      org.control.releaseJobs();
      const { salesforce } = await ask(cases(50));
      assert.equal(salesforce.success, true);
      assert.equal(calls("POST jobs/ingest"), 1);
      assert.equal(subjects().length, 50);
    });

    it("finds single rows in the job they were given to, in whatever company they come again", async () => {
      org.control.bulkFault({ kind: "hang", after: 3 });
      const nodes = flow({ batchSize: 6 }, [hold("out")]);
      await runtime.fresh(nodes);
      for (const row of cases(6)) trigger().take(row);
      await waitFor("the job to be at work", () => calls("GET jobs/ingest/*") >= 3);
      await runtime.deploy(nodes);
      org.control.releaseJobs();
      for (const row of [...cases(12)].reverse()) trigger().take(row);
      await waitFor("twelve messages", () => held.length === 12);
      assert.equal(subjects().length, 12);
      assert.equal(new Set(subjects()).size, 12);
      for (const one of held) {
        const { payload, salesforce } = one.msg as unknown as { payload: { Subject: string }; salesforce: Salesforce };
        assert.equal(org.records("Case").find(({ Id }) => Id === salesforce.id)?.Subject, payload.Subject);
      }
    });

    it("fails after its timeout with the job's id, and the same message takes the job up", async () => {
      org.control.bulkFault({ kind: "hang" });
      await deploy({ timeout: 50 }, hold("out"));
      trigger().take(cases(5));
      await ends();
      const { error } = settlements()[0] ?? {};
      assert.deepEqual([error?.code, error?.retryable], ["JOB_UNFINISHED", true]);
      org.control.releaseJobs();
      await deploy({}, hold("out"));
      const { salesforce } = await ask(cases(5));
      assert.equal(salesforce.jobId, error?.details.jobId);
      assert.equal(subjects().length, 5);
    });

    it("does not insert again when the flow fails behind it, and says so", async () => {
      await deploy({}, hold("out"));
      trigger().take(cases(5));
      await waitFor("the message", () => held.length === 1);
      held[0]?.fail(new Error("further down"));
      await ends();
      const { salesforce } = await ask(cases(5));
      assert.deepEqual([salesforce.repeated, salesforce.success, salesforce.results.length], [true, true, 5]);
      assert.equal(subjects().length, 5);
      await deploy({ identity: '"run 2"', identityType: "jsonata" }, hold("out"));
      assert.equal((await ask(cases(5))).salesforce.repeated, false);
      assert.equal(subjects().length, 10, "another message's rows are others");
    });

    it("waits for an org that is away while it polls, holds its source, and goes on with the same job", async () => {
      org.control.bulkFault({ kind: "hang" });
      await deploy({}, hold("out"));
      trigger().take(cases(5));
      await waitFor("the job to be at work", () => calls("GET jobs/ingest/*") >= 2);
      org.control.unavailable();
      await waitFor("the hold", () => trigger().events.some((event) => event.startsWith("hold")));
      org.control.clearFaults();
      org.control.expireTokens();
      org.control.releaseJobs();
      await waitFor("the message", () => held.length === 1);
      assert.equal(passed().salesforce.success, true);
      assert.equal(calls("POST jobs/ingest"), 1);
      assert.equal(subjects().length, 5);
      assert.equal(org.control.stats().logins, 2);
    });

    it("inserts each row once when the connection breaks in the middle", async () => {
      await deploy({}, hold("out"));
      org.control.resetConnections({ method: "PUT", when: "after" });
      org.control.resetConnections({ method: "PATCH", when: "after" });
      org.control.resetConnections({ path: "successfulResults", when: "during" });
      assert.equal((await ask(cases(20))).salesforce.success, true);
      assert.equal(subjects().length, 20);
    });
  });

  describe("querying", () => {
    const insert = (number: number): string[] => org.control.insert({ object: "Case", records: cases(number, { Origin: "Web" }) }).ids;
    const query = { operation: "query", query: "SELECT Subject, Owner.Name, ClosedDate FROM Case WHERE Origin = :origin ORDER BY Subject" };

    it("puts out rows one by one, in pages and as one list, with null for nothing", async () => {
      insert(5);
      await deploy({ ...query, output: "row" }, hold("out"));
      trigger().take({ origin: "Web" });
      await waitFor("five rows", () => held.length === 5);
      assert.deepEqual(passed().payload, { Subject: "case 0", "Owner.Name": "Integration", ClosedDate: null });
      assert.deepEqual(held.map((_, index) => passed(index).parts?.count), [undefined, undefined, undefined, undefined, 5]);
      assert.equal(passed().salesforce.totalSize, 5);
      for (const one of [...held]) one.go();
      await ends();
      assert.deepEqual(outcomes(), ["accept"]);
      await deploy({ ...query, output: "page", pageSize: 2 }, hold("out"));
      trigger().take({ origin: "Web" });
      await waitFor("three pages", () => held.length === 3);
      assert.deepEqual(held.map((_, index) => (passed(index).payload as unknown[]).length), [2, 2, 1]);
      for (const one of [...held]) one.go();
      await ends();
      await deploy({ ...query, output: "all" }, hold("out"));
      assert.equal(((await ask({ origin: "Web" })).payload as unknown[]).length, 5);
    });

    it("gives the next attempt what the org sent, whatever the flow has changed in place", async () => {
      insert(1);
      const func = `const { Subject } = msg.payload; msg.payload.Subject = "changed"; if (msg.delivery.attempt === 1) throw new Error("no"); msg.payload = Subject; return msg;`;
      await deploy({ ...query, output: "row", retries: 1, retryDelay: 10 }, { id: "change", type: "function", func, outputs: 1, wires: [["out"]] }, hold("out"));
      trigger().take({ origin: "Web" });
      await waitFor("the row", () => held.length === 1);
      assert.equal(passed().payload, "case 0");
    });

    it("reads deleted records too, and passes on a message that finds nothing", async () => {
      insert(1);
      await deploy({ operation: "query", query: "SELECT Id FROM Case WHERE Subject = 'none'", emptyOutput: true }, hold("out"), hold("none"));
      trigger().take("go");
      await waitFor("the message", () => held.length === 1);
      assert.equal(passed().payload, "go");
      await deploy({ operation: "queryAll", query: "SELECT Id FROM Case", output: "all" }, hold("out"));
      assert.equal(((await ask("go")).payload as unknown[]).length, 1);
    });

    it("hands over no more rows than may be in the flow", async () => {
      insert(50);
      await deploy({ ...query, output: "row", maxInFlight: 7 }, hold("out"));
      trigger().take({ origin: "Web" });
      await waitFor("seven rows", () => held.length === 7);
      await remains("seven rows", () => held.length === 7, 30);
      held[0]?.go();
      await waitFor("one more", () => held.length === 8);
      for (let gone = 1; outcomes().length === 0; await new Promise(setImmediate)) for (; gone < held.length; gone += 1) held[gone]?.go();
    });

    it("takes up its job after a timeout, and a job by its id", async () => {
      insert(3);
      org.control.bulkFault({ kind: "hang" });
      await deploy({ ...query, output: "all", timeout: 40 }, hold("out"));
      trigger().take({ origin: "Web" });
      await ends();
      const { error } = settlements()[0] ?? {};
      assert.equal(error?.code, "JOB_UNFINISHED");
      org.control.releaseJobs();
      await deploy({ ...query, output: "all" }, hold("out"));
      const { salesforce } = await ask({ origin: "Web" });
      assert.equal(salesforce.jobId, error?.details.jobId);
      assert.equal(calls("POST jobs/query"), 1);
      await deploy({ operation: "resume", jobType: "query", output: "all", jobId: "payload.job" }, hold("out"));
      assert.equal(((await ask({ job: salesforce.jobId })).payload as unknown[]).length, 3);
    });

    it("fails with the org's words, and goes on when the org is back", async () => {
      await deploy({ operation: "query", query: "SELECT Foo__c FROM Case" }, hold("out"));
      trigger().take("go");
      await ends();
      assert.match(settlements()[0]?.error?.message ?? "", /INVALID_FIELD/);
      insert(2);
      org.control.bulkFault({ kind: "fail", message: "InternalServerError : no" });
      await deploy({ ...query, output: "all" }, hold("out"));
      trigger().take({ origin: "Web" });
      await ends();
      assert.match(settlements()[0]?.error?.message ?? "", /failed: InternalServerError/);
      assert.deepEqual([settlements()[0]?.error?.code, settlements()[0]?.error?.retryable], ["ORG_BUSY", true]);
      org.control.resetConnections({ path: "results", when: "during" });
      org.control.failNext({ path: "jobs/query", method: "GET", status: 503, errorCode: "SERVER_UNAVAILABLE" });
      org.control.expireTokens();
      assert.equal(((await ask({ origin: "Web" })).payload as unknown[]).length, 2);
    });
  });

  describe("what is done to jobs", () => {
    const command = (operation: string, more: object = {}) => deploy({ operation, jobId: "payload.job", ...more }, hold("out"));
    const end = async (id: string, jobType = "ingest"): Promise<void> => {
      await command("jobInfo", { jobType });
      for (;;) if (((await ask({ job: id })).salesforce as unknown as { state: string }).state === "JobComplete") return;
    };

    it("makes an ingest job step by step, and reads its lists", async () => {
      await command("createJob", { jobOperation: "insert" });
      const { salesforce } = await ask("go");
      const job = salesforce.jobId;
      assert.equal(salesforce.state, "Open");
      await command("uploadData", { fields: "payload.rows" });
      assert.equal((await ask({ job, rows: [{ Subject: "a" }, { Subject: "b", Origin: "Smoke" }] })).salesforce.rows, 2);
      await command("closeJob");
      assert.equal((await ask({ job })).salesforce.state, "UploadComplete");
      await end(job);
      await command("jobs");
      assert.equal(((await ask("go")).payload as { id: string }[])[0]?.id, job);
      await command("successfulResults");
      assert.equal(((await ask({ job })).payload as Record<string, string>[])[0]?.Subject, "a");
      await command("failedResults");
      assert.match(((await ask({ job })).payload as Record<string, string>[])[0]?.sf__Error ?? "", /RESTRICTED_PICKLIST/);
      await command("unprocessedRecords");
      assert.deepEqual((await ask({ job })).payload, []);
      await deploy({ operation: "resume", jobId: "payload.job", failedOutput: true }, hold("out"), hold("failed"));
      const resumed = await ask({ job });
      assert.deepEqual([resumed.salesforce.processed, resumed.salesforce.failed, resumed.salesforce.success], [2, 1, false]);
      await waitFor("the refused row", () => held.length === 2);
      assert.deepEqual(passed(1).payload, [{ Subject: "b", Origin: "Smoke" }]);
      await command("resume");
      trigger().take({ job });
      await ends();
      assert.match(settlements()[0]?.error?.message ?? "", /^1 row of the job/);
      await command("deleteJob");
      await ask({ job });
      trigger().take({ job });
      await ends(2);
      assert.match(settlements()[1]?.error?.message ?? "", /no job/);
    });

    it("makes a query job step by step, reads and deletes it", async () => {
      org.control.insert({ object: "Case", records: cases(3) });
      await command("createJob", { jobType: "query", jobOperation: "query", query: "SELECT Subject FROM Case" });
      const job = (await ask("go")).salesforce.jobId;
      await end(job, "query");
      await command("jobs", { jobType: "query" });
      assert.equal(((await ask("go")).payload as { id: string }[])[0]?.id, job);
      await command("queryResults");
      assert.equal(((await ask({ job })).payload as unknown[]).length, 3);
      await command("queryResults", { maxRows: 2 });
      trigger().take({ job });
      await ends();
      assert.deepEqual([settlements()[0]?.error?.code, calls("GET jobs/query/*/results")], ["PAYLOAD_TOO_LARGE", 1]);
      await command("deleteJob", { jobType: "query" });
      await ask({ job });
      assert.equal(calls("DELETE jobs/query/*"), 1);
    });

    it("aborts jobs of both kinds, also when the answer is lost", async () => {
      org.control.bulkFault({ kind: "hang", count: 2 });
      org.control.insert({ object: "Case", records: cases(1) });
      await command("createJob", { jobOperation: "insert" });
      const ingest = (await ask("go")).salesforce.jobId;
      await command("createJob", { jobType: "query", jobOperation: "query", query: "SELECT Subject FROM Case" });
      const query = (await ask("go")).salesforce.jobId;
      await command("abortJob");
      org.control.resetConnections({ method: "PATCH", when: "after" });
      assert.equal((await ask({ job: ingest })).salesforce.state, "Aborted");
      trigger().take({ job: ingest });
      await ends(2);
      assert.match(settlements()[1]?.error?.message ?? "", /INVALIDJOBSTATE/, "no answer was lost this time");
      await command("abortJob", { jobType: "query" });
      assert.equal((await ask({ job: query })).salesforce.state, "Aborted");
      trigger().take({ job: "5001" });
      await ends(2);
      assert.equal(settlements()[1]?.error?.code, "INPUT_INVALID");
    });
  });

  it("loads and reads 20,000 rows at a steady heap", async () => {
    const rows = Array.from({ length: 20_000 }, (_, index) => ({ [EXTERNAL_ID]: `e${index}`, Subject: `case ${index}`, Description: "x".repeat(100), Origin: index % 1000 === 0 ? "Smoke" : "Web" }));
    await deploy({ operation: "upsert", externalIdField: EXTERNAL_ID, failedOutput: true, results: "failed", jobRows: 5_000 }, hold("out"), hold("failed"));
    trigger().take(rows);
    await waitFor("the answers", () => held.length === 2);
    assert.deepEqual([passed().salesforce.processed, passed().salesforce.failed, passed().salesforce.jobs.length], [20_000, 20, 4]);
    assert.deepEqual((passed(1).payload as { Subject: string }[]).map(({ Subject }) => Subject), Array.from({ length: 20 }, (_, index) => `case ${index * 1000}`));
    for (const one of [...held]) one.go();
    await ends();
    rows.length = 0;
    await deploy({ operation: "query", query: "SELECT Subject FROM Case", output: "page", pageSize: 1_000, maxInFlight: 2_000 }, hold("out"));
    const before = heap();
    trigger().take("go");
    const found = new Set<unknown>();
    for (let gone = 0; outcomes().length === 0; ) {
      await waitFor("a page", () => held.length > gone || outcomes().length > 0);
      assert.ok(held.length - gone <= 2, "two pages at once in the flow");
      for (const one of held.slice(gone)) {
        const { msg } = one as { msg: { payload: unknown } };
        for (const row of msg.payload as { Subject: string }[]) found.add(row.Subject);
        msg.payload = undefined;
        one.go();
      }
      gone = held.length;
    }
    assert.equal(found.size, 19_980);
    found.clear();
    const grown = (heap() - before) / 2 ** 20;
    assert.ok(grown < 12, `the heap has grown by ${grown.toFixed(1)} MB`); // the org in this process keeps the results of the job, as bytes
  });
});
