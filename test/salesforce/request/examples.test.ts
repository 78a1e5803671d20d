import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import helper from "node-red-node-test-helper";
import type { Emulator } from "../../../emulator/src/index";
import { Orgs } from "../support";
import { RequestFlow } from "./support";

type ExampleNode = { id: string; type: string; payload?: string; org?: string } & Record<string, unknown>;

/** A request node of an example, and the payload that the example's button sends. */
function example(file: string, name: string): { node: ExampleNode; payload: unknown } {
  const nodes = JSON.parse(readFileSync(join(__dirname, "../../../examples/salesforce", file), "utf8")) as ExampleNode[];
  const node = nodes.find((one) => one.type === "surewire-salesforce-request" && one.name === name);
  const inject = nodes.find(({ type }) => type === "inject");
  assert.ok(node);
  return { node: { ...node, org: "org", z: "tab", wires: [["end"]] }, payload: inject?.payload ? (JSON.parse(inject.payload) as unknown) : undefined };
}

describe("The examples of the salesforce request node", () => {
  const orgs = new Orgs();
  const flow = new RequestFlow();
  let org: Emulator;

  before((done) => void helper.startServer(done));
  after((done) => void helper.stopServer(done));
  beforeEach(async () => (org = await orgs.start()));
  afterEach(async () => {
    await helper.unload();
    await orgs.stop();
  });

  it("composite makes an account, its contact and a case", async () => {
    const { node, payload } = example("composite.json", "all or none");
    await flow.deploy(org, { [node.id]: node }, { apiVersion: "68.0" });
    assert.equal((await flow.send(node.id, { payload })).error, undefined);
    const [account] = org.records("Account");
    assert.deepEqual([org.records("Contact")[0]?.AccountId, org.records("Case")[0]?.AccountId], [account?.Id, account?.Id]);
  });

  it("dataset-upload adds its readings to the dataset", async () => {
    const { node, payload } = example("dataset-upload.json", "add readings");
    await flow.deploy(org, { [node.id]: { ...node, datasetWait: 0 }, list: { path: "/wave/datasets" } });
    assert.equal((await flow.send(node.id, { payload })).error, undefined);
    const { datasets } = (await flow.send("list")).payload as { datasets: { name: string; label: string }[] };
    assert.deepEqual(datasets.map(({ name, label }) => [name, label]), [["Device_Readings", "Device readings"]]);
  });

  it("report runs the report it is given", async () => {
    org.control.declare({ reports: [{ name: "Cases", object: "Case", columns: ["Subject"] }] });
    const run = example("report.json", "run it").node;
    const list = example("report.json", "list reports").node;
    await flow.deploy(org, { [run.id]: run, [list.id]: list });
    const [report] = (await flow.send(list.id)).payload as { id: string }[];
    const { payload } = await flow.send(run.id, { reportId: report?.id });
    assert.deepEqual((payload as { reportMetadata: { detailColumns: string[] } }).reportMetadata.detailColumns, ["Case.Subject"]);
  });
});
