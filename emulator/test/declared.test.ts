import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { startEmulator, type Emulator } from "../src/index";
import { Api, assertError, http } from "./helpers";

const BUSINESS_UNIT = "0Uv000000000001CAA";

describe("what is built in the org", () => {
  let emulator: Emulator;
  let api: Api;

  before(async () => (emulator = await startEmulator()));
  beforeEach(async () => {
    emulator.control.reset();
    api = await Api.connect(emulator);
  });
  after(() => emulator.stop());

  it("refuses a declaration that cannot be, and answers none that was not made", async () => {
    assert.throws(() => emulator.control.declare({ reports: [{ name: "r", object: "Nope", columns: [] }] }), /no object Nope/);
    assert.throws(() => emulator.control.declare({ accountEngagement: { prospects: [{ nope: 1 }] } }), /no field nope/);
    assert.deepEqual((await api.get("/analytics/reports")).body, []);
    assertError(await api.send("POST", "/actions/custom/flow/Nope", { inputs: [{}] }), 404, "NOT_FOUND", /does not exist/);
  });

  describe("reports", () => {
    beforeEach(async () => {
      emulator.control.declare({ reports: [{ name: "Cases", object: "Case", columns: ["Subject", "Priority"] }] });
      await api.create("Case", { Subject: "a", Priority: "High" });
      await api.create("Case", { Subject: "b", Priority: "Low" });
    });
    const idOf = async () => (await api.get("/analytics/reports")).body[0].id as string;
    const labels = (body: { factMap: { "T!T": { rows: { dataCells: { label: string }[] }[] } } }) =>
      body.factMap["T!T"].rows.map(({ dataCells }) => dataCells.map(({ label }) => label));

    it("run over the records of today, with filters, or without rows", async () => {
      const path = `/analytics/reports/${await idOf()}`;
      assert.deepEqual(labels((await api.get(path)).body), [["a", "High"], ["b", "Low"]]);
      const reportFilters = [{ column: "Case.Priority", operator: "equals", value: "Low" }];
      assert.deepEqual(labels((await api.send("POST", path, { reportMetadata: { reportFilters } })).body), [["b", "Low"]]);
      const { body } = await api.get(`${path}?includeDetails=false`);
      assert.deepEqual(body.factMap["T!T"], { aggregates: [{ label: "2", value: 2 }] });
      assert.deepEqual((await api.get(`${path}/describe`)).body.reportMetadata.detailColumns, ["Case.Subject", "Case.Priority"]);
    });

    it("run by themselves and are fetched later", async () => {
      const path = `/analytics/reports/${await idOf()}/instances`;
      const { body: started } = await api.send("POST", path);
      assert.equal(started.status, "New");
      const { body } = await api.get(`${path}/${started.id}`);
      assert.equal(body.attributes.status, "Success");
      assert.equal(labels(body).length, 2);
    });

    it("are refused when asked for what they cannot do", async () => {
      const path = `/analytics/reports/${await idOf()}`;
      const reportFilters = [{ column: "Case.Priority", operator: "contains", value: "L" }];
      assertError(await api.send("POST", path, { reportMetadata: { reportFilters } }), 400, "BAD_REQUEST", /contains/);
      assertError(await api.get("/analytics/reports/00Oxx0000000000"), 404, "NOT_FOUND", /does not exist/);
    });
  });

  it("echoes what an Apex class was sent, and tells its uncaught exceptions", async () => {
    emulator.control.declare({ apexRest: [{ path: "/devices/*" }, { path: "/broken", exception: "System.NullPointerException: Attempt to de-reference a null object" }] });
    const used = emulator.control.stats().apiUsage.used;
    const call = (method: string, path: string, body?: string) =>
      http(`${emulator.url}/services/apexrest${path}`, {
        method,
        headers: { Authorization: `Bearer ${api.token}`, "Content-Type": "application/json" },
        ...(body === undefined ? {} : { body }),
      });
    const { body } = await call("POST", "/devices/7?deep=1", '{"on":true}');
    assert.deepEqual(body, { method: "POST", path: "/devices/7", query: { deep: "1" }, body: { on: true } });
    assertError(await call("DELETE", "/devices/7"), 405, "METHOD_NOT_ALLOWED", /DELETE/);
    assertError(await call("GET", "/broken"), 500, "APEX_ERROR", /NullPointer/);
    assertError(await call("GET", "/nope"), 404, "NOT_FOUND", /match for URL/);
    assert.equal(emulator.control.stats().apiUsage.used, used + 4);
    assert.equal((await http(`${emulator.url}/services/apexrest/devices/7`)).status, 401);
  });

  it("runs standard actions and flows, one result for each input", async () => {
    emulator.control.declare({
      actions: [
        { kind: "standard", name: "chatterPost", required: ["text"], outputs: { feedItemId: "0D5000000000001" } },
        { kind: "flow", name: "Register_Device", required: ["serial"], outputs: { deviceId: "a00000000000001" } },
      ],
    });
    assert.deepEqual((await api.get("/actions/custom/flow")).body.actions.map((one: { name: string }) => one.name), ["Register_Device"]);
    const flow = await api.send("POST", "/actions/custom/flow/Register_Device", { inputs: [{ serial: "1" }] });
    assert.equal(flow.status, 200);
    const outputValues = { Flow__InterviewStatus: "Finished", deviceId: "a00000000000001" };
    assert.deepEqual(flow.body, [{ actionName: "Register_Device", errors: null, isSuccess: true, outputValues }]);
    const mixed = await api.send("POST", "/actions/standard/chatterPost", { inputs: [{ text: "hello" }, {}] });
    assert.equal(mixed.status, 400);
    assert.deepEqual(mixed.body.map((one: { isSuccess: boolean }) => one.isSuccess), [true, false]);
    assert.equal(mixed.body[1].errors[0].statusCode, "MISSING_ARGUMENT");
  });

  describe("CRM Analytics", () => {
    it("lists its assets, and takes dashboards, datasets and folders as they may be written", async () => {
      emulator.control.declare({ analytics: { lenses: [{ label: "Faults" }], datasets: [{ name: "Readings", rows: [{ Device: "a" }] }] } });
      assert.ok((await api.get("/wave")).body.dashboards.endsWith("/wave/dashboards"));
      assert.equal((await api.get("/wave/lenses")).body.lenses[0].label, "Faults");
      const folder = (await api.get("/wave/folders")).body.folders[0];
      const made = await api.send("POST", "/wave/dashboards", { label: "Plant", folder: { id: folder.id }, state: {} });
      assert.equal(made.status, 201);
      assert.equal((await api.send("PATCH", `/wave/dashboards/${made.body.id}`, { label: "Plant 2" })).body.label, "Plant 2");
      assert.equal((await api.send("PUT", `/wave/folders/${folder.id}`, { label: "Everyone" })).body.label, "Everyone");
      const dataset = (await api.get("/wave/datasets")).body.datasets[0];
      assert.equal((await api.send("PATCH", `/wave/datasets/${dataset.id}`, { label: "All readings" })).body.label, "All readings");
      assertError(await api.send("POST", "/wave/dashboards", { label: "Lost", folder: { id: "00lxx" } }), 400, "INVALID_INPUT", /folder/);
      assertError(await api.send("POST", "/wave/lenses", { label: "no" }), 405, "METHOD_NOT_ALLOWED", /POST/);
      assertError(await api.send("PATCH", `/wave/datasets/${dataset.id}`, { rows: [] }), 400, "JSON_PARSER_ERROR", /"rows"/);
    });

    it("answers a small part of SAQL, by ids only, and refuses the rest", async () => {
      emulator.control.declare({ analytics: { datasets: [{ name: "Readings", rows: [{ Device: "a", Value: 1 }, { Device: "b", Value: 2 }] }] } });
      const { id, currentVersionId } = (await api.get("/wave/datasets")).body.datasets[0];
      const ask = (query: string) => api.send("POST", "/wave/query", { query });
      const load = `q = load "${id}/${currentVersionId}";`;
      const { body } = await ask(`${load} q = filter q by 'Device' == "b"; q = foreach q generate 'Value' as 'v', 'Device' as 'Device'; q = limit q 5;`);
      assert.equal(body.action, "query");
      assert.deepEqual(body.results.records, [{ v: 2, Device: "b" }]);
      assertError(await ask('q = load "Readings"; q = limit q 1;'), 400, "INVALID_QUERY", /Readings/);
      assertError(await ask(`${load} q = filter q by 'Nope' == 1;`), 400, "INVALID_QUERY", /Undefined identifier/);
      assertError(await ask(`${load} q = group q by 'Device';`), 400, "INVALID_QUERY", /group/);
      assertError(await ask(`${load} q = limit q 5";`), 400, "INVALID_QUERY", /limit/);
    });

    const part = (header: string, number: number, data: Buffer) =>
      api.create("InsightsExternalDataPart", { InsightsExternalDataId: header, PartNumber: number, DataFile: data.toString("base64") });
    const statusOf = async (id: string) => (await api.get(`/sobjects/InsightsExternalData/${id}?fields=Status,StatusMessage`)).body;

    it("makes a dataset of gzipped parts once it is told to process them", async () => {
      const metadata = { objects: [{ fields: [{ name: "Device", type: "Text" }, { name: "Value", type: "Numeric" }] }] };
      const MetadataJson = Buffer.from(JSON.stringify(metadata)).toString("base64");
      const header = await api.create("InsightsExternalData", { EdgemartAlias: "Readings", MetadataJson });
      const data = gzipSync("Device,Value\na,1\nb,2\n");
      await part(header, 1, data.subarray(0, 20));
      await part(header, 2, data.subarray(20));
      assert.equal((await statusOf(header)).Status, "New");
      assert.equal((await api.send("PATCH", `/sobjects/InsightsExternalData/${header}`, { Action: "Process" })).status, 204);
      assert.equal((await statusOf(header)).Status, "InProgress");
      assert.equal((await statusOf(header)).Status, "Completed");
      assert.equal((await api.get("/wave/datasets")).body.datasets[0].name, "Readings");
      assertError(await api.send("PATCH", `/sobjects/InsightsExternalData/${header}`, { Description: "late" }), 400, "INVALID_OPERATION", /cannot be changed/);
    });

    it("fails an upload with a gap in its parts, and one without any", async () => {
      const header = await api.create("InsightsExternalData", { EdgemartAlias: "Gap" });
      await part(header, 2, Buffer.from("A\n1\n"));
      await api.send("PATCH", `/sobjects/InsightsExternalData/${header}`, { Action: "Process" });
      await statusOf(header);
      const { Status, StatusMessage } = await statusOf(header);
      assert.deepEqual([Status, StatusMessage], ["Failed", "Part 1 is missing"]);
    });
  });

  describe("Account Engagement", () => {
    const ask = (method: string, path: string, body?: unknown, headers: Record<string, string> = { "Pardot-Business-Unit-Id": BUSINESS_UNIT }) =>
      http(`${emulator.url}/api/v5/objects/${path}`, {
        method,
        headers: { Authorization: `Bearer ${api.token}`, "Content-Type": "application/json", ...headers },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });

    it("pages through a query by a token, with the fields asked for", async () => {
      emulator.control.declare({ accountEngagement: { campaigns: [{ name: "a" }, { name: "b" }, { name: "c" }] } });
      const first = await ask("GET", "campaigns?fields=name&limit=2");
      assert.deepEqual(first.body.values, [{ name: "a" }, { name: "b" }]);
      const second = await http(first.body.nextPageUrl, { headers: { Authorization: `Bearer ${api.token}`, "Pardot-Business-Unit-Id": BUSINESS_UNIT } });
      assert.deepEqual(second.body, { nextPageToken: null, nextPageUrl: null, values: [{ name: "c" }] });
    });

    it("creates, reads, changes and deletes prospects, and nothing else", async () => {
      const { status, body } = await ask("POST", "prospects?fields=id,email", { email: "ada@example.com" });
      assert.equal(status, 201);
      assert.equal((await ask("PATCH", `prospects/${body.id}?fields=company`, { company: "Acme" })).body.company, "Acme");
      assert.deepEqual((await ask("GET", `prospects/${body.id}?fields=email,company`)).body, { email: "ada@example.com", company: "Acme" });
      assert.equal((await ask("DELETE", `prospects/${body.id}`)).status, 204);
      assert.equal((await ask("GET", `prospects/${body.id}?fields=email`)).status, 404);
      assert.equal((await ask("POST", "campaigns", { name: "x" })).status, 405);
    });

    it("refuses with one code and message: no business unit, another one, no token, no fields, unknown ones", async () => {
      const refusals = [
        await ask("GET", "campaigns?fields=name", undefined, {}),
        await ask("GET", "campaigns?fields=name", undefined, { "Pardot-Business-Unit-Id": "0Uv000000000002CAA" }),
        await ask("GET", "campaigns?fields=name", undefined, { Authorization: "Bearer nope" }),
        await ask("GET", "campaigns"),
        await ask("GET", "campaigns?fields=nope"),
        await ask("GET", "campaigns?fields=name&limit=1001"),
        await ask("GET", "nothing?fields=name"),
      ];
      assert.deepEqual(refusals.map(({ status }) => status), [400, 403, 401, 400, 400, 400, 404]);
      for (const { body } of refusals) assert.deepEqual(Object.keys(body), ["code", "message"]);
    });
  });
});
