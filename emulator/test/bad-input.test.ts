import assert from "node:assert/strict";
import { startEmulator, type Emulator } from "../src/index";
import { Api, askToken, assertError, http } from "./helpers";

/** What a client that is mistaken, or means harm, sends: a refusal each time, never an error of the emulator's own, nor a wait. */
describe("bad input", () => {
  let emulator: Emulator;
  let api: Api;

  before(async () => {
    emulator = await startEmulator();
  });
  beforeEach(async () => {
    emulator.control.reset();
    api = await Api.connect(emulator);
    await api.create("Account", { Name: "Acme" });
  });
  after(() => emulator.stop());

  const find = (sosl: string) => api.get(`/search?q=${encodeURIComponent(sosl)}`);

  describe("of queries and searches", () => {
    it("refuses what the parser takes and the org does not", async () => {
      assertError(await api.query("SELECT Id, (SELECT Id FROM Contacts), (SELECT Name FROM Contacts) FROM Account"), 400, "MALFORMED_QUERY", /same aggregate relationship twice/);
      assertError(await api.query("SELECT Id FROM Account WHERE CreatedDate = LAST_N_DAYS:99999999999"), 400, "MALFORMED_QUERY", /LAST_N_DAYS/);
      assertError(await find("FIND {nobody} RETURNING Account(Name WHERE Name != null GROUP BY Name)"), 400, "MALFORMED_SEARCH", /group/);
    });

    it("searches all objects but links of files, which have no text", async () => {
      const { status, body } = await find("FIND {acme}");
      assert.deepEqual([status, body.searchRecords?.length], [200, 1], JSON.stringify(body));
    });

    it("compares patterns with many wildcards at once", async () => {
      await api.create("Account", { Name: "a".repeat(200) });
      const started = performance.now();
      assert.equal((await api.query(`SELECT Id FROM Account WHERE Name LIKE '${"%a".repeat(30)}%b'`)).body.totalSize, 0);
      assert.equal((await api.query(`SELECT Id FROM Account WHERE Name LIKE '${"%a".repeat(30)}%_a'`)).body.totalSize, 1);
      assert.equal((await find(`FIND {${"a*".repeat(30)}b}`)).body.searchRecords.length, 0);
      assert.equal((await find(`FIND {a${"*a".repeat(30)}}`)).body.searchRecords.length, 1);
      assert.ok(performance.now() - started < 10_000); // what tries all ways would take years
    });
  });

  describe("of other calls", () => {
    const report = async (): Promise<string> => {
      emulator.control.declare({ reports: [{ name: "All", object: "Account", columns: ["Name"] }] });
      return (await api.get("/analytics/reports")).body[0].id as string;
    };

    it("refuses values of the wrong type by the code for it", async () => {
      const submit = (request: unknown) => api.send("POST", "/process/approvals", { requests: [request] });
      for (const request of [null, [], { contextId: 123456789012345 }, { processDefinitionNameOrId: 5 }, { nextApproverIds: "005" }]) {
        assertError(await submit(request), 400, "JSON_PARSER_ERROR", /./);
      }
      const id = await report();
      for (const reportFilters of [{}, [null], [5]]) {
        assertError(await api.send("POST", `/analytics/reports/${id}`, { reportMetadata: { reportFilters } }), 400, "BAD_REQUEST", /./);
      }
      assert.equal((await api.get(`/analytics/reports/${id.slice(0, 15)}`)).status, 200, "15 characters do");
    });

    it("refuses days that are not in the calendar", async () => {
      const soql = "SELECT Id FROM Account WHERE CreatedDate > 2026-02-30T00:00:00Z";
      assertError(await api.query(soql), 400, "INVALID_FIELD", /must be of type dateTime/);
      assertError(await api.get("/sobjects/Account/updated?start=2026-02-30T00:00:00Z&end=2026-03-03T00:00:00Z"), 400, "MALFORMED_QUERY", /date and time/);
    });

    it("knows no fields but the object's, whatever they are called", async () => {
      const named = (name: string) => `{"attributes":{"type":"Account","referenceId":"a"},"Name":"x","${name}":{"x":1}}`;
      for (const name of ["__proto__", "constructor"]) {
        const tree = await api.send("POST", "/composite/tree/Account", `{"records":[${named(name)}]}`);
        assert.equal(tree.body.results[0].errors?.[0].statusCode, "INVALID_FIELD");
        assertError(await api.send("POST", "/composite/sobjects", `{"records":[${named(name)}]}`), 400, "INVALID_FIELD", /No such column/);
        assert.equal((await api.get(`/sobjects/${name}`)).status, 404);
      }
      assert.equal(emulator.records("Account").length, 1);
    });

    it("has nothing below its last resources", async () => {
      for (const path of ["/limits/x", "/recent/x", "/search/x?q=FIND", "/query/01g/x"]) assert.equal((await api.get(path)).status, 404, path);
    });

    it("refuses a login by HTTP Basic that cannot be decoded", async () => {
      const headers = { Authorization: `Basic ${Buffer.from("%E0:x").toString("base64")}` };
      const { status, body } = await askToken(emulator, { grant_type: "client_credentials" }, headers);
      assert.deepEqual([status, body.error], [400, "invalid_client"]);
    });

    it("refuses a prospect that is no object", async () => {
      const headers = { Authorization: `Bearer ${api.token}`, "Content-Type": "application/json", "Pardot-Business-Unit-Id": "0Uv000000000001CAA" };
      for (const body of ["null", "[]", "5"]) {
        assert.equal((await http(`${emulator.url}/api/v5/objects/prospects`, { method: "POST", headers, body })).body.code, 49);
      }
    });

    it("answers XML that is broken, too deep or of odd names with a fault", async () => {
      const operation = (content: string): string =>
        `<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/" xmlns="urn:partner.soap.sforce.com"><e:Body><create>${content}</create></e:Body></e:Envelope>`;
      for (const text of ["", "<", "<a></b>", operation("<__proto__>x</__proto__>"), operation(`${"<a>".repeat(20_000)}${"</a>".repeat(20_000)}`)]) {
        const { status, body } = await http(`${emulator.url}/services/Soap/u/60.0`, { method: "POST", body: text });
        assert.deepEqual([status, /no SOAP envelope/.test(body as string)], [500, true], text.slice(0, 50));
      }
    });

    it("counts calls by kind without ids, and not more kinds than it can hold", async () => {
      const id = await report();
      await api.get(`/analytics/reports/${id}`);
      assert.equal(emulator.control.stats().byKind["GET analytics/reports/*"], 1);
      await Promise.all(Array.from({ length: 20 }, (_, i) => http(`${emulator.url}/services/apexrest/devices/${i}`)));
      assert.equal(emulator.control.stats().byKind["GET /services/apexrest/devices/*"], 20);
    });
  });

  describe("of bulk jobs", () => {
    const csv = { "Content-Type": "text/csv" };
    const end = async (path: string): Promise<{ state: string; errorMessage?: string }> => {
      for (;;) {
        const { body } = await api.get(path);
        if (["JobComplete", "Failed"].includes(body.state as string)) return body as { state: string };
      }
    };
    const load = async (data: string, job: Record<string, unknown> = {}): Promise<string> => {
      const { body } = await api.send("POST", "/jobs/ingest", { object: "Account", operation: "insert", ...job });
      const path = `/jobs/ingest/${body.id}`;
      await api.send("PUT", `${path}/batches`, data, csv);
      await api.send("PATCH", path, { state: "UploadComplete" });
      return path;
    };

    it("fails them for CSV that cannot be read, and gives the rows before it as unprocessed", async () => {
      for (const [data, unprocessed] of [
        ['Name\na\n"b\nc', '"Name"\n"a"\n'],
        ['x"Name\na\n', "\n"],
        [`${" ".repeat(20_000)}"a"b\na\n`, "\n"],
        [`Name\na\n${"b".repeat(131_073)}\n`, `"Name"\n"a"\n"${"b".repeat(131_073)}"\n`],
        [`Name,Phone,Industry,OwnerId\n${Array(4).fill("b".repeat(120_000)).join(",")}\n`, undefined],
      ] as const) {
        const path = await load(data);
        const { state, errorMessage } = await end(path);
        assert.deepEqual([state, errorMessage?.split(" : ")[0]], ["Failed", "InvalidBatch"]);
        assert.doesNotMatch(errorMessage ?? "", /not found/);
        const { status, body } = await api.get(`${path}/unprocessedrecords`);
        assert.equal(status, 200);
        if (unprocessed !== undefined) assert.equal(body, unprocessed);
      }
      assert.equal(emulator.records("Account").length, 1);
    });

    it("reads a quoted header, delimiters and all", async () => {
      const path = await load('"Name","No, such"\na,b\n');
      assert.match((await end(path)).errorMessage ?? "", /Field name not found : No, such$/);
    });

    it("finds the values of columns that are led by the object's name or alias", async () => {
      await api.create("Contact", { LastName: "x" });
      const { body: job } = await api.send("POST", "/jobs/query", { operation: "query", query: "SELECT c.LastName, contact.account.name, c.Owner.NAME FROM contact c" });
      assert.equal(job.object, "Contact");
      await end(`/jobs/query/${job.id}`);
      const { body } = await api.get(`/jobs/query/${job.id}/results`);
      assert.equal(body, '"LastName","account.name","Owner.NAME"\n"x","","Integration"\n');
    });

    it("lists no job whose start was refused", async () => {
      emulator.control.setLimit({ name: "DailyBulkApiBatches", max: 0 });
      const parts = ['--b\r\nContent-Disposition: form-data; name="job"\r\nContent-Type: application/json\r\n\r\n{"object":"Account","operation":"insert"}', '--b\r\nContent-Disposition: form-data; name="content"; filename="c"\r\nContent-Type: text/csv\r\n\r\nName\na', "--b--\r\n"];
      const { status } = await api.send("POST", "/jobs/ingest", parts.join("\r\n"), { "Content-Type": "multipart/form-data; boundary=b" });
      assert.equal(status, 403);
      assert.deepEqual((await api.get("/jobs/ingest")).body.records, []);
    });
  });
});
