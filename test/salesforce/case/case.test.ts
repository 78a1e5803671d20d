import assert from "node:assert/strict";
import type { NodeMessage } from "node-red";
import helper from "node-red-node-test-helper";
import { DEFAULT_CLIENT_ID, type Emulator } from "../../../emulator/src/index";
import { remains, waitFor } from "../../services/wait";
import { collectionCalls, EXTERNAL_ID, Orgs, tokenRequests } from "../support";
import { CaseFlow, SECRETS } from "./case-flow";

helper.init(require.resolve("node-red"));

describe("The salesforce case node", () => {
  const orgs = new Orgs();
  let org: Emulator;

  before((done) => void helper.startServer(done));
  after((done) => void helper.stopServer(done));
  beforeEach(async () => (org = await orgs.start()));
  afterEach(async () => {
    await helper.unload();
    await orgs.stop();
  });

  const { event } = CaseFlow;
  const deploy = (settings: object = {}, credentials: object = SECRETS, more: object[] = []): Promise<CaseFlow> => CaseFlow.deploy(org, settings, credentials, more);
  const ids = (): string[] => org.records("Case").map((one) => String(one[EXTERNAL_ID])).sort();

  it("makes a case of a message and passes the same message on", async () => {
    const flow = await deploy();
    flow.send({ ...event("a", { origin: "Device" }), topic: "plant.north", _msgid: "m1" } as NodeMessage);
    await flow.all(1);
    const [record] = org.records("Case");
    assert.equal(record?.Subject, "event a");
    assert.equal(record?.Origin, "Device");
    assert.equal(flow.passed[0]?._msgid, "m1");
    assert.equal(flow.passed[0]?.topic, "plant.north");
    assert.deepEqual(flow.passed[0]?.salesforce, { id: record?.Id, caseNumber: record?.CaseNumber, success: true, created: true, errors: [] });
  });

  it("makes 200 cases of 200 messages in one call", async () => {
    const flow = await deploy();
    flow.sendMany(200);
    await flow.all(200);
    assert.equal(collectionCalls(org), 1);
    assert.equal(new Set(flow.passed.map((msg) => msg.salesforce?.id)).size, 200);
  });

  it("fails only the refused one of 200, with the org's words", async () => {
    const flow = await deploy();
    flow.sendMany(120);
    flow.send(event("bad", { origin: "Smoke signal" }));
    flow.sendMany(79, "f");
    await flow.all(200);
    assert.equal(flow.passed.length, 199);
    assert.equal(flow.caught.length, 1);
    assert.deepEqual((flow.caught[0]?.payload as { id: string }).id, "bad");
    assert.equal(flow.caught[0]?.error?.code, "ORG_REFUSED");
    assert.match(flow.caught[0]?.error?.message ?? "", /bad value for restricted picklist field: Smoke signal/);
    assert.ok(collectionCalls(org) <= 2);
    assert.equal(org.records("Case").length, 199);
  });

  it("stores messages with the same external id one after the other, in order", async () => {
    const flow = await deploy({ linger: 0 });
    for (const [id, status] of [["dev-1", "New"], ["DEV-1", "Working"], [" dev-1 ", "Escalated"], ["dev-1", "Closed"]]) flow.send(event(String(id), { status }));
    await flow.all(4);
    assert.equal(flow.caught.length, 0);
    assert.deepEqual(flow.passed.map((msg) => (msg.payload as { status: string }).status), ["New", "Working", "Escalated", "Closed"]);
    assert.deepEqual(org.records("Case").map((one) => one.Status), ["Closed"]);
  });

  it("holds its messages while the org is down, and makes one case of each when it is back", async () => {
    const flow = await deploy();
    await waitFor("the sign-in", () => flow.statuses.some(({ fill }) => fill === "green"));
    org.control.unavailable();
    flow.sendMany(300);
    await waitFor("the status to say so", () => flow.statuses.some(({ fill }) => fill === "yellow"));
    assert.equal(flow.passed.length + flow.caught.length, 0);
    org.control.clearFaults();
    await flow.all(300);
    assert.equal(flow.caught.length, 0);
    assert.equal(ids().length, 300);
    await waitFor("the status to be green", () => flow.statuses.at(-1)?.fill === "green");
  });

  it("makes one case of each message when a connection breaks after the org has acted", async () => {
    const flow = await deploy();
    org.control.resetConnections({ when: "after" });
    flow.sendMany(200);
    await flow.all(200);
    assert.equal(flow.caught.length, 0);
    assert.equal(new Set(ids()).size, 200);
    assert.equal(ids().length, 200);
  });

  it("renews its token once when it expires in the middle", async () => {
    const flow = await deploy();
    flow.sendMany(250);
    await flow.all(250);
    org.control.expireTokens();
    flow.sendMany(650, "late");
    await flow.all(900);
    assert.equal(flow.caught.length, 0);
    assert.equal(org.control.stats().logins, 2);
    assert.equal(org.records("Case").length, 900);
  });

  it("signs in once for all messages and nodes", async () => {
    const flow = await deploy();
    flow.sendMany(100);
    await flow.all(100);
    assert.equal(tokenRequests(org), 1);
  });

  it("with a wrong secret turns red, keeps its messages, and does not go on asking", async () => {
    const flow = await deploy({}, { org: { clientId: DEFAULT_CLIENT_ID, clientSecret: "wrong-secret" } });
    flow.sendMany(100);
    await waitFor("the status to turn red", () => flow.statuses.some(({ fill, text }) => fill === "red" && text?.includes("refused the login")));
    flow.sendMany(100, "more");
    await remains("two logins at most", () => tokenRequests(org) <= 2, 300);
    assert.equal(flow.passed.length + flow.caught.length, 0);
    const logged = helper.log().args.map(([entry]) => JSON.stringify(entry));
    assert.equal(logged.filter((line) => line.includes("ORG_LOGIN_FAILED")).length, 1);
    assert.ok(!logged.some((line) => line.includes("wrong-secret")));
  });

  it("sends each message to the division of its topic, with that division's org and defaults", async () => {
    const south = await orgs.start();
    const flow = await deploy(
      {
        defaults: [{ field: "Priority", value: "Low", valueType: "str" }],
        divisions: [
          { when: "plant.south.#", org: "south", defaults: [{ field: "Priority", value: "High", valueType: "str" }] },
          { when: "plant.*", org: "", defaults: [] },
        ],
      },
      { ...SECRETS, south: SECRETS.org },
      [{ id: "south", type: "surewire-salesforce-org", loginUrl: south.url, flow: "client-credentials" }],
    );
    flow.send(event("n", {}, { topic: "plant.north" }));
    flow.send(event("s", {}, { topic: "plant.south.hall3" }));
    flow.send(event("x", {}, { topic: "office.desk" }));
    await flow.all(3);
    assert.deepEqual(org.records("Case").map((one) => [one[EXTERNAL_ID], one.Priority]), [["n", "Low"]]);
    assert.deepEqual(south.records("Case").map((one) => [one[EXTERNAL_ID], one.Priority]), [["s", "High"]]);
    assert.deepEqual(flow.passed.map((msg) => msg.salesforce?.division).sort(), ["plant.*", "plant.south.#"]);
    assert.equal(flow.caught[0]?.error?.code, "DIVISION_UNKNOWN");
    assert.match(flow.caught[0]?.error?.message ?? "", /office\.desk/);
  });

  it("maps with JSONata, and keeps the order of what arrives for one external id", async () => {
    const flow = await deploy({ mapping: [{ field: "Subject", value: '"Device " & payload.id & " in " & topic', valueType: "jsonata" }] });
    flow.send(event("a", {}, { topic: "first" }));
    flow.send(event("a", {}, { topic: "second" }));
    await flow.all(2);
    assert.deepEqual(org.records("Case").map((one) => one.Subject), ["Device a in second"]);
  });

  for (const [what, payload, text] of [
    ["without an external id", { id: undefined }, /external id for Device_Event_Id__c is missing/],
    ["with an object for an external id", { id: { a: 1 } }, /neither a text nor a number/],
    ["with an object where a text belongs", { id: "a", subject: { deep: [1] } }, /Field Subject: an object/],
  ] as const) {
    it(`fails a message ${what}, alone`, async () => {
      const flow = await deploy();
      flow.send({ payload } as NodeMessage);
      flow.send(event("good"));
      await flow.all(2);
      assert.equal(flow.caught[0]?.error?.code, "INPUT_INVALID");
      assert.match(flow.caught[0]?.error?.message ?? "", text);
      assert.deepEqual(ids(), ["good"]);
    });
  }

  it("makes a case of every message without an external id field", async () => {
    const flow = await deploy({ externalIdField: "" });
    flow.send(event("a"));
    flow.send(event("a"));
    await flow.all(2);
    assert.equal(org.records("Case").length, 2);
    assert.equal(collectionCalls(org), 1);
  });

  it("without an org fails its messages and says so", async () => {
    const flow = await deploy({ org: "" });
    flow.send(event("a"));
    await flow.all(1);
    assert.equal(flow.caught[0]?.error?.code, "NOT_CONFIGURED");
    assert.equal(flow.statuses.at(-1)?.fill, "red");
  });

  it("stores what it has before it stops", async () => {
    const flow = await deploy({ linger: 5000 });
    flow.sendMany(30);
    await waitFor("them to be taken", () => flow.statuses.some(({ fill }) => fill === "blue"));
    await helper.clearFlows();
    assert.equal(org.records("Case").length, 30);
  });

  it("stops at once while the org is down, and makes no case afterwards", async () => {
    const flow = await deploy();
    org.control.unavailable();
    flow.sendMany(30);
    await waitFor("it to wait", () => flow.statuses.some(({ fill }) => fill === "yellow"));
    const start = Date.now();
    await helper.clearFlows();
    assert.ok(Date.now() - start < 7_000); // the drain takes 8 s
    assert.equal(org.records("Case").length, 0);
  });
});
