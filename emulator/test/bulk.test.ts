import assert from "node:assert/strict";
import { parse } from "csv-parse/sync";
import { startEmulator, type Emulator } from "../src/index";
import { Api, assertError, http, type Answer } from "./helpers";

const CSV = { "Content-Type": "text/csv" };

describe("Bulk API 2.0", () => {
  let emulator: Emulator;
  let api: Api;

  before(async () => {
    emulator = await startEmulator({
      schema: [{ name: "Account", fields: [{ name: "Number__c", type: "string", length: 20, externalId: true, unique: true }] }],
    });
  });
  beforeEach(async () => {
    emulator.control.reset();
    api = await Api.connect(emulator);
  });
  after(() => emulator.stop());

  async function create(body: Record<string, unknown> = {}): Promise<string> {
    const { status, body: job } = await api.send("POST", "/jobs/ingest", { object: "Case", operation: "insert", contentType: "CSV", ...body });
    assert.equal(status, 200, JSON.stringify(job));
    return job.id as string;
  }

  const upload = (id: string, csv: string): Promise<Answer> => api.send("PUT", `/jobs/ingest/${id}/batches`, csv, CSV);
  const setState = (id: string, state: string, type = "ingest"): Promise<Answer> => api.send("PATCH", `/jobs/${type}/${id}`, { state });

  async function end(id: string, type = "ingest"): Promise<Record<string, unknown>> {
    for (;;) {
      const { body } = await api.get(`/jobs/${type}/${id}`);
      if (["JobComplete", "Failed", "Aborted"].includes(body.state as string)) return body as Record<string, unknown>;
    }
  }

  async function load(csv: string, body: Record<string, unknown> = {}): Promise<{ id: string; job: Record<string, unknown> }> {
    const id = await create(body);
    assert.equal((await upload(id, csv)).status, 201);
    assert.equal((await setState(id, "UploadComplete")).status, 200);
    return { id, job: await end(id) };
  }

  async function results(id: string, name: string): Promise<Record<string, string>[]> {
    const { status, body, headers } = await api.get(`/jobs/ingest/${id}/${name}`);
    assert.equal(status, 200, JSON.stringify(body));
    assert.match(headers.get("content-type") ?? "", /^text\/csv/);
    return parse(body as string, { columns: true });
  }

  const subjects = () => emulator.records("Case").map((record) => record["Subject"]);

  describe("ingest", () => {
    it("goes from Open to JobComplete, and gives the results of each row, not in the order of the input", async () => {
      const { status, body } = await api.send("POST", "/jobs/ingest", { object: "case", operation: "insert" });
      assert.equal(status, 200);
      assert.match(body.id, /^750\w{15}$/);
      assert.equal(body.state, "Open");
      assert.equal(body.object, "Case");
      assert.equal(body.contentUrl, `services/data/v66.0/jobs/ingest/${body.id}/batches`);
      assert.equal(body.apiVersion, 66);
      const stored = await upload(body.id as string, "Subject,Origin\nfirst,Web\nsecond,Smoke\nthird,Web\n");
      assert.deepEqual([stored.status, stored.body], [201, ""]);
      assert.equal((await setState(body.id as string, "UploadComplete")).body.state, "UploadComplete");
      const job = await end(body.id as string);
      assert.deepEqual([job.state, job.numberRecordsProcessed, job.numberRecordsFailed], ["JobComplete", 3, 1]);
      assert.deepEqual(
        (await results(job.id as string, "successfulResults")).map((row) => [row["sf__Created"], row["Subject"], row["Origin"]]),
        [["true", "third", "Web"], ["true", "first", "Web"]],
      );
      const [failed] = await results(job.id as string, "failedResults");
      assert.equal(failed?.["sf__Id"], "");
      assert.match(failed?.["sf__Error"] ?? "", /^INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST:Case Origin: bad value .*:Origin --$/);
      assert.deepEqual(await results(job.id as string, "unprocessedrecords"), []);
    });

    it("reads quotes, line breaks, the delimiter and the line ending as they are declared", async () => {
      const { job } = await load('Subject;Description\r\n"a;""b""";"two\r\nlines"\r\n', { columnDelimiter: "SEMICOLON", lineEnding: "CRLF" });
      assert.equal(job.state, "JobComplete");
      const [record] = emulator.records("Case");
      assert.deepEqual([record?.["Subject"], record?.["Description"]], ['a;"b"', "two\r\nlines"]);
    });

    it("fails a job whose line ending, columns or encoding are not as they should be", async () => {
      const message = async (csv: string, body = {}): Promise<unknown> => (await load(csv, body)).job.errorMessage;
      assert.match(String(await message("Subject\r\na\r\n")), /LineEnding is invalid on user data. Current LineEnding setting is LF/);
      assert.equal(await message("Subject,Foo__c\na,b\n"), "InvalidBatch : Field name not found : Foo__c");
      assert.match(String(await message("Subject;Origin\na;b\n")), /Field name not found : Subject;Origin/);
      assert.match(String(await message("Subject,subject\na,b\n")), /Duplicate column/);
      assert.match(String(await message("Id,Subject\na,b\n", { operation: "delete" })), /must contain only ids/);
      assert.match(String(await message(`${"x".repeat(32_001)}\na\n`)), /header is longer/);
      assert.deepEqual(subjects(), []);
      const id = await create();
      const headers = { ...CSV, Authorization: `Bearer ${api.token}` };
      await http(`${emulator.url}${api.base}/jobs/ingest/${id}/batches`, { method: "PUT", headers, body: Buffer.from("Subject\nGröße\n", "latin1") });
      await setState(id, "UploadComplete");
      assert.match(String((await end(id)).errorMessage), /not UTF-8/);
    });

    it("leaves a field alone for an empty value, and clears it for #N/A", async () => {
      const id = await api.create("Case", { Subject: "old", Description: "old" });
      const { job } = await load(`Id,Subject,Description\n${id},,#N/A\n`, { operation: "update" });
      assert.equal(job.numberRecordsFailed, 0);
      const [record] = emulator.records("Case");
      assert.deepEqual([record?.["Subject"], record?.["Description"]], ["old", null]);
    });

    it("finds a parent by its external id", async () => {
      const account = await api.create("Account", { Name: "Acme", Number__c: "7" });
      await load("Subject,Account.Number__c\na,7\n");
      assert.equal(emulator.records("Case")[0]?.["AccountId"], account);
      assert.match(String((await load("Subject,Account.Name\na,b\n")).job.errorMessage), /Field name not found : Account.Name/);
    });

    it("writes columns that are not spelled as its own, and leaves them out of the results", async () => {
      await api.send("POST", "/sobjects/Account", { Name: "Acme", Number__c: "A-1" });
      const { id } = await load("subject,Origin,account.Number__c\none,Phone,A-1\n");
      assert.deepEqual(emulator.records("Case").map((record) => [record["Subject"], record["AccountId"]]), [["one", emulator.records("Account")[0]!["Id"]]]);
      assert.deepEqual((await results(id, "successfulResults")).map((row) => Object.keys(row)), [["sf__Id", "sf__Created", "Origin"]]);
    });

    it("upserts, and fails both rows of a chunk that share an external id", async () => {
      const options = { operation: "upsert", externalIdFieldName: "Device_Event_Id__c" };
      await api.create("Case", { Subject: "old", Device_Event_Id__c: "a" });
      const { id, job } = await load("Device_Event_Id__c,Subject\na,new\nb,made\nc,one\nC,two\n", options);
      assert.deepEqual([job.numberRecordsProcessed, job.numberRecordsFailed], [4, 2]);
      assert.deepEqual(subjects(), ["new", "made"]);
      assert.deepEqual((await results(id, "successfulResults")).map((row) => row["sf__Created"]), ["true", "false"]);
      assert.match((await results(id, "failedResults"))[0]?.["sf__Error"] ?? "", /^DUPLICATE_VALUE:Duplicate external id specified/);
    });

    it("deletes, into the recycle bin or for good", async () => {
      const ids = [await api.create("Case", {}), await api.create("Case", {})];
      await load(`Id\n${ids[0]}\n`, { operation: "delete" });
      await load(`Id\n${ids[1]}\n`, { operation: "hardDelete" });
      assert.deepEqual(subjects(), []);
    });

    it("fails a row whose record is locked", async () => {
      const id = await api.create("Case", { Subject: "old" });
      emulator.control.lockRecord({ id, times: 1 });
      const loaded = await load(`Id,Subject\n${id},new\n`, { operation: "update" });
      assert.match((await results(loaded.id, "failedResults"))[0]?.["sf__Error"] ?? "", /^UNABLE_TO_LOCK_ROW:/);
    });

    it("keeps the rows that an aborted job did not work on", async () => {
      emulator.control.bulkFault({ kind: "hang", after: 2 });
      const id = await create();
      await upload(id, "Subject\na\nb\nc\nd\n");
      await setState(id, "UploadComplete");
      await until(async () => (await api.get(`/jobs/ingest/${id}`)).body.numberRecordsProcessed === 2);
      assert.equal((await api.get(`/jobs/ingest/${id}`)).body.state, "InProgress");
      assertError(await api.get(`/jobs/ingest/${id}/successfulResults`), 400, "INVALIDJOBSTATE", /InProgress/);
      assertError(await api.send("DELETE", `/jobs/ingest/${id}`), 400, "INVALIDJOBSTATE", /InProgress/);
      assert.equal((await setState(id, "Aborted")).body.state, "Aborted");
      emulator.control.releaseJobs();
      assert.deepEqual((await results(id, "unprocessedrecords")).map((row) => row["Subject"]), ["c", "d"]);
      assert.equal((await results(id, "successfulResults")).length, 2);
      assert.deepEqual(subjects(), ["a", "b"]);
    });

    it("fails a job on command, with what it has written by then", async () => {
      emulator.control.bulkFault({ kind: "fail", after: 1, message: "InternalServerError : out of order" });
      const { id, job } = await load("Subject\na\nb\n");
      assert.deepEqual([job.state, job.errorMessage], ["Failed", "InternalServerError : out of order"]);
      assert.equal((await results(id, "successfulResults")).length, 1);
      assert.deepEqual((await results(id, "unprocessedrecords")).map((row) => row["Subject"]), ["b"]);
    });

    it("shows a job at work, as fast as it was told to be", async () => {
      emulator.control.bulkPace({ rows: 100, interval: 30 });
      const id = await create();
      await upload(id, `Subject\n${"a\n".repeat(1000)}`);
      await setState(id, "UploadComplete");
      const seen = new Set<number>();
      await until(async () => {
        const { body } = await api.get(`/jobs/ingest/${id}`);
        seen.add(body.numberRecordsProcessed as number);
        return body.state === "JobComplete";
      });
      assert.ok(seen.size > 2, [...seen].join());
      assert.equal(subjects().length, 1000);
    });

    it("takes data only once, in the right state and type, and refuses what makes no job", async () => {
      const id = await create();
      assertError(await setState(id, "UploadComplete"), 400, "INVALIDJOBSTATE", /no data/);
      assertError(await api.send("PUT", `/jobs/ingest/${id}/batches`, "Subject\na\n"), 415, "UNSUPPORTED_MEDIA_TYPE", /text\/csv/);
      await upload(id, "Subject\na\n");
      assertError(await upload(id, "Subject\na\n"), 400, "CLIENTINPUTERROR", /multiple contents/);
      assertError(await api.send("DELETE", `/jobs/ingest/${id}`), 400, "INVALIDJOBSTATE", /Open/);
      await setState(id, "Aborted");
      assertError(await setState(id, "UploadComplete"), 400, "INVALIDJOBSTATE", /Aborted/);
      assert.equal((await api.send("DELETE", `/jobs/ingest/${id}`)).status, 204);
      assertError(await api.get(`/jobs/ingest/${id}`), 404, "NOT_FOUND", /./);
      const refused = async (body: object, code: string): Promise<void> => assertError(await api.send("POST", "/jobs/ingest", body), 400, code, /./);
      await refused({ object: "Case", operation: "merge" }, "INVALIDJOB");
      await refused({ object: "Foo", operation: "insert" }, "INVALIDENTITY");
      await refused({ object: "Case", operation: "upsert" }, "INVALIDJOB");
      await refused({ object: "Case", operation: "insert", columnDelimiter: "SPACE" }, "INVALIDJOB");
    });

    it("takes job and data in one multipart request", async () => {
      const job = JSON.stringify({ object: "Case", operation: "insert", lineEnding: "LF" });
      const part = (name: string, type: string, text: string): string => `--XX\r\nContent-Type: ${type}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${text}\r\n`;
      const body = `${part("job", "application/json", job)}${part("content", "text/csv", "Subject\na\nb\n")}--XX--\r\n`;
      const answer = await api.send("POST", "/jobs/ingest", body, { "Content-Type": 'multipart/form-data; boundary="XX"' });
      assert.equal(answer.status, 200, JSON.stringify(answer.body));
      assert.equal((await end(answer.body.id as string)).numberRecordsProcessed, 2);
    });

    it("lists jobs in pages, keeps them for seven days, and counts batches", async () => {
      for (let count = 0; count < 3; count += 1) await load("Subject\na\n");
      const { body } = await api.get("/jobs/ingest");
      assert.equal(body.records.length, 3);
      assert.deepEqual([body.done, body.nextRecordsUrl], [true, null]);
      assert.equal((await api.get("/limits")).body.DailyBulkApiBatches.Remaining, 14_997);
      emulator.control.shiftClock({ ms: 60_000 });
      emulator.control.setLimit({ name: "DailyBulkApiBatches", used: 15_000 });
      const id = await create();
      await upload(id, "Subject\na\n");
      assertError(await setState(id, "UploadComplete"), 403, "EXCEEDEDQUOTA", /ApiBatchItems/);
    });
  });

  describe("query", () => {
    const query = (soql: string, body: object = {}): Promise<Answer> => api.send("POST", "/jobs/query", { operation: "query", query: soql, ...body });

    it("gives pages of CSV, every value in quotes, and the word null as the locator of the last", async () => {
      for (const Subject of ["a", 'b "c"', "d"]) await api.create("Case", { Subject });
      const { body } = await query("SELECT Subject, Owner.Name, ClosedDate FROM Case ORDER BY Subject");
      assert.deepEqual([body.state, body.operation, body.object], ["UploadComplete", "query", "Case"]);
      const job = await end(body.id as string, "query");
      assert.deepEqual([job.state, job.numberRecordsProcessed, job.jobType], ["JobComplete", 3, "V2Query"]);
      const first = await api.get(`/jobs/query/${body.id}/results?maxRecords=2`);
      assert.equal(first.body, '"Subject","Owner.Name","ClosedDate"\n"a","Integration",""\n"b ""c""","Integration",""\n');
      assert.equal(first.headers.get("sforce-numberofrecords"), "2");
      const locator = first.headers.get("sforce-locator");
      assert.match(locator ?? "", /^\w+$/);
      const second = await api.get(`/jobs/query/${body.id}/results?maxRecords=2&locator=${locator}`);
      assert.equal(second.headers.get("sforce-numberofrecords"), "1");
      assert.equal(second.headers.get("sforce-locator"), "null");
      assert.match(second.body as string, /^"Subject".*\n"d"/);
    });

    it("sees deleted records with queryAll", async () => {
      const id = await api.create("Case", {});
      await api.send("DELETE", `/sobjects/Case/${id}`);
      const count = async (operation: string): Promise<unknown> => (await end((await query("SELECT Id FROM Case", { operation })).body.id as string, "query")).numberRecordsProcessed;
      assert.deepEqual([await count("query"), await count("queryAll")], [0, 1]);
    });

    it("refuses a query that it cannot run, another version, a wrong locator and a wrong state", async () => {
      assertError(await query("SELECT Id FRM Case"), 400, "MALFORMED_QUERY", /./);
      assertError(await query("SELECT COUNT() FROM Case"), 400, "API_ERROR", /COUNT/);
      assertError(await query("SELECT Id FROM Case", { operation: "insert" }), 400, "INVALIDJOB", /./);
      emulator.control.bulkFault({ kind: "hang" });
      await api.create("Case", {});
      const { id } = (await query("SELECT Id FROM Case")).body as { id: string };
      assertError(await api.get(`/jobs/query/${id}/results`), 400, "INVALIDJOBSTATE", /./);
      assertError(await api.at(65).get(`/jobs/query/${id}`), 409, "API_VERSION_MISMATCH", /66.0/);
      assert.equal((await setState(id, "Aborted", "query")).body.state, "Aborted");
      emulator.control.releaseJobs();
      assert.equal((await api.send("DELETE", `/jobs/query/${id}`)).status, 204);
      const other = (await query("SELECT Id FROM Case")).body as { id: string };
      await end(other.id, "query");
      assertError(await api.get(`/jobs/query/${other.id}/results?locator=bm9uZQ`), 400, "INVALIDLOCATOR", /./);
    });
  });
});

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 2));
}
