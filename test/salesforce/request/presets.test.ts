import assert from "node:assert/strict";
import helper from "node-red-node-test-helper";
import type { Emulator } from "../../../emulator/src/index";
import { REQUEST_PRESETS, type RequestPreset, UPLOAD_PRESET } from "../../../nodes/salesforce/client/requests/request-presets";
import { Orgs } from "../support";
import { type Answered, BUSINESS_UNIT, RequestFlow } from "./support";

/** One preset tried: a message that is answered well, and one that is refused. */
interface Trial {
  /** Settings of the node besides what the preset fills in. */
  settings?: object;
  good?: (org: Emulator) => object | Promise<object>;
  /** Whether the answer is the one; default: an answer of 200. */
  check?: (payload: never, answer: Answered) => void;
  /** Default: the org turns the call down for a missing permission. */
  bad?: object;
}

const BASE = "/services/data/v66.0";
const account = (body: object) => ({ method: "POST", url: `${BASE}/sobjects/Account`, referenceId: "account", body });
const flawed = { ...account({}), referenceId: "bad" };
const inBatch = (richInput: object) => ({ method: "POST", url: "v66.0/sobjects/Account", richInput });
const firstReport = { reportId: "" };
const wave = { id: "" };

const TRIALS: Record<string, Trial> = {
  composite: {
    good: () => ({ payload: { compositeRequest: [account({ Name: "Acme" })] } }),
    check: ({ compositeResponse }: never) => assert.equal((compositeResponse as { httpStatusCode: number }[])[0]?.httpStatusCode, 201),
    bad: { payload: { allOrNone: true, compositeRequest: [account({ Name: "Lost" }), flawed] } },
  },
  "composite-batch": {
    good: () => ({ payload: { batchRequests: [inBatch({ Name: "Acme" })] } }),
    bad: { payload: { batchRequests: [inBatch({ Name: "Kept" }), inBatch({})] } },
  },
  "composite-graph": {
    good: () => ({ payload: { graphs: [{ graphId: "1", compositeRequest: [account({ Name: "Acme" })] }] } }),
    bad: { payload: { graphs: [{ graphId: "1", compositeRequest: [account({ Name: "Lost" }), flawed] }] } },
  },
  limits: { check: ({ DailyApiRequests }: never) => assert.equal((DailyApiRequests as { Max: number }).Max, 1_000_000) },
  "report-describe": { good: () => firstReport, bad: { reportId: "00Oxx" } },
  "report-run": {
    good: () => firstReport,
    check: ({ factMap }: never) => assert.equal((factMap as Record<string, { rows: unknown[] }>)["T!T"]?.rows.length, 1),
    bad: { reportId: "00Oxx" },
  },
  "report-run-filtered": {
    good: () => ({ ...firstReport, payload: { reportMetadata: { reportFilters: [{ column: "Case.Subject", operator: "equals", value: "nobody's" }] } } }),
    check: ({ factMap }: never) => assert.equal((factMap as Record<string, { rows: unknown[] }>)["T!T"]?.rows.length, 0),
    bad: { reportId: "00Oxx", payload: {} },
  },
  "report-start": { good: () => ({ ...firstReport, payload: {} }), bad: { reportId: "00Oxx", payload: {} } },
  "report-result": { bad: { reportId: "00Oxx", instanceId: "0LGxx" } },
  "apex-get": { settings: { path: "/services/apexrest/devices/7" }, bad: undefined },
  "apex-post": {
    settings: { path: "/services/apexrest/devices/7" },
    good: () => ({ payload: { on: true } }),
    check: ({ body }: never) => assert.deepEqual(body, { on: true }),
  },
  "action-standard": { good: () => ({ action: "chatterPost", payload: { inputs: [{ text: "hello" }] } }), bad: { action: "chatterPost", payload: { inputs: [{}] } } },
  "action-flow": {
    good: () => ({ flow: "Register_Device", payload: { inputs: [{ serial: "1" }] } }),
    check: (results: never) => assert.equal((results as { outputValues: { Flow__InterviewStatus: string } }[])[0]?.outputValues.Flow__InterviewStatus, "Finished"),
    bad: { flow: "Nope", payload: { inputs: [{}] } },
  },
  "action-apex": { good: () => ({ action: "Sync", payload: { inputs: [{}] } }), bad: { action: "Nope", payload: { inputs: [{}] } } },
  "analytics-dashboard-create": {
    good: () => ({ payload: { label: "New", folder: wave, state: {} } }),
    check: (_payload: never, { salesforce }) => assert.equal(salesforce?.statusCode, 201),
    bad: { payload: { label: "New", folder: { id: "00lxx" } } },
  },
  "analytics-dashboard-update": { bad: { id: "0FKxx", payload: { label: "x" } } },
  "analytics-dataset-update": { bad: { id: "0Fbxx", payload: { label: "x" } } },
  "analytics-folder": { good: () => wave, bad: { id: "00lxx" } },
  "analytics-folder-replace": { good: () => ({ ...wave, payload: { label: "Everyone" } }), bad: { id: "00lxx", payload: { label: "x" } } },
  "analytics-query": { bad: { payload: { query: 'q = load "Readings";' } } },
  "engagement-prospects-create": {
    good: () => ({ payload: { email: "ada@example.com" } }),
    check: (_payload: never, { salesforce }) => assert.equal(salesforce?.statusCode, 201),
    bad: { payload: { email: "nobody" } },
  },
  "engagement-prospects-update": { good: () => ({ id: 1, payload: { company: "Acme" } }), bad: { id: 1, payload: { nope: 1 } } },
  soap: { good: () => ({ payload: "<urn:getServerTimestamp/>" }), bad: { payload: "<urn:noSuchCall/>" } },
};

describe("Presets of the salesforce request node", () => {
  const orgs = new Orgs();
  const flow = new RequestFlow();
  let org: Emulator;

  before((done) => void helper.startServer(done));
  before(async () => {
    org = await orgs.start();
    const collections = new Set(REQUEST_PRESETS.filter(({ group }) => group === "engagement").map(({ path }) => path.split(/[/?]/)[4] ?? ""));
    org.control.declare({
      reports: [{ name: "Cases", object: "Case", columns: ["Subject"] }],
      apexRest: [{ path: "/devices/*" }],
      actions: [
        { kind: "standard", name: "chatterPost", required: ["text"] },
        { kind: "flow", name: "Register_Device", required: ["serial"] },
        { kind: "apex", name: "Sync" },
      ],
      analytics: { dashboards: [{ label: "Plant" }], datasets: [{ name: "Readings", rows: [{ Device: "a" }] }] },
      accountEngagement: Object.fromEntries([...collections].map((name) => [name, [{}, {}, {}]])),
    });
    org.control.insert({ object: "Case", records: [{ Subject: "a" }] });
    const nodes = REQUEST_PRESETS.map(({ id, method, path, host = "org" }) => {
      const engagement = host === "org" ? {} : { businessUnitId: BUSINESS_UNIT };
      return [id, { preset: id, method, path, host, ...engagement, dataset: "Loaded", ...TRIALS[id]?.settings }] as const;
    });
    await flow.deploy(org, Object.fromEntries(nodes));
    await learnIds();
  });
  after(async () => {
    await helper.unload();
    await orgs.stop();
  });
  after((done) => void helper.stopServer(done));

  /** Ids that the org gave to what was declared. */
  async function learnIds(): Promise<void> {
    const list = async <T>(preset: string): Promise<T> => (await flow.send(preset)).payload as T;
    firstReport.reportId = (await list<{ id: string }[]>("report-list"))[0]?.id ?? "";
    wave.id = (await list<{ folders: { id: string }[] }>("analytics-folders")).folders[0]?.id ?? "";
    const { id, currentVersionId } = (await list<{ datasets: { id: string; currentVersionId: string }[] }>("analytics-datasets")).datasets[0] ?? { id: "", currentVersionId: "" };
    const dashboard = (await list<{ dashboards: { id: string }[] }>("analytics-dashboards")).dashboards[0]?.id;
    const started = (await flow.send("report-start", { ...firstReport, payload: {} })).payload as { id: string };
    good("report-result", { ...firstReport, instanceId: started.id });
    good("analytics-dashboard-update", { id: dashboard, payload: { label: "Plant 2" } });
    good("analytics-dataset-update", { id, payload: { label: "All" } });
    good("analytics-query", { payload: { query: `q = load "${id}/${currentVersionId}"; q = foreach q generate 'Device' as 'Device';` } });
  }

  function good(id: string, msg: object): void {
    TRIALS[id] = { ...TRIALS[id], good: () => msg };
  }

  /** Reads and deletes of Account Engagement need the id of a record there is. */
  async function goodMessage({ id, path }: RequestPreset): Promise<object> {
    const trial = TRIALS[id]?.good;
    const needsRecord = id.startsWith("engagement-") && path.includes("{{id}}");
    const record = needsRecord ? ((await flow.send(`engagement-${path.split("/")[4] ?? ""}-query`)).payload as { values: { id: number }[] }).values[0] : undefined;
    return { ...(await trial?.(org)), ...(record ? { id: record.id } : {}) };
  }

  it("covers CRM Analytics with 13 operations and the upload, and Account Engagement with 14 collections, read and queried", () => {
    const of = (group: string) => REQUEST_PRESETS.filter((preset) => preset.group === group);
    assert.equal(of("analytics").length, 14);
    assert.equal(of("engagement").filter(({ id }) => id.endsWith("-query")).length, 14);
    assert.equal(of("engagement").filter(({ id }) => id.endsWith("-read")).length, 14);
    assert.equal(new Set(REQUEST_PRESETS.map(({ id }) => id)).size, REQUEST_PRESETS.length);
  });

  for (const preset of REQUEST_PRESETS.filter(({ id }) => id !== UPLOAD_PRESET)) {
    it(`${preset.id}: gives the answer as it came, and fails with the org's words`, async () => {
      const answer = await flow.send(preset.id, await goodMessage(preset));
      assert.equal(answer.error, undefined, JSON.stringify(answer.error));
      assert.ok((answer.salesforce?.statusCode ?? 0) < 300);
      const trial = TRIALS[preset.id];
      trial?.check?.(answer.payload as never, answer);

      const asked = preset.path.includes("{{id}}") ? { id: 999_999 } : {};
      const bad = trial?.bad ?? (preset.path.includes("{{id}}") ? asked : undefined);
      if (!bad) org.control.failNext({ status: 403, errorCode: "INSUFFICIENT_ACCESS", message: "no right to do this" });
      const refused = await flow.send(preset.id, bad ?? (await goodMessage(preset)));
      assert.equal(refused.error?.code, "ORG_REFUSED", JSON.stringify(refused.payload));
      assert.notEqual(refused.error?.message, "");
    });
  }
});
