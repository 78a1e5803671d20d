import assert from "node:assert/strict";
import type { Node, NodeMessage } from "node-red";
import helper from "node-red-node-test-helper";
import { DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET, type Emulator } from "../../../emulator/src/index";
import orgNode = require("../../../nodes/salesforce/org/org");
import recordNode = require("../../../nodes/salesforce/record/record");
import { waitFor } from "../../services/wait";
import { collectionCalls, EXTERNAL_ID, Orgs, tokenRequests } from "../support";

// eslint-disable-next-line @typescript-eslint/no-require-imports
const catchNode = require("@node-red/nodes/core/common/25-catch.js") as typeof recordNode;

// what operations put out has a shape of its own each
// eslint-disable-next-line @typescript-eslint/no-explicit-any
type Loose = any;
type Passed = NodeMessage & { payload: Loose; salesforce?: Loose; error?: { code?: string; message: string } };

const SECRETS = { org: { clientId: DEFAULT_CLIENT_ID, clientSecret: DEFAULT_CLIENT_SECRET } };

helper.init(require.resolve("node-red"));

describe("The salesforce record node", () => {
  const orgs = new Orgs();
  let org: Emulator;
  let passed: Passed[];
  let refused: Passed[];
  let caught: Passed[];
  let loaded = false;

  before((done) => void helper.startServer(done));
  after((done) => void helper.stopServer(done));
  beforeEach(async () => (org = await orgs.start()));
  afterEach(async () => {
    await helper.unload();
    loaded = false;
    await orgs.stop();
  });

  /** Deploys org, record, catch and the ends, and returns the record node. */
  async function deploy(settings: object): Promise<Node> {
    if (loaded) await helper.unload();
    loaded = true;
    const flow = [
      { id: "tab", type: "tab" },
      { id: "org", type: "surewire-salesforce-org", loginUrl: org.url, flow: "client-credentials" },
      { id: "record", z: "tab", type: "surewire-salesforce-record", org: "org", operation: "create", object: "Account", objectType: "str", recordId: "", recordIdType: "msg", externalIdField: "",
        fields: "payload", fieldsType: "msg", returnFields: "", mergeIds: "mergeIds", mergeIdsType: "msg", start: "start", startType: "msg", end: "", endType: "msg", limit: 200, allOrNone: false, failedOutput: true,
        assignment: "default", duplicateRule: "block", batchSize: 200, linger: 20, wires: [["end"], ["refused"]], ...settings },
      { id: "catch", z: "tab", type: "catch", scope: ["record"], wires: [["errors"]] },
      { id: "end", z: "tab", type: "helper" },
      { id: "refused", z: "tab", type: "helper" },
      { id: "errors", z: "tab", type: "helper" },
    ];
    // Without a place on a tab Node-RED takes a node for a config node.
    await helper.load([orgNode, recordNode, catchNode], flow.map((node) => ("z" in node ? { x: 1, y: 1, ...node } : node)) as never, SECRETS as never);
    [passed, refused, caught] = [[], [], []];
    helper.getNode("end").on("input", (msg) => void passed.push(msg as Passed));
    helper.getNode("refused").on("input", (msg) => void refused.push(msg as Passed));
    helper.getNode("errors").on("input", (msg) => void caught.push(msg as Passed));
    return helper.getNode("record");
  }

  const through = (count: number) => waitFor(`${count} messages to be through`, () => passed.length + caught.length >= count);
  const give = (node: Node, ...payloads: unknown[]): void => payloads.forEach((payload) => node.receive({ payload }));
  const insert = (object: string, ...records: Record<string, unknown>[]): string[] => org.control.insert({ object, records }).ids;

  it("gathers single records of several messages into one call, and settles each by its own result", async () => {
    const node = await deploy({ object: "Contact" });
    give(node, { LastName: "a" }, { FirstName: "no last name" }, { LastName: "b", Birthdate: null });
    await through(3);
    assert.equal(collectionCalls(org), 1);
    assert.deepEqual(passed.map(({ salesforce }) => [salesforce.success, salesforce.created, salesforce.errors]), [[true, true, []], [true, true, []]]);
    assert.equal(passed[0]?.salesforce.id, org.records("Contact")[0]?.Id);
    assert.deepEqual([caught[0]?.error?.code, caught.length], ["ORG_REFUSED", 1]);
    assert.match(caught[0]?.error?.message ?? "", /REQUIRED_FIELD_MISSING.*LastName/);
    assert.deepEqual(caught[0]?.salesforce, { success: false, errors: [{ statusCode: "REQUIRED_FIELD_MISSING", message: "Required fields are missing: [LastName]", fields: ["LastName"] }] });
  });

  it("takes dates, Buffers, null and parents by external id; what is undefined stays as it is", async () => {
    insert("Case", { [EXTERNAL_ID]: "parent" });
    const [id = ""] = insert("Contact", { LastName: "x", Title: "gone", Description: "kept" });
    const node = await deploy({ operation: "update", object: "Contact" });
    give(node, { Id: id, Birthdate: "2001-02-03", Title: null, Description: undefined, Email: "a@example.com" });
    await through(1);
    const [contact] = org.records("Contact");
    assert.deepEqual([contact?.Birthdate, contact?.Title, contact?.Description, contact?.Email], ["2001-02-03", null, "kept", "a@example.com"]);
    const cases = await deploy({ object: "Case", linger: 0 });
    cases.receive({ payload: { Subject: "child", Description: Buffer.from("hello"), Parent: { [EXTERNAL_ID]: "parent" } } });
    await through(1);
    const child = org.records("Case")[1];
    assert.deepEqual([child?.Description, child?.ParentId], ["aGVsbG8=", org.records("Case")[0]?.Id]);
  });

  it("upserts by an external id, in order for each id", async () => {
    const node = await deploy({ operation: "upsert", object: "Case", externalIdField: EXTERNAL_ID });
    for (let i = 0; i < 5; i += 1) give(node, { [EXTERNAL_ID]: "e1", Subject: `s${i}`, Id: undefined });
    give(node, { Subject: "no id" });
    await through(6);
    assert.deepEqual(org.records("Case").map(({ Subject }) => Subject), ["s4"]);
    assert.deepEqual(passed.map(({ salesforce }) => salesforce.created), [true, false, false, false, false]);
    assert.deepEqual([caught[0]?.error?.code], ["INPUT_INVALID"]);
  });

  it("upserts by id, however it is spelled: what is locked is tried again in place, and what has no id is made once though the answer is lost", async () => {
    const [Id = ""] = insert("Account", { Name: "old" });
    const node = await deploy({ operation: "upsert", object: "Account", externalIdField: "id" });
    org.control.lockRecord({ id: Id, times: 2 });
    give(node, { Id, Name: "new" });
    await through(1);
    assert.deepEqual([org.records("Account").map(({ Name }) => Name), passed[0]?.salesforce.created], [["new"], false]);
    org.control.resetConnections({ when: "after" });
    give(node, { Name: "made" });
    await through(2);
    assert.deepEqual([org.records("Account").map(({ Name }) => Name), caught[0]?.error?.code], [["new", "made"], "ORG_UNAVAILABLE"]);
  });

  it("retrieves by a call of their own what has the id of another object, as the org takes ids of one only", async () => {
    const ids = insert("Account", { Name: "a" }, { Name: "b" });
    const [contact = ""] = insert("Contact", { LastName: "c" });
    give(await deploy({ operation: "retrieve", returnFields: "Name" }), ids[0], contact, ids[1]);
    await through(3);
    assert.deepEqual(passed.map(({ payload }) => payload.Name).sort(), ["a", "b"]);
    assert.deepEqual([caught.length, collectionCalls(org)], [1, 2]);
  });

  it("retrieves by id: the fields that are named, or all", async () => {
    const [id = "", other = ""] = insert("Account", { Name: "a", Phone: "1" }, { Name: "b" });
    give(await deploy({ operation: "retrieve", returnFields: "Name, Phone" }), id, "001000000000000AAA");
    await through(2);
    assert.deepEqual(passed[0]?.payload, { Name: "a", Phone: "1" });
    assert.match(caught[0]?.error?.message ?? "", /NOT_FOUND/);
    give(await deploy({ operation: "retrieve", recordId: "which", fields: "" }), "not looked at");
    helper.getNode("record").receive({ which: [other, "001000000000000AAA"] } as never);
    await through(2);
    const list = passed.find(({ payload }) => Array.isArray(payload));
    assert.deepEqual([list?.payload[0].Name, list?.payload[0].Id, list?.payload[1]], ["b", other, null]);
    assert.deepEqual(list?.salesforce.results.map((one: Loose) => one.success), [true, false]);
  });

  it("deletes by id, whatever the object", async () => {
    const [account = ""] = insert("Account", { Name: "a" });
    const [contact = ""] = insert("Contact", { LastName: "x" });
    give(await deploy({ operation: "delete", object: "" }), account, { Id: contact }, "001000000000000AAA");
    await through(3);
    assert.deepEqual([org.records("Account").length, org.records("Contact").length, caught.length, collectionCalls(org)], [0, 0, 1, 1]);
  });

  it("deletes those of messages whose ids the org does not take together", async () => {
    const accounts = insert("Account", ...Array.from({ length: 6 }, () => ({ Name: "a" })));
    const contacts = insert("Contact", ...Array.from({ length: 6 }, () => ({ LastName: "x" })));
    const mixed = accounts.flatMap((account, index) => [account, { Id: contacts[index] }]);
    give(await deploy({ operation: "delete", object: "" }), ...mixed, "001000000000000AAA");
    await through(13);
    assert.deepEqual([org.records("Account").length, org.records("Contact").length, caught.length, collectionCalls(org)], [0, 0, 1, 3]);
  });

  it("takes the object from the message; one the org has not fails that message alone", async () => {
    const node = await deploy({ object: "topic", objectType: "msg", linger: 0 });
    node.receive({ topic: "Nope", payload: { Name: "x" } });
    node.receive({ topic: "Account", payload: { Name: "x" } });
    await through(2);
    assert.deepEqual([caught[0]?.error?.code, passed[0]?.salesforce.success], ["ORG_OBJECT_UNKNOWN", true]);
  });

  describe("with a list of records", () => {
    const contacts = (count: number, bad: number[] = []): object[] => Array.from({ length: count }, (_, index) => (bad.includes(index) ? { FirstName: `bad ${index}` } : { LastName: `c${index}` }));

    it("stores 450 in three calls, and tells each record's result", async () => {
      give(await deploy({ object: "Contact" }), contacts(450));
      await through(1);
      assert.equal(collectionCalls(org), 3);
      assert.deepEqual([passed[0]?.salesforce.success, passed[0]?.salesforce.results.length, passed[0]?.salesforce.results[449].index], [true, 450, 449]);
      assert.deepEqual([org.records("Contact").length, refused.length], [450, 0]);
    });

    it("of which some are refused puts those out of the second output", async () => {
      give(await deploy({ object: "Contact" }), contacts(5, [1, 3]));
      await through(1);
      await waitFor("the second output", () => refused.length === 1);
      assert.deepEqual(passed[0]?.salesforce.results.map((one: Loose) => one.success), [true, false, true, false, true]);
      assert.deepEqual(refused[0]?.payload, [{ FirstName: "bad 1" }, { FirstName: "bad 3" }]);
      assert.deepEqual(refused[0]?.salesforce.results.map((one: Loose) => [one.index, one.errors[0].statusCode]), [[1, "REQUIRED_FIELD_MISSING"], [3, "REQUIRED_FIELD_MISSING"]]);
    });

    it("of which some are refused fails without that output, or when nothing is wired to it", async () => {
      give(await deploy({ object: "Contact", wires: [["end"], []] }), contacts(3, [1]));
      await through(1);
      assert.deepEqual([passed.length, caught[0]?.error?.code, org.records("Contact").length], [0, "ORG_REFUSED", 2]);
      assert.match(caught[0]?.error?.message ?? "", /1 of 3 records were refused: REQUIRED_FIELD_MISSING/);
      give(await deploy({ object: "Contact", failedOutput: false }), contacts(3, [1]));
      await through(1);
      assert.deepEqual([passed.length, caught[0]?.error?.code], [0, "ORG_REFUSED"]);
    });

    it("of which all are refused fails", async () => {
      give(await deploy({ object: "Contact" }), contacts(2, [0, 1]), []);
      await through(2);
      assert.deepEqual(caught.map(({ error }) => error?.code).sort(), ["INPUT_INVALID", "ORG_REFUSED"]);
    });

    it("waits for a locked record among them", async () => {
      const list = insert("Account", { Name: "a" }, { Name: "b" }).map((Id) => ({ Id, Name: "new" }));
      org.control.lockRecord({ id: list[1]?.Id ?? "", times: 2 });
      give(await deploy({ operation: "update" }), list);
      await through(1);
      assert.deepEqual([passed[0]?.salesforce.success, org.records("Account").map(({ Name }) => Name)], [true, ["new", "new"]]);
    });

    it("stores all or none when asked to", async () => {
      give(await deploy({ object: "Contact", allOrNone: true }), contacts(3, [2]));
      await through(1);
      assert.match(caught[0]?.error?.message ?? "", /None of 3 records was stored: REQUIRED_FIELD_MISSING/);
      assert.equal(org.records("Contact").length, 0);
    });
  });

  it("carries out calls of one message each: convert lead, all settings of the form in place", async () => {
    const [lead = ""] = insert("Lead", { LastName: "Lee", Company: "Acme" });
    give(await deploy({ operation: "convertLead", object: "" }), { leadId: lead, convertedStatus: "Closed - Converted" }, { leadId: lead, convertedStatus: "Nope" });
    await through(2);
    assert.match(passed[0]?.salesforce.contactId, /^003/);
    assert.equal(caught[0]?.error?.code, "ORG_REFUSED");
  });

  it("merges what the message names into the record", async () => {
    const [master = "", other = ""] = insert("Account", { Name: "a" }, { Name: "b" });
    (await deploy({ operation: "merge" })).receive({ payload: { Id: master, Name: "ab" }, mergeIds: [other] } as never);
    await through(1);
    assert.deepEqual([passed[0]?.salesforce.mergedRecordIds, passed[0]?.payload.Name], [[other], "ab"]);
  });

  it("suggests the objects of an org that is deployed and connected", async () => {
    const node = await deploy({});
    const objects = async (id: string): Promise<Loose[]> => (await helper.request().get(`/surewire/salesforce-record/objects/${id}`)).body as Loose[];
    assert.deepEqual(await objects("nope"), []);
    give(node, { Name: "x" });
    await through(1);
    const found = await objects("org");
    assert.deepEqual(found.find(({ name }) => name === "Case"), { name: "Case", label: "Case" });
  });

  it("reports what is missing in its settings", async () => {
    for (const settings of [{ object: "" }, { operation: "upsert" }, { operation: "juggle" }, { org: "nope" }]) {
      give(await deploy(settings), { Name: "x" });
      await through(1);
      assert.equal(caught[0]?.error?.code, "NOT_CONFIGURED", JSON.stringify(settings));
    }
  });

  describe("when the org fails", () => {
    const upsert = (): Promise<Node> => deploy({ operation: "upsert", object: "Case", externalIdField: EXTERNAL_ID });
    const records = (count: number): object[] => Array.from({ length: count }, (_, index) => ({ [EXTERNAL_ID]: `e${index}`, Subject: "x" }));
    const once = (): void => assert.deepEqual([passed.length, caught.length, org.records("Case").length], [20, 0, 20]);

    for (const [what, fault] of [
      ["the token has expired", () => org.control.expireTokens()],
      ["it is down for a while", () => org.control.failNext({ count: 1, status: 503, path: "composite" })],
      ["the calls of the moment are used up", () => org.control.failNext({ count: 1, status: 403, errorCode: "REQUEST_LIMIT_EXCEEDED", message: "ConcurrentRequests (Concurrent API Requests) Limit exceeded.", path: "composite" })],
      ["the connection breaks before it has acted", () => org.control.resetConnections({ when: "before", count: 1 })],
      ["the connection breaks in the middle of its answer", () => org.control.resetConnections({ when: "during", count: 1 })],
      ["the connection breaks after it has acted", () => org.control.resetConnections({ when: "after", count: 1 })],
    ] as const) {
      it(`because ${what}: each record is there exactly once`, async () => {
        const node = await upsert();
        give(node, { [EXTERNAL_ID]: "e0", Subject: "x" });
        await through(1);
        passed.length = 0;
        fault();
        give(node, ...records(20));
        await through(20);
        once();
      });
    }

    it("because its token was revoked: it signs in again", async () => {
      const node = await upsert();
      give(node, { [EXTERNAL_ID]: "e0" });
      await through(1);
      org.control.expireTokens();
      give(node, { [EXTERNAL_ID]: "e1" });
      await through(2);
      assert.deepEqual([tokenRequests(org), caught.length], [2, 0]);
    });

    it("because a record is locked: it tries again, in place", async () => {
      const [id = ""] = insert("Account", { Name: "a" });
      const node = await deploy({ operation: "update" });
      org.control.lockRecord({ id, times: 2 });
      give(node, { Id: id, Name: "b" });
      await through(1);
      assert.deepEqual([caught.length, org.records("Account")[0]?.Name], [0, "b"]);
    });

    it("and a create's answer is lost: that message fails, and is not sent again", async () => {
      const node = await deploy({});
      give(node, { Name: "first" });
      await through(1);
      org.control.resetConnections({ when: "after", count: 1 });
      give(node, { Name: "second" });
      await through(2);
      assert.match(caught[0]?.error?.message ?? "", /; whether the record was made is not known/);
      assert.equal(org.records("Account").length, 2);
    });
  });
});
