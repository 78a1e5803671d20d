import assert from "node:assert/strict";
import { Connection, OAuth2 } from "jsforce";
import { DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET, DEFAULT_PASSWORD, DEFAULT_USERNAME, startEmulator, type Emulator } from "../../src/index";

/** What single calls of jsforce give; its types say the union with lists. */
interface Saved {
  id?: string;
  success: boolean;
  created?: boolean;
  errors: { statusCode?: string; errorCode?: string; message: string }[];
}

const EXTERNAL_ID = "Device_Event_Id__c";

describe("jsforce, as it comes from npm", function () {
  let emulator: Emulator;
  let connection: Connection;

  before(async () => {
    emulator = await startEmulator();
    // what it prints about SOAP logins is its own business
    const warn = console.warn;
    console.warn = () => undefined;
    try {
      connection = new Connection({ loginUrl: emulator.url, version: "62.0" });
      await connection.login(DEFAULT_USERNAME, DEFAULT_PASSWORD);
    } finally {
      console.warn = warn;
    }
  });
  after(() => emulator.stop());

  const insert = (object: string, records: object[]): string[] => emulator.control.insert({ object, records } as never).ids;

  describe("signs in", () => {
    it("over SOAP, with user name and password", async () => {
      assert.ok(connection.accessToken);
      assert.equal(connection.instanceUrl, emulator.url);
      assert.match(connection.userInfo?.id ?? "", /^005\w{15}$/);
      assert.equal((await connection.identity()).username, DEFAULT_USERNAME);
    });

    it("by the password grant", async () => {
      const oauth2 = new OAuth2({ loginUrl: emulator.url, clientId: DEFAULT_CLIENT_ID, clientSecret: DEFAULT_CLIENT_SECRET });
      const fresh = new Connection({ oauth2, version: "62.0" });
      await fresh.login(DEFAULT_USERNAME, DEFAULT_PASSWORD);
      assert.equal((await fresh.identity()).username, DEFAULT_USERNAME);
      await assert.rejects(new Connection({ oauth2 }).login(DEFAULT_USERNAME, "wrong"), { name: "invalid_grant", message: "authentication failure" });
    });

    it("and out: the token is no good any more", async () => {
      const oauth2 = new OAuth2({ loginUrl: emulator.url, clientId: DEFAULT_CLIENT_ID, clientSecret: DEFAULT_CLIENT_SECRET });
      const fresh = new Connection({ oauth2, version: "62.0" });
      await fresh.authorize({ grant_type: "client_credentials" });
      const accessToken = fresh.accessToken!;
      await fresh.logout();
      const old = new Connection({ instanceUrl: emulator.url, accessToken, version: "62.0" });
      await assert.rejects(async () => old.query("SELECT Id FROM Case"), { errorCode: "INVALID_SESSION_ID" });
    });

    it("by the web-server flow with PKCE, and renews the token", async () => {
      const oauth2 = new OAuth2({ loginUrl: emulator.url, clientId: DEFAULT_CLIENT_ID, clientSecret: DEFAULT_CLIENT_SECRET, redirectUri: "http://localhost:1717/callback", useVerifier: true });
      const page = oauth2.getAuthorizationUrl({ scope: "api refresh_token", state: "s" });
      assert.ok(page.startsWith(`${emulator.url}/services/oauth2/authorize?`) && page.includes("code_challenge="));
      const code = await approve(page);
      const fresh = new Connection({ oauth2, version: "62.0" });
      await fresh.authorize(code);
      assert.ok(fresh.refreshToken);
      emulator.control.expireTokens();
      const { totalSize } = await fresh.query("SELECT Id FROM Case");
      assert.equal(typeof totalSize, "number", "the expired token was renewed");
      // all tokens have ended: a new one for the others
      await connection.login(DEFAULT_USERNAME, DEFAULT_PASSWORD);
    });
  });

  /** What somebody does in a browser: signs in, allows, follows back. */
  async function approve(page: string): Promise<string> {
    const form = await fetch(page, { redirect: "manual" });
    const html = await form.text();
    const action = /<form[^>]*action="([^"]*)"/.exec(html)?.[1] ?? "";
    const body = new URLSearchParams({ username: DEFAULT_USERNAME, password: DEFAULT_PASSWORD, decision: "approve" });
    const answer = await fetch(new URL(decode(action), page), { method: "POST", body, redirect: "manual" });
    const code = new URL(answer.headers.get("location") ?? "http://none").searchParams.get("code");
    assert.ok(code, `no code: ${answer.status} ${await answer.text()}`);
    return code;
  }

  const decode = (html: string): string => html.replace(/&#(\d+);/g, (_, code) => String.fromCharCode(Number(code))).replaceAll("&amp;", "&");

  describe("reads", () => {
    before(() => void insert("Case", Array.from({ length: 2100 }, (_, i) => ({ Subject: `read ${i}`, Origin: i % 2 === 0 ? "Web" : "Phone" }))));

    it("more than a page of a query", async () => {
      const page = await connection.query("SELECT Id, Subject FROM Case WHERE Subject LIKE 'read %'");
      assert.deepEqual([page.totalSize, page.done, page.records.length], [2100, false, 2000]);
      const rest = await connection.queryMore(page.nextRecordsUrl!);
      assert.deepEqual([rest.done, rest.records.length], [true, 100]);
    });

    it("aggregates, and the plan of a query", async () => {
      const { records } = await connection.query<{ Origin: string; n: number }>("SELECT Origin, COUNT(Id) n FROM Case WHERE Subject LIKE 'read %' GROUP BY Origin ORDER BY Origin");
      assert.deepEqual(records.map(({ Origin, n }) => [Origin, n]), [["Phone", 1050], ["Web", 1050]]);
      const explained = await connection.query("SELECT Id FROM Case").explain();
      assert.ok(explained.plans.length > 0);
    });

    it("what a search finds", async () => {
      insert("Account", [{ Name: "Xylophone Works" }]);
      const { searchRecords } = await connection.search("FIND {Xylophone} IN ALL FIELDS RETURNING Account(Id, Name)");
      assert.deepEqual(searchRecords.map((record) => record["Name"]), ["Xylophone Works"]);
    });

    it("descriptions, limits, versions, recent items", async () => {
      const described = await connection.describe("Case");
      assert.ok(described.fields.some(({ name, externalId }) => name === EXTERNAL_ID && externalId));
      assert.ok((await connection.describeGlobal()).sobjects.some(({ name }) => name === "Contact"));
      const limits = await connection.limits();
      assert.ok(limits["DailyApiRequests"]!.Remaining < limits["DailyApiRequests"]!.Max);
      assert.ok(Array.isArray(await connection.recent(2)));
      assert.ok((connection.limitInfo.apiUsage?.used ?? 0) > 0);
    });

    it("what has changed and what was deleted", async () => {
      const [id] = insert("Account", [{ Name: "gone soon" }]);
      await connection.sobject("Account").destroy(id!);
      const [start, end] = [new Date(Date.now() - 3_600_000), new Date(Date.now() + 60_000)];
      assert.ok((await connection.sobject("Case").updated(start.toISOString(), end.toISOString())).ids.length >= 2100);
      assert.deepEqual((await connection.sobject("Account").deleted(start.toISOString(), end.toISOString())).deletedRecords.map((record) => record.id), [id]);
    });

    it("the error of a query", async () => {
      await assert.rejects(async () => connection.query("SELECT Foo FROM Case"), { errorCode: "INVALID_FIELD" });
      await assert.rejects(async () => connection.query("SELECT Id FRM Case"), { errorCode: "MALFORMED_QUERY" });
      await assert.rejects(async () => connection.queryMore("/services/data/v62.0/query/01g000000000000AAA-2000"), { errorCode: "INVALID_QUERY_LOCATOR" });
    });
  });

  describe("writes", () => {
    it("one record: creates, updates, upserts, retrieves, destroys", async () => {
      const cases = connection.sobject("Case");
      const created = (await cases.create({ Subject: "one" })) as Saved;
      await cases.update({ Id: created.id!, Subject: "one more" });
      assert.equal((await cases.retrieve(created.id!))["Subject"], "one more");
      assert.equal(((await cases.upsert({ [EXTERNAL_ID]: "jsforce-1", Subject: "a" }, EXTERNAL_ID)) as Saved).created, true);
      assert.equal(((await cases.upsert({ [EXTERNAL_ID]: "jsforce-1", Subject: "b" }, EXTERNAL_ID)) as Saved).created, false);
      await cases.destroy(created.id!);
      await assert.rejects(cases.retrieve(created.id!), { errorCode: /NOT_FOUND|ENTITY_IS_DELETED/ });
      await assert.rejects(async () => cases.create({ Subject: "x", Origin: "Foo" }), { errorCode: "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST" });
    });

    it("many records, each with its own result", async () => {
      const accounts = connection.sobject("Account");
      const created = (await accounts.create([{ Name: "first" }, { Name: "" }, { Name: "third" }])) as Saved[];
      assert.deepEqual(created.map(({ success }) => success), [true, false, true]);
      assert.equal(created[1]!.errors[0]!.statusCode, "REQUIRED_FIELD_MISSING");
      const ids = [created[0]!.id!, created[2]!.id!];
      const updated = (await accounts.update(ids.map((Id) => ({ Id, Phone: "here" })))) as Saved[];
      assert.ok(updated.every(({ success }) => success));
      const retrieved = await accounts.retrieve([...ids, ids[0]!.replace(/^(001.{9})..../, "$1zzzz")]);
      assert.deepEqual(retrieved.map((record) => (record as { Phone?: string } | null)?.Phone ?? null), ["here", "here", null]);
      const none = (await connection.create("Account", [{ Name: "a" }, { Name: "" }], { allOrNone: true })) as Saved[];
      assert.deepEqual(none.map(({ errors }) => errors[0]?.statusCode), ["ALL_OR_NONE_OPERATION_ROLLED_BACK", "REQUIRED_FIELD_MISSING"]);
      assert.ok(((await accounts.destroy(ids)) as Saved[]).every(({ success }) => success));
    });

    it("all records of a query", async () => {
      insert("Account", [{ Name: "bulk-less 1" }, { Name: "bulk-less 2" }]);
      const updated = await connection.sobject("Account").find({ Name: { $like: "bulk-less %" } }).update({ Phone: "changed" }, "Account", { allowBulk: false });
      assert.ok((updated as unknown as Saved[]).every(({ success }) => success));
      const gone = await connection.sobject("Account").find({ Phone: "changed" }).destroy("Account", { allowBulk: false });
      assert.equal(gone.length, 2);
    });

    it("what it has no call for: composite, by request", async () => {
      const base = "/services/data/v62.0/sobjects";
      const body = {
        allOrNone: true,
        compositeRequest: [
          { method: "POST", url: `${base}/Account`, referenceId: "acme", body: { Name: "Acme" } },
          { method: "POST", url: `${base}/Contact`, referenceId: "ann", body: { LastName: "Ann", AccountId: "@{acme.id}" } },
        ],
      };
      const { compositeResponse } = await connection.requestPost<{ compositeResponse: { httpStatusCode: number; body: { id: string } }[] }>("/composite", body);
      assert.deepEqual(compositeResponse.map(({ httpStatusCode }) => httpStatusCode), [201, 201]);
      assert.equal((await connection.sobject("Contact").retrieve(compositeResponse[1]!.body.id))["AccountId"], compositeResponse[0]!.body.id);
    });

    it("over SOAP: empties the bin, converts a lead, asks for the time", async () => {
      const [gone] = insert("Account", [{ Name: "thrown away" }]);
      await connection.sobject("Account").destroy(gone!);
      const emptied = (await connection.soap.emptyRecycleBin([gone!])) as unknown as Saved[];
      assert.deepEqual(emptied.map(({ id, success }) => [id, success]), [[gone, true]]);
      const [lead] = insert("Lead", [{ LastName: "Lee", Company: "Lee Ltd" }]);
      const converted = await connection.soap.convertLead([{ leadId: lead!, convertedStatus: "Closed - Converted" } as never]);
      assert.equal(converted[0]!.success, true);
      assert.match(converted[0]!.accountId ?? "", /^001/);
      assert.ok((await connection.soap.getServerTimestamp()).timestamp);
    });
  });

  describe("in bulk", () => {
    it("loads rows, and tells good from bad ones", async () => {
      const records = [{ Subject: "bulk 1", Origin: "Web" }, { Subject: "bulk, 2", Origin: "Foo" }, { Subject: 'bulk "3"', Origin: null }];
      const job = connection.bulk2.createJob({ operation: "insert", object: "Case" });
      await job.open();
      await job.uploadData(records);
      await job.close();
      await job.poll(20, 5000);
      const { successfulResults, failedResults, unprocessedRecords } = await job.getAllResults();
      assert.deepEqual([successfulResults.length, failedResults.length, unprocessedRecords.length], [2, 1, 0]);
      assert.match(failedResults[0]!.sf__Error, /INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST/);
      assert.deepEqual((successfulResults as unknown as { Subject: string }[]).map(({ Subject }) => Subject).sort(), ['bulk "3"', "bulk 1"]);
      assert.equal((await job.check()).numberRecordsFailed, 1);
      await job.delete();
      await assert.rejects(job.check(), { errorCode: "NOT_FOUND" });
    });

    it("upserts by an external id, and aborts a job", async () => {
      connection.bulk2.pollInterval = 20;
      const input = [{ [EXTERNAL_ID]: "bulk-1", Subject: "a" }, { [EXTERNAL_ID]: "bulk-2", Subject: "b" }];
      for (const expected of ["true", "false"]) {
        const { successfulResults } = await connection.bulk2.loadAndWaitForResults({ object: "Case", operation: "upsert", externalIdFieldName: EXTERNAL_ID, input });
        assert.deepEqual(successfulResults.map(({ sf__Created }) => sf__Created), [expected, expected]);
      }
      const job = connection.bulk2.createJob({ operation: "insert", object: "Case" });
      await job.open();
      await job.abort();
      assert.equal((await job.check()).state, "Aborted");
    });

    it("queries", async () => {
      connection.bulk2.pollInterval = 20;
      const stream = await connection.bulk2.query("SELECT Id, Subject FROM Case WHERE Subject LIKE 'bulk%' ORDER BY Subject");
      const rows = await stream.toArray();
      assert.ok(rows.some((row) => row["Subject"] === 'bulk "3"'));
    });
  });

  describe("fails", () => {
    it("at an expired session with the code that Salesforce gives", async () => {
      emulator.control.expireTokens();
      const fresh = new Connection({ instanceUrl: emulator.url, accessToken: connection.accessToken!, version: "62.0" });
      await assert.rejects(async () => fresh.query("SELECT Id FROM Case"), { errorCode: "INVALID_SESSION_ID" });
    });
  });
});
