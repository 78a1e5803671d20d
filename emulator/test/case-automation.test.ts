import assert from "node:assert/strict";
import { startEmulator, type Emulator } from "../src/index";
import { Api, assertError } from "./helpers";

const FILE = Buffer.from("temperature;92\n");

describe("What stands around cases", () => {
  let emulator: Emulator;
  let api: Api;

  before(async () => (emulator = await startEmulator()));
  beforeEach(async () => {
    emulator.control.reset();
    api = await Api.connect(emulator);
  });
  after(() => emulator.stop());

  const owner = (subject: string) => emulator.records("Case").find((record) => record["Subject"] === subject)?.["OwnerId"];

  describe("an assignment rule", () => {
    let queue: string;
    let backup: string;
    let backupRule: string;
    beforeEach(() => {
      queue = emulator.control.addQueue({ name: "Hot machines" }).id;
      backup = emulator.control.addQueue({ name: "Backup" }).id;
      backupRule = emulator.control.addAssignmentRule({ name: "Backup", entries: [{ assignedTo: backup }] }).id;
      emulator.control.addAssignmentRule({ name: "Standard", entries: [{ condition: "Priority = 'High'", assignedTo: queue }] });
    });

    it("gives a case its owner unless the caller says otherwise, even if the case names one", async () => {
      await api.create("Case", { Subject: "hot", Priority: "High" });
      await api.create("Case", { Subject: "named", Priority: "High", OwnerId: backup });
      await api.create("Case", { Subject: "cool", Priority: "Low" });
      assert.deepEqual([owner("hot"), owner("named")], [queue, queue]);
      assert.match(String(owner("cool")), /^005/);
    });

    it("does not run with FALSE, and another one runs by its id, active or not", async () => {
      await api.send("POST", "/sobjects/Case", { Subject: "off", Priority: "High" }, { "Sforce-Auto-Assign": "FALSE" });
      await api.send("POST", "/sobjects/Case", { Subject: "by id", Priority: "High" }, { "Sforce-Auto-Assign": backupRule });
      assert.match(String(owner("off")), /^005/);
      assert.equal(owner("by id"), backup);
    });

    it("that is not there is refused", async () => {
      const answer = await api.send("POST", "/sobjects/Case", { Subject: "a" }, { "Sforce-Auto-Assign": "01Q000000000000AAA" });
      assertError(answer, 400, "INVALID_CROSS_REFERENCE_KEY", /assignment rule/);
    });

    it("runs on updates, too", async () => {
      const id = await api.create("Case", { Subject: "later", Priority: "Low" });
      await api.send("PATCH", `/sobjects/Case/${id}`, { Priority: "High" });
      assert.equal(owner("later"), queue);
    });

    it("can be read and not written", async () => {
      const { body } = await api.query("SELECT Name, Active FROM AssignmentRule WHERE SobjectType = 'Case' ORDER BY Name");
      assert.deepEqual(body.records.map((row: Record<string, unknown>) => [row["Name"], row["Active"]]), [["Backup", false], ["Standard", true]]);
      assertError(await api.send("POST", "/sobjects/AssignmentRule", {}), 400, "INVALID_TYPE_FOR_OPERATION", /does not support create/);
    });
  });

  it("a case can be owned by a queue that takes cases, and by no other group", async () => {
    const { id } = emulator.control.addQueue({ name: "North plant" });
    await api.create("Case", { Subject: "a", OwnerId: id });
    const { body } = await api.query("SELECT DeveloperName FROM Group WHERE Type = 'Queue'");
    assert.equal(body.records[0].DeveloperName, "North_plant");
    const { id: accounts } = emulator.control.addQueue({ name: "Accounts", objects: ["Account"] });
    const group = await api.create("Group", { Name: "People" });
    for (const other of [accounts, group]) {
      assertError(await api.send("POST", "/sobjects/Case", { OwnerId: other }), 400, "INVALID_OPERATION", "Queue not associated with this SObject type");
    }
  });

  it("a case takes a record type of its own object only", async () => {
    const type = (SobjectType: string, IsActive = true) => api.create("RecordType", { Name: "T", DeveloperName: "T", SobjectType, IsActive });
    const fault = await type("Case");
    await api.create("Case", { RecordTypeId: fault });
    for (const wrong of [await type("Account"), await type("Case", false)]) {
      assertError(await api.send("POST", "/sobjects/Case", { RecordTypeId: wrong }), 400, "INVALID_CROSS_REFERENCE_KEY", /isn't valid for the user/, ["RecordTypeId"]);
    }
  });

  it("comments belong to a case", async () => {
    const id = await api.create("Case", { Subject: "a" });
    await api.create("CaseComment", { ParentId: id, CommentBody: "hot again", IsPublished: true });
    assertError(await api.send("POST", "/sobjects/CaseComment", { CommentBody: "x" }), 400, "REQUIRED_FIELD_MISSING", /ParentId/);
    assertError(await api.send("POST", "/sobjects/CaseComment", { ParentId: id, CommentBody: "x".repeat(4001) }), 400, "STRING_TOO_LONG", /./);
    const { body } = await api.query("SELECT (SELECT CommentBody FROM CaseComments) FROM Case");
    assert.equal(body.records[0].CaseComments.records[0].CommentBody, "hot again");
    assertError(await api.query("SELECT Id FROM CaseComment WHERE CommentBody = 'x'"), 400, "INVALID_FIELD", /can not be filtered/);
  });

  describe("a file", () => {
    const upload = (more: Record<string, unknown> = {}) => api.create("ContentVersion", { PathOnClient: "logs/run.csv", VersionData: FILE.toString("base64"), ...more });

    it("becomes a document that is linked to the record it is published at", async () => {
      const caseId = await api.create("Case", { Subject: "a" });
      const id = await upload({ FirstPublishLocationId: caseId });
      const { body } = await api.query("SELECT Title, ContentSize, Checksum, FileExtension, IsLatest, VersionData FROM ContentVersion");
      const [version] = body.records;
      assert.deepEqual([version.Title, version.ContentSize, version.FileExtension, version.IsLatest], ["run", FILE.length, "csv", true]);
      assert.match(version.Checksum, /^[0-9a-f]{32}$/);
      assert.equal(version.VersionData, `/services/data/v66.0/sobjects/ContentVersion/${id}/VersionData`);
      assert.equal((await api.get(`/sobjects/ContentVersion/${id}/VersionData`)).body, FILE.toString());
      const links = await api.query(`SELECT ContentDocument.Title FROM ContentDocumentLink WHERE LinkedEntityId = '${caseId}'`);
      assert.equal(links.body.records[0].ContentDocument.Title, "run");
      assertError(await api.query("SELECT Id FROM ContentDocumentLink WHERE ShareType = 'V'"), 400, "MALFORMED_QUERY", /requires a filter/);
    });

    it("can get a second version", async () => {
      await upload();
      const [first] = emulator.records("ContentVersion");
      await upload({ ContentDocumentId: first!["ContentDocumentId"], Title: "second" });
      const versions = emulator.records("ContentVersion").map((row) => [row["VersionNumber"], row["IsLatest"]]);
      assert.deepEqual(versions, [["1", false], ["2", true]]);
      assert.deepEqual(emulator.records("ContentDocument").map((row) => row["Title"]), ["second"]);
    });

    it("needs its data, in base64, and a path", async () => {
      assertError(await api.send("POST", "/sobjects/ContentVersion", { Title: "x" }), 400, "REQUIRED_FIELD_MISSING", /PathOnClient, VersionData/);
      assertError(await api.send("POST", "/sobjects/ContentVersion", { PathOnClient: "a", VersionData: "no base64!" }), 400, "JSON_PARSER_ERROR", /base64/);
      assertError(await api.send("POST", "/sobjects/ContentDocument", { Title: "x" }), 400, "INVALID_TYPE_FOR_OPERATION", /ContentDocument/);
      assert.equal(emulator.records("ContentDocument").length, 0);
    });

    it("is gone with its document and links when its call is rolled back", async () => {
      const record = { attributes: { type: "ContentVersion" }, PathOnClient: "a.txt", VersionData: "YQ==" };
      await api.send("POST", "/composite/sobjects", { allOrNone: true, records: [record, { attributes: { type: "Contact" } }] });
      for (const object of ["ContentVersion", "ContentDocument", "ContentDocumentLink"]) assert.equal(emulator.records(object).length, 0, object);
    });
  });

  describe("a duplicate rule", () => {
    const contact = { LastName: "Weber", Email: "weber@acme.example" };
    const ALLOW = { "Sforce-Duplicate-Rule-Header": "allowSave=true" };

    it("refuses a second record and names the first, unless the header allows it", async () => {
      emulator.control.addDuplicateRule({ object: "Contact", name: "Same_Email", fields: ["Email"] });
      const id = await api.create("Contact", contact);
      const refused = await api.send("POST", "/sobjects/Contact", { ...contact, Email: "Weber@ACME.example" });
      assertError(refused, 400, "DUPLICATES_DETECTED", "Use one of these records?");
      assert.equal(refused.body[0].duplicateResult.duplicateRule, "Same_Email");
      assert.equal(refused.body[0].duplicateResult.matchResults[0].matchRecords[0].record.Id, id);
      assert.equal((await api.send("POST", "/sobjects/Contact", contact, ALLOW)).status, 201);
    });

    it("that blocks refuses it in any case", async () => {
      emulator.control.addDuplicateRule({ object: "Contact", fields: ["Email"], action: "block" });
      await api.create("Contact", contact);
      const { body } = await api.send("POST", "/composite/sobjects", { records: [{ attributes: { type: "Contact" }, ...contact }] }, ALLOW);
      assert.deepEqual([body[0].errors[0].statusCode, body[0].errors[0].duplicateResult.allowSave], ["DUPLICATES_DETECTED", false]);
    });
  });
});
