import assert from "node:assert/strict";
import helper from "node-red-node-test-helper";
import type { Emulator } from "../../../emulator/src/index";
import { waitFor } from "../../services/wait";
import { callCount } from "../client/cases/case-support";
import { EXTERNAL_ID, Orgs } from "../support";
import { CaseFlow, SECRETS } from "./case-flow";

helper.init(require.resolve("node-red"));

const { event } = CaseFlow;
const FILE = { name: "run.csv", contentType: "text/csv", data: Buffer.from("t;92\n") };
/** Every extra a case can have. */
const FULL = {
  contactBy: "email", contact: "payload.mail", contactType: "msg", contactMissing: "error",
  comment: "{{payload.text}} at {{payload.at}}", commentType: "template", attachments: "payload.files", attachmentsType: "msg",
};
const full = { mail: "weber@acme.example", text: "hot", at: "08:00", files: [FILE] };

describe("The salesforce case node", () => {
  const orgs = new Orgs();
  let org: Emulator;

  before((done) => void helper.startServer(done));
  after((done) => void helper.stopServer(done));
  beforeEach(async () => {
    org = await orgs.start();
    org.control.insert({ object: "Contact", records: [{ LastName: "Weber", Email: "weber@acme.example" }] });
  });
  afterEach(async () => {
    await helper.unload();
    await orgs.stop();
  });

  const deploy = (settings: object = {}, more: object[] = [], credentials: object = SECRETS): Promise<CaseFlow> => CaseFlow.deploy(org, settings, credentials, more);
  const counts = () => ["Case", "CaseComment", "ContentVersion"].map((object) => org.records(object).length);

  it("links the contact, adds the comment and the file, and says the number", async () => {
    const flow = await deploy(FULL);
    flow.send(event("a", full));
    await flow.all(1);
    const [stored] = org.records("Case");
    assert.deepEqual(flow.passed[0]?.salesforce, { id: stored?.Id, caseNumber: stored?.CaseNumber, success: true, created: true, errors: [] });
    assert.equal(stored?.ContactId, org.records("Contact")[0]?.Id);
    assert.equal(org.records("CaseComment")[0]?.CommentBody, "hot at 08:00");
    assert.equal(org.records("ContentVersion")[0]?.PathOnClient, "run.csv");
  });

  describe("that stores 20 messages with all there is", () => {
    const faults: Record<string, () => void> = {
      "an expired token": () => void org.control.expireTokens(),
      "a 503": () => org.control.failNext({ status: 503, errorCode: "SERVER_UNAVAILABLE" }),
      "a limit of requests at once": () => org.control.requestLimit({ kind: "concurrent", ms: 300 }),
      "a lock on the cases": () => org.control.addRule({ object: "Case", condition: "Subject != null", errorCode: "UNABLE_TO_LOCK_ROW", message: "locked", times: 25 }),
      "a lock on the comments": () => org.control.addRule({ object: "CaseComment", condition: "ParentId != null", errorCode: "UNABLE_TO_LOCK_ROW", message: "locked", times: 25 }),
    };
    for (const when of ["before", "after"] as const) {
      for (const [stage, path] of [["look-up", "/query"], ["cases", "/composite?"], ["comments", "composite/sobjects"]] as const) {
        faults[`a connection that breaks ${when} the org has acted on the ${stage}`] = () =>
          org.control.resetConnections({ when, ...(path === "/composite?" ? { method: "POST" } : { path }) });
      }
    }
    for (const [what, strike] of Object.entries(faults)) {
      it(`makes one case, one comment and one file of each in spite of ${what}`, async () => {
        const flow = await deploy(FULL);
        await waitFor("the sign-in", () => flow.statuses.some(({ fill }) => fill === "green"));
        strike();
        flow.sendMany(20, "e", full);
        await flow.all(20);
        assert.deepEqual(flow.caught.map(({ error }) => error?.message), []);
        assert.deepEqual(counts(), [20, 20, 20]);
        assert.equal(new Set(org.records("Case").map((one) => one[EXTERNAL_ID])).size, 20);
      });
    }

    it("adds nothing when all of them come again, and says that they were updated", async () => {
      const flow = await deploy(FULL);
      for (const round of [1, 2]) {
        flow.sendMany(20, "e", full);
        await flow.all(20 * round);
      }
      assert.deepEqual(counts(), [20, 20, 20]);
      assert.ok(flow.passed.slice(20).every(({ salesforce }) => salesforce?.updated && !salesforce.created));
    });

    it("holds them while the day's calls are used up", async () => {
      const flow = await deploy(FULL);
      await waitFor("the sign-in", () => flow.statuses.some(({ fill }) => fill === "green"));
      org.control.requestLimit();
      flow.sendMany(20, "e", full);
      await waitFor("the status to say so", () => flow.statuses.some(({ fill }) => fill === "yellow"));
      assert.equal(flow.passed.length + flow.caught.length, 0);
    });
  });

  it("comments on a repeat and opens its case again", async () => {
    const flow = await deploy({ ...FULL, onRepeat: "comment", reopen: true, reopenStatus: "Escalated" });
    flow.send(event("a", { ...full, status: "Closed", files: undefined }));
    await flow.all(1);
    flow.send(event("a", { ...full, at: "09:00" }));
    await flow.all(2);
    assert.deepEqual([flow.passed[1]?.salesforce?.commented, org.records("CaseComment").map((one) => one.CommentBody)], [true, ["hot at 09:00"]]);
  });

  describe("with divisions", () => {
    const row = (more: object) => ({ name: "", whenType: "topic", when: "", property: "", org: "", owner: "", recordType: "", defaults: [], ...more });

    it("sends each message by topic, value or expression to its org, queue and record type", async () => {
      const south = await orgs.start();
      const { id: queue } = org.control.addQueue({ name: "North", developerName: "Plant_North" });
      const { ids } = org.control.insert({ object: "RecordType", records: [{ Name: "Fault", DeveloperName: "Fault", SobjectType: "Case" }] });
      const flow = await deploy(
        {
          divisions: [
            row({ name: "north", when: "plant.north.#", owner: "Plant_North", recordType: "Fault" }),
            row({ name: "south", whenType: "property", property: "payload.plant", when: "south", org: "south" }),
            row({ name: "hot", whenType: "jsonata", when: "payload.t > 90", defaults: [{ field: "Priority", value: "High", valueType: "str" }] }),
            row({ defaults: [{ field: "Priority", value: "Low", valueType: "str" }] }),
          ],
        },
        [{ id: "south", type: "surewire-salesforce-org", loginUrl: south.url, flow: "client-credentials" }],
        { ...SECRETS, south: SECRETS.org },
      );
      flow.send(event("n", { t: 99 }, { topic: "plant.north.hall" }), event("s", { plant: "south" }), event("h", { t: 91 }), event("x", { t: 5 }));
      await flow.all(4);
      const found = (one: Record<string, unknown>) => [one[EXTERNAL_ID], one.OwnerId === queue, one.RecordTypeId === ids[0], one.Priority];
      assert.deepEqual(org.records("Case").map(found).sort(), [["h", false, false, "High"], ["n", true, true, "Medium"], ["x", false, false, "Low"]]);
      assert.deepEqual(south.records("Case").map((one) => one[EXTERNAL_ID]), ["s"]);
      assert.deepEqual(flow.passed.map((msg) => msg.salesforce?.division).sort(), ["default", "hot", "north", "south"]);
    });

    it("keeps the order of what arrives for one external id, whichever condition took it", async () => {
      const south = await orgs.start();
      const flow = await deploy(
        { linger: 0, divisions: [row({ name: "other", when: "other", org: "south" }), row({ whenType: "jsonata", when: "$exists(payload.slow)" }), row({})] },
        [{ id: "south", type: "surewire-salesforce-org", loginUrl: south.url, flow: "client-credentials" }],
        { ...SECRETS, south: SECRETS.org },
      );
      for (const subject of ["1", "2", "3", "4"]) flow.send(event("a", { subject, ...(Number(subject) % 2 ? { slow: true } : {}) }));
      await flow.all(4);
      assert.deepEqual(flow.passed.map((msg) => (msg.payload as { subject: string }).subject), ["1", "2", "3", "4"]);
      assert.equal(org.records("Case")[0]?.Subject, "4");
    });

    it("fails a message that none of them takes, and one whose expression fails, alone", async () => {
      const flow = await deploy({ divisions: [row({ whenType: "jsonata", when: "payload.subject + 1 = 2" })] });
      flow.send(event("a"), event("b", { subject: 2 }), event("c", { subject: 1 }));
      await flow.all(3);
      assert.deepEqual(flow.caught.map(({ error }) => error?.code).sort(), ["DIVISION_UNKNOWN", "INPUT_INVALID"]);
      assert.equal(flow.passed.length, 1);
    });
  });

  for (const [what, settings, payload, code] of [
    ["a file that is none", { attachments: "payload.files", attachmentsType: "msg" }, { files: [42] }, "INPUT_INVALID"],
    ["an object for a comment", { comment: "payload", commentType: "msg" }, {}, "INPUT_INVALID"],
    ["a contact that is not there", { contactBy: "email", contact: "payload.mail", contactType: "msg", contactMissing: "error" }, { mail: "no@acme.example" }, "RECORD_MISSING"],
  ] as const) {
    it(`fails a message with ${what}, and makes no case of it`, async () => {
      const flow = await deploy({ ...settings });
      flow.send(event("a", payload));
      await flow.all(1);
      assert.equal(flow.caught[0]?.error?.code, code);
      assert.deepEqual(counts(), [0, 0, 0]);
    });
  }

  it("with a template that cannot be read says so and takes nothing", async () => {
    const flow = await deploy({ mapping: [{ field: "Subject", value: "{{payload", valueType: "template" }] });
    flow.send(event("a"));
    await flow.all(1);
    assert.equal(flow.caught[0]?.error?.code, "NOT_CONFIGURED");
    assert.equal(flow.statuses.at(-1)?.fill, "red");
  });

  it("makes 1,000 cases with their numbers in 5 API calls", async () => {
    const flow = await deploy();
    flow.sendMany(1000);
    await flow.all(1000);
    assert.ok(flow.passed.every(({ salesforce }) => salesforce?.caseNumber));
    assert.equal(callCount(org), 5);
  });
});
