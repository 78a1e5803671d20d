import assert from "node:assert/strict";
import type { Node, NodeMessage } from "node-red";
import helper from "node-red-node-test-helper";
import { DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET, type Emulator } from "../../../emulator/src/index";
import caseNode = require("../../../nodes/salesforce/case/case");
import orgNode = require("../../../nodes/salesforce/org/org");
import { waitFor } from "../../services/wait";
import { collectionCalls, EXTERNAL_ID, Orgs, tokenRequests } from "../support";

// eslint-disable-next-line @typescript-eslint/no-require-imports
const catchNode = require("@node-red/nodes/core/common/25-catch.js") as typeof caseNode;

type Passed = NodeMessage & { salesforce?: { id: string; created: boolean; division?: string }; error?: { code?: string; message: string; source: { id: string } } };
interface Spy {
  args: unknown[][];
}

const SECRETS = { org: { clientId: DEFAULT_CLIENT_ID, clientSecret: DEFAULT_CLIENT_SECRET } };

helper.init(require.resolve("node-red"));

describe("The salesforce case node", () => {
  const orgs = new Orgs();
  let org: Emulator;
  let passed: Passed[];
  let caught: Passed[];

  before((done) => void helper.startServer(done));
  after((done) => void helper.stopServer(done));
  beforeEach(async () => (org = await orgs.start()));
  afterEach(async () => {
    await helper.unload();
    await orgs.stop();
  });

  /** Deploys org, case, catch and two ends, and returns the case node. */
  async function deploy(settings: object = {}, credentials: object = SECRETS, more: { id: string; type: string }[] = []): Promise<Node> {
    const mapping = [
      { field: "Subject", value: "payload.subject", valueType: "msg" },
      { field: "Status", value: "payload.status", valueType: "msg" },
      { field: "Origin", value: "payload.origin", valueType: "msg" },
    ];
    const flow = [
      { id: "tab", type: "tab" },
      { id: "org", type: "surewire-salesforce-org", loginUrl: org.url, flow: "client-credentials" },
      { id: "case", z: "tab", type: "surewire-salesforce-case", org: "org", divisions: [], mapping, defaults: [], externalIdField: EXTERNAL_ID,
        externalId: "payload.id", externalIdType: "msg", assignment: "default", batchSize: 200, linger: 50, wires: [["end"]], ...settings },
      { id: "catch", z: "tab", type: "catch", scope: ["case"], wires: [["errors"]] },
      { id: "end", z: "tab", type: "helper" },
      { id: "errors", z: "tab", type: "helper" },
      ...more,
    ];
    // Without a place on a tab Node-RED takes a node for a config node.
    const placed = flow.map((node) => ("z" in node ? { x: 1, y: 1, ...node } : node));
    await helper.load([orgNode, caseNode, catchNode], placed as never, credentials as never);
    passed = [];
    caught = [];
    helper.getNode("end").on("input", (msg) => void passed.push(msg));
    helper.getNode("errors").on("input", (msg) => void caught.push(msg));
    return helper.getNode("case");
  }

  const event = (id: string, payload: object = {}, more: object = {}): NodeMessage => ({ payload: { id, subject: `event ${id}`, ...payload }, ...more }) as NodeMessage;
  const sendMany = (node: Node, count: number, prefix = "e"): void => {
    for (let i = 0; i < count; i += 1) node.receive(event(`${prefix}${i}`));
  };
  const all = (count: number) => waitFor(`${count} messages to be through`, () => passed.length + caught.length >= count, { timeout: 10_000 });
  const ids = (): string[] => org.records("Case").map((one) => String(one[EXTERNAL_ID])).sort();
  const statuses = (node: Node): { fill?: string; text?: string }[] => (node.status as unknown as Spy).args.map(([status]) => status as { fill?: string; text?: string });

  it("makes a case of a message and passes the same message on", async () => {
    const node = await deploy();
    node.receive({ ...event("a", { origin: "Device" }), topic: "plant.north", _msgid: "m1" } as NodeMessage);
    await all(1);
    const [record] = org.records("Case");
    assert.equal(record?.Subject, "event a");
    assert.equal(record?.Origin, "Device");
    assert.equal(passed[0]?._msgid, "m1");
    assert.equal(passed[0]?.topic, "plant.north");
    assert.deepEqual(passed[0]?.salesforce, { id: record?.Id, caseNumber: record?.CaseNumber, success: true, created: true, errors: [] });
  });

  it("makes 200 cases of 200 messages in one call", async () => {
    sendMany(await deploy(), 200);
    await all(200);
    assert.equal(collectionCalls(org), 1);
    assert.equal(new Set(passed.map((msg) => msg.salesforce?.id)).size, 200);
  });

  it("fails only the refused one of 200, with the org's words", async () => {
    const node = await deploy();
    sendMany(node, 120);
    node.receive(event("bad", { origin: "Smoke signal" }));
    sendMany(node, 79, "f");
    await all(200);
    assert.equal(passed.length, 199);
    assert.equal(caught.length, 1);
    assert.deepEqual((caught[0]?.payload as { id: string }).id, "bad");
    assert.equal(caught[0]?.error?.code, "ORG_REFUSED");
    assert.match(caught[0]?.error?.message ?? "", /bad value for restricted picklist field: Smoke signal/);
    assert.ok(collectionCalls(org) <= 2);
    assert.equal(org.records("Case").length, 199);
  });

  it("stores messages with the same external id one after the other, in order", async () => {
    const node = await deploy({ linger: 0 });
    for (const [id, status] of [["dev-1", "New"], ["DEV-1", "Working"], [" dev-1 ", "Escalated"], ["dev-1", "Closed"]]) node.receive(event(String(id), { status }));
    await all(4);
    assert.equal(caught.length, 0);
    assert.deepEqual(passed.map((msg) => (msg.payload as { status: string }).status), ["New", "Working", "Escalated", "Closed"]);
    assert.deepEqual(org.records("Case").map((one) => one.Status), ["Closed"]);
  });

  it("holds its messages while the org is down, and makes one case of each when it is back", async () => {
    const node = await deploy();
    await waitFor("the sign-in", () => statuses(node).some(({ fill }) => fill === "green"));
    org.control.unavailable();
    sendMany(node, 300);
    await waitFor("the status to say so", () => statuses(node).some(({ fill }) => fill === "yellow"));
    assert.equal(passed.length + caught.length, 0);
    org.control.clearFaults();
    await all(300);
    assert.equal(caught.length, 0);
    assert.equal(ids().length, 300);
    await waitFor("the status to be green", () => statuses(node).at(-1)?.fill === "green");
  });

  it("makes one case of each message when a connection breaks after the org has acted", async () => {
    const node = await deploy();
    org.control.resetConnections({ when: "after" });
    sendMany(node, 200);
    await all(200);
    assert.equal(caught.length, 0);
    assert.equal(new Set(ids()).size, 200);
    assert.equal(ids().length, 200);
  });

  it("renews its token once when it expires in the middle", async () => {
    const node = await deploy();
    sendMany(node, 250);
    await all(250);
    org.control.expireTokens();
    sendMany(node, 650, "late");
    await all(900);
    assert.equal(caught.length, 0);
    assert.equal(org.control.stats().logins, 2);
    assert.equal(org.records("Case").length, 900);
  });

  it("signs in once for all messages and nodes", async () => {
    sendMany(await deploy(), 100);
    await all(100);
    assert.equal(tokenRequests(org), 1);
  });

  it("with a wrong secret turns red, keeps its messages, and does not go on asking", async () => {
    const node = await deploy({}, { org: { clientId: DEFAULT_CLIENT_ID, clientSecret: "wrong-secret" } });
    sendMany(node, 100);
    await waitFor("the status to turn red", () => statuses(node).some(({ fill, text }) => fill === "red" && text?.includes("refused the login")));
    sendMany(node, 100, "more");
    await new Promise((resolve) => setTimeout(resolve, 300));
    assert.ok(tokenRequests(org) <= 2, `${tokenRequests(org)} logins`);
    assert.equal(passed.length + caught.length, 0);
    const logged = helper.log().args.map(([entry]) => JSON.stringify(entry));
    assert.equal(logged.filter((line) => line.includes("ORG_LOGIN_FAILED")).length, 1);
    assert.ok(!logged.some((line) => line.includes("wrong-secret")));
  });

  it("sends each message to the division of its topic, with that division's org and defaults", async () => {
    const south = await orgs.start();
    const node = await deploy(
      {
        defaults: [{ field: "Priority", value: "Low", valueType: "str" }],
        divisions: [
          { when: "plant.south.#", org: "south", defaults: [{ field: "Priority", value: "High", valueType: "str" }] },
          { when: "plant.*", org: "", defaults: [] },
        ],
      },
      { ...SECRETS, south: SECRETS.org },
      [{ id: "south", type: "surewire-salesforce-org", loginUrl: south.url, flow: "client-credentials" } as never],
    );
    node.receive(event("n", {}, { topic: "plant.north" }));
    node.receive(event("s", {}, { topic: "plant.south.hall3" }));
    node.receive(event("x", {}, { topic: "office.desk" }));
    await all(3);
    assert.deepEqual(org.records("Case").map((one) => [one[EXTERNAL_ID], one.Priority]), [["n", "Low"]]);
    assert.deepEqual(south.records("Case").map((one) => [one[EXTERNAL_ID], one.Priority]), [["s", "High"]]);
    assert.deepEqual(passed.map((msg) => msg.salesforce?.division).sort(), ["plant.*", "plant.south.#"]);
    assert.equal(caught[0]?.error?.code, "DIVISION_UNKNOWN");
    assert.match(caught[0]?.error?.message ?? "", /office\.desk/);
  });

  it("maps with JSONata, and keeps the order of what arrives for one external id", async () => {
    const node = await deploy({ mapping: [{ field: "Subject", value: '"Device " & payload.id & " in " & topic', valueType: "jsonata" }] });
    node.receive(event("a", {}, { topic: "first" }));
    node.receive(event("a", {}, { topic: "second" }));
    await all(2);
    assert.deepEqual(org.records("Case").map((one) => one.Subject), ["Device a in second"]);
  });

  for (const [what, payload, text] of [
    ["without an external id", { id: undefined }, /external id for Device_Event_Id__c is missing/],
    ["with an object for an external id", { id: { a: 1 } }, /neither a text nor a number/],
    ["with an object where a text belongs", { id: "a", subject: { deep: [1] } }, /Field Subject: an object/],
  ] as const) {
    it(`fails a message ${what}, alone`, async () => {
      const node = await deploy();
      node.receive({ payload } as NodeMessage);
      node.receive(event("good"));
      await all(2);
      assert.equal(caught[0]?.error?.code, "INPUT_INVALID");
      assert.match(caught[0]?.error?.message ?? "", text);
      assert.deepEqual(ids(), ["good"]);
    });
  }

  it("makes a case of every message without an external id field", async () => {
    const node = await deploy({ externalIdField: "" });
    node.receive(event("a"));
    node.receive(event("a"));
    await all(2);
    assert.equal(org.records("Case").length, 2);
    assert.equal(collectionCalls(org), 1);
  });

  it("without an org fails its messages and says so", async () => {
    const node = await deploy({ org: "" });
    node.receive(event("a"));
    await all(1);
    assert.equal(caught[0]?.error?.code, "NOT_CONFIGURED");
    assert.equal(statuses(node).at(-1)?.fill, "red");
  });

  it("stores what it has before it stops", async () => {
    const node = await deploy({ linger: 5000 });
    sendMany(node, 30);
    await waitFor("them to be taken", () => statuses(node).some(({ fill }) => fill === "blue"));
    await helper.clearFlows();
    assert.equal(org.records("Case").length, 30);
  });

  it("stops at once while the org is down, and makes no case afterwards", async () => {
    const node = await deploy();
    org.control.unavailable();
    sendMany(node, 30);
    await waitFor("it to wait", () => statuses(node).some(({ fill }) => fill === "yellow"));
    const start = Date.now();
    await helper.clearFlows();
    assert.ok(Date.now() - start < 3000);
    assert.equal(org.records("Case").length, 0);
  });
});
