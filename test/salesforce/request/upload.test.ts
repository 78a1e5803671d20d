import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import helper from "node-red-node-test-helper";
import type { Emulator } from "../../../emulator/src/index";
import { AnalyticsUploader, type AnalyticsUploaderOptions, type Upload } from "../../../nodes/salesforce/client/requests/analytics-upload";
import { toCsv } from "../../../nodes/salesforce/client/requests/analytics-csv";
import { isConnectorError } from "../../../nodes/common/errors";
import { waitFor } from "../../services/wait";
import { clientCredentials, Orgs } from "../support";
import { RequestFlow } from "./support";

const METADATA = { objects: [{ fields: [{ name: "Device", type: "Text", isUniqueId: true }, { name: "Value", type: "Numeric" }] }] };

describe("Loading external data into CRM Analytics", () => {
  const orgs = new Orgs();
  let org: Emulator;

  beforeEach(async () => (org = await orgs.start()));
  afterEach(() => orgs.stop());

  const uploader = (options: AnalyticsUploaderOptions = {}): AnalyticsUploader => new AnalyticsUploader(orgs.client(clientCredentials(org)).rest, { pollInterval: 5, ...options });
  const upload = (more: Partial<Upload> = {}): Upload => ({ dataset: "Readings", operation: "Overwrite", csv: "Device,Value\na,1\n", metadata: METADATA, ...more });
  const headers = () => org.records("InsightsExternalData");
  const parts = () => org.records("InsightsExternalDataPart");

  it("makes a dataset of CSV, and waits until the org is done with it", async () => {
    const result = await uploader().upload(upload());
    assert.deepEqual(result, { id: headers()[0]?.Id, success: true, dataset: "Readings", parts: 1, status: "Completed", message: null });
  });

  it("does not wait if it is not told to", async () => {
    assert.equal((await uploader({ wait: 0 }).upload(upload())).status, "InProgress");
  });

  it("waits no longer when its node is stopped: the rows are with the org", async () => {
    const client = uploader({ pollInterval: 120_000 });
    const uploading = client.upload(upload());
    await waitFor("the order to process", () => headers()[0]?.Action === "Process");
    client.close();
    assert.match((await uploading).status, /InProgress|Completed/);
  });

  it("splits what is too large for one record", async () => {
    const csv = `Device,Value\n${Array.from({ length: 200 }, (_, i) => `${randomBytes(20).toString("hex")},${i}`).join("\n")}\n`;
    const { parts: count, status } = await uploader({ partSize: 1000 }).upload(upload({ csv }));
    assert.equal(status, "Completed");
    assert.ok(count > 3);
    assert.deepEqual(parts().map(({ PartNumber }) => PartNumber), Array.from({ length: count }, (_, i) => i + 1));
  });

  it("fails by itself where a part never gets through while others do, and is held while nothing does", async () => {
    const scopesOf = async (path: string): Promise<string[]> => {
      org.control.failNext({ status: 403, html: "<html>blocked</html>", path, count: 100 });
      const [client, one] = [uploader(), upload()];
      const scopes: string[] = [];
      for (let tries = 0; tries < 6 && scopes.at(-1) !== "message"; tries += 1) await client.upload(one).catch((error: unknown) => isConnectorError(error) && scopes.push(error.scope));
      return scopes;
    };
    const held = (count: number): string[] => new Array<string>(count).fill("system");
    assert.deepEqual(await scopesOf("DataPart"), [...held(4), "message"]);
    assert.deepEqual(await scopesOf("/services/data/"), held(6));
  });

  it("is held if all its rows are uploaded and only its progress cannot be queried, since a repeat would load them twice", async () => {
    const [client, one] = [uploader(), upload({ operation: "Append" })];
    org.control.failNext({ status: 403, html: "<html>blocked</html>", path: "/InsightsExternalData/06V", method: "GET", count: 7 });
    for (let tries = 0; tries < 7; tries += 1) await assert.rejects(client.upload(one), (error) => isConnectorError(error) && error.scope === "system");
    assert.equal((await client.upload(one)).status, "Completed");
    assert.equal(headers().length, 1);
  });

  it("tells why the org could not use the data", async () => {
    await assert.rejects(uploader().upload(upload({ csv: "Device,Value\na,much\n" })), (error) => {
      assert.ok(isConnectorError(error));
      assert.deepEqual([error.code, error.retryable], ["ORG_REFUSED", false]);
      assert.match(error.message, /Readings was not loaded: The column Value is Numeric, and 'much' is no number/);
      return true;
    });
  });

  for (const [what, path] of [["the header", "/sobjects/InsightsExternalData"], ["a part", "DataPart"], ["the order to process", "/InsightsExternalData/06V"]]) {
    for (const when of ["before", "after"] as const) {
      it(`loads the rows once when the connection breaks ${when} ${what} is stored`, async () => {
        const client = uploader();
        await client.upload(upload({ csv: "Device,Value\nold,1\n" }));
        org.control.resetConnections({ when, path, ...(what === "the order to process" ? { method: "PATCH" } : {}) });
        const again = upload({ operation: "Append", csv: "Device,Value\nnew,1\n" });
        await assert.rejects(client.upload(again), (error) => isConnectorError(error) && error.scope === "system");
        assert.equal((await client.upload(again)).status, "Completed");
        assert.equal(parts().length, 2);
        assert.equal(headers().filter(({ Status }) => Status === "Completed").length, 2);
      });
    }
  }

  it("writes rows as CSV with every column, dates and quotes", () => {
    const rows = [{ a: 1, b: 'x "y"' }, { c: new Date(0), b: null, a: true }];
    assert.equal(toCsv(rows), 'a,b,c\n1,"x ""y""",\ntrue,,1970-01-01T00:00:00.000Z\n');
    for (const wrong of ["", [], [1], 5, null]) assert.throws(() => toCsv(wrong as never), /INPUT_INVALID/);
  });

  describe("in a flow", () => {
    const flow = new RequestFlow();
    before((done) => void helper.startServer(done));
    after((done) => void helper.stopServer(done));
    afterEach(() => void helper.unload());

    it("takes rows from the message, and can be asked for them by SAQL", async () => {
      const load = { preset: "analytics-upload", dataset: "Readings", datasetWait: 0, datasetMetadata: JSON.stringify(METADATA) };
      await flow.deploy(org, {
        load, wrong: { ...load, dataset: "" }, datasets: { path: "/wave/datasets" }, query: { method: "POST", path: "/wave/query" },
      });
      const answer = await flow.send("load", { payload: [{ Device: "a", Value: 1 }, { Device: "b", Value: 2 }] });
      assert.equal((answer.payload as { status: string }).status, "InProgress");
      const { datasets } = (await flow.send("datasets")).payload as { datasets: { id: string; currentVersionId: string }[] };
      const query = `q = load "${datasets[0]?.id}/${datasets[0]?.currentVersionId}"; q = filter q by 'Value' == 2; q = foreach q generate 'Device' as 'd';`;
      const { results } = (await flow.send("query", { payload: { query } })).payload as { results: { records: object[] } };
      assert.deepEqual(results.records, [{ d: "b" }]);
      assert.equal((await flow.send("load", { payload: 5 })).error?.code, "INPUT_INVALID");
      assert.equal((await flow.send("wrong", { payload: [] })).error?.code, "NOT_CONFIGURED");
    });
  });
});
