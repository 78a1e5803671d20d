import assert from "node:assert/strict";
import helper from "node-red-node-test-helper";
import type { Emulator } from "../../../emulator/src/index";
import { waitFor } from "../../services/wait";
import { EXTERNAL_ID, Orgs } from "../support";
import { CaseFlow, SECRETS } from "./case-flow";

const { event } = CaseFlow;

helper.init(require.resolve("node-red"));

describe("The salesforce case node, when the org of a division is deployed anew by itself", () => {
  const orgs = new Orgs();
  let north: Emulator;
  let south: Emulator;

  before((done) => void helper.startServer(done));
  after((done) => void helper.stopServer(done));
  beforeEach(async () => {
    north = await orgs.start();
    south = await orgs.start();
  });
  afterEach(async () => {
    await helper.unload();
    await orgs.stop();
  });

  it("sends the next case to where it is now", async () => {
    const division = { id: "other", type: "surewire-salesforce-org", loginUrl: north.url, flow: "client-credentials" };
    const flow = await CaseFlow.deploy(north, { divisions: [{ when: "#", org: "other", defaults: [] }] }, { ...SECRETS, other: SECRETS.org }, [division]);
    flow.send(event("a", {}, { topic: "x" }));
    await flow.all(1);
    const nodes = flow.saved.map((node) => (node.id === "other" ? { ...node, loginUrl: south.url } : node));
    await helper.setFlows(nodes as never, "nodes", { ...SECRETS, other: SECRETS.org } as never, undefined as never);
    flow.send(event("b", {}, { topic: "x" }));
    await flow.all(2);
    assert.deepEqual(flow.caught, []);
    await waitFor("the case to be there", () => south.records("Case").length === 1);
    assert.deepEqual([north.records("Case").map((one) => one[EXTERNAL_ID]), south.records("Case").map((one) => one[EXTERNAL_ID])], [["a"], ["b"]]);
  });

  it("fails messages for what is wrong when the org is gone, says so once, and goes on when it is back", async () => {
    const division = { id: "other", type: "surewire-salesforce-org", loginUrl: north.url, flow: "client-credentials" };
    const secrets = { ...SECRETS, other: SECRETS.org };
    const flow = await CaseFlow.deploy(north, { divisions: [{ when: "#", org: "other", defaults: [] }] }, secrets, [division]);
    const deploy = (nodes: object[]): Promise<unknown> => helper.setFlows(nodes as never, "nodes", secrets as never, undefined as never) as unknown as Promise<unknown>;
    await deploy(flow.saved.filter(({ id }) => id !== "other"));
    flow.send(event("a", {}, { topic: "x" }), event("b", {}, { topic: "x" }));
    await flow.all(2);
    assert.deepEqual(flow.caught.map(({ error }) => error?.code), ["NOT_CONFIGURED", "NOT_CONFIGURED"]);
    assert.equal(flow.errors.filter((text) => text === "NOT_CONFIGURED: The chosen Salesforce org is missing or disabled").length, 1);
    await deploy(flow.saved.map((node) => (node.id === "other" ? { ...node, credentials: SECRETS.org } : node))); // as an editor sends them with a new node
    flow.send(event("c", {}, { topic: "x" }));
    await flow.all(3);
    assert.deepEqual(north.records("Case").map((one) => one[EXTERNAL_ID]), ["c"]);
  });
});
