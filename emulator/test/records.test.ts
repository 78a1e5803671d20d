import assert from "node:assert/strict";
import { startEmulator, type Emulator } from "../src/index";
import { Api, assertError, http } from "./helpers";

describe("records", () => {
  let emulator: Emulator;
  let api: Api;

  before(async () => {
    emulator = await startEmulator({
      schema: [{ name: "Account", fields: [{ name: "Number__c", type: "string", length: 20, externalId: true }] }],
    });
  });
  beforeEach(async () => {
    emulator.control.reset();
    api = await Api.connect(emulator);
  });
  after(() => emulator.stop());

  it("creates a case with the defaults of the org, a number and an owner, and says where it is", async () => {
    const answer = await api.send("POST", "/sobjects/Case", { Subject: "Pump leaks", Origin: "Device" });
    assert.equal(answer.status, 201);
    const { id } = answer.body;
    assert.deepEqual(answer.body, { id, success: true, errors: [] });
    assert.match(id, /^500\w{15}$/);
    assert.equal(answer.headers.get("location"), `/services/data/v66.0/sobjects/Case/${id}`);
    const [record] = emulator.records("Case");
    assert.equal(record!["CaseNumber"], "00001001");
    assert.equal(record!["Status"], "New");
    assert.equal(record!["Priority"], "Medium");
    assert.equal(record!["IsClosed"], false);
    assert.match(String(record!["OwnerId"]), /^005/);
    assert.match(String(record!["CreatedDate"]), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+0000$/);
  });

  it("retrieves a record by either form of its id, whole or the fields asked for", async () => {
    const id = await api.create("Case", { Subject: "x" });
    const whole = await api.get(`/sobjects/Case/${id.slice(0, 15)}`);
    assert.equal(whole.body.Id, id);
    assert.equal(whole.body.AccountId, null);
    const some = await api.get(`/sobjects/Case/${id}?fields=subject,Status`);
    assert.deepEqual(some.body, {
      attributes: { type: "Case", url: `/services/data/v66.0/sobjects/Case/${id}` },
      Subject: "x",
      Status: "New",
    });
    assertError(await api.get(`/sobjects/Case/${id}?fields=Foo`), 400, "INVALID_FIELD", "No such column 'Foo' on sobject of type Case");
  });

  it("updates with 204 and no body, and clears a field with null", async () => {
    const id = await api.create("Case", { Subject: "x", Origin: "Phone" });
    const answer = await api.send("PATCH", `/sobjects/Case/${id}`, { Subject: null, Status: "Closed" });
    assert.deepEqual([answer.status, answer.body], [204, ""]);
    const [record] = emulator.records("Case");
    assert.equal(record!["Subject"], null);
    assert.equal(record!["Origin"], "Phone");
    assert.equal(record!["IsClosed"], true);
    assert.notEqual(record!["ClosedDate"], null);
  });

  it("stores text trimmed, the empty text as null, and numbers given for text as text", async () => {
    await api.create("Case", { Subject: "  padded ", Description: "", SuppliedName: 42 });
    const [record] = emulator.records("Case");
    assert.deepEqual([record!["Subject"], record!["Description"], record!["SuppliedName"]], ["padded", null, "42"]);
  });

  it("writes nothing of a record that is refused", async () => {
    const id = await api.create("Case", { Subject: "before", Device_Event_Id__c: "e1" });
    await api.create("Case", { Device_Event_Id__c: "e2" });
    assert.equal((await api.send("PATCH", `/sobjects/Case/${id}`, { Subject: "after", Device_Event_Id__c: "E2" })).status, 400);
    assert.equal(emulator.records("Case")[0]!["Subject"], "before");
  });

  it("frees a unique value when its record is deleted or changed", async () => {
    const id = await api.create("Case", { Device_Event_Id__c: "e1" });
    await api.send("PATCH", `/sobjects/Case/${id}`, { Device_Event_Id__c: "e2" });
    await api.create("Case", { Device_Event_Id__c: "e1" });
    await api.send("DELETE", `/sobjects/Case/${id}`);
    await api.create("Case", { Device_Event_Id__c: "e2" });
    assert.equal(emulator.records("Case").length, 2);
  });

  it("finds the parent by its external id when that is how it is named", async () => {
    const account = await api.create("Account", { Name: "Acme", Number__c: "A-1" });
    await api.create("Case", { Account: { Number__c: "a-1" } });
    assert.equal(emulator.records("Case")[0]!["AccountId"], account);
    const unknown = await api.send("POST", "/sobjects/Case", { Account: { Number__c: "A-9" } });
    assertError(unknown, 400, "INVALID_FIELD", "Foreign key external ID: a-9 not found for field Number__c in entity Account");
    assertError(await api.send("POST", "/sobjects/Case", { Account: { Phone: "1" } }), 400, "INVALID_FIELD", /not an External ID/);
  });

  describe("upsert by external id", () => {
    const path = "/sobjects/Case/Device_Event_Id__c/pump%2F7%20a";

    it("answers 201 when it creates and 200 when it updates", async () => {
      const created = await api.send("PATCH", path, { Subject: "one" });
      assert.deepEqual([created.status, created.body], [201, { id: created.body.id, success: true, errors: [], created: true }]);
      const updated = await api.send("PATCH", path, { Subject: "two" });
      assert.deepEqual([updated.status, updated.body], [200, { id: created.body.id, success: true, errors: [], created: false }]);
      const [record, ...others] = emulator.records("Case");
      assert.deepEqual([record!["Subject"], record!["Device_Event_Id__c"], others.length], ["two", "pump/7 a", 0]);
    });

    it("answers an update with 204 up to v45", async () => {
      await api.send("PATCH", path, {});
      assert.equal((await api.at(45).send("PATCH", path, {})).status, 204);
    });

    it("answers 300 with all addresses when the value matches more than one", async () => {
      const ids = [await api.create("Account", { Name: "a", Number__c: "N" }), await api.create("Account", { Name: "b", Number__c: "n" })];
      for (const method of ["PATCH", "GET"]) {
        const answer = await api.send(method, "/sobjects/Account/Number__c/N", method === "PATCH" ? { Phone: "1" } : undefined);
        assert.equal(answer.status, 300);
        assert.deepEqual(
          answer.body,
          ids.map((id) => `/services/data/v66.0/sobjects/Account/${id}`),
        );
      }
    });

    it("creates nothing with updateOnly", async () => {
      assertError(await api.send("PATCH", `${path}?updateOnly=true`, {}), 404, "NOT_FOUND", "The requested resource does not exist");
      assert.equal(emulator.records("Case").length, 0);
    });

    it("reads and deletes by external id", async () => {
      const { body } = await api.send("PATCH", path, { Subject: "x" });
      assert.equal((await api.get(path)).body.Id, body.id);
      assert.equal((await api.send("DELETE", path)).status, 204);
      assert.equal((await api.get(path)).status, 404);
    });

    it("inserts by POST to …/Id", async () => {
      const answer = await api.send("POST", "/sobjects/Case/Id", { Subject: "x" });
      assert.equal(answer.status, 201);
    });
  });
});

describe("resources", () => {
  let emulator: Emulator;
  let api: Api;

  before(async () => {
    emulator = await startEmulator();
    api = await Api.connect(emulator);
  });
  after(() => emulator.stop());

  it("lists the versions for everybody, without the header of limits", async () => {
    const answer = await http(`${emulator.url}/services/data/`);
    assert.equal(answer.status, 200);
    assert.deepEqual(answer.body.at(-1), { label: "Winter '27", url: "/services/data/v68.0", version: "68.0" });
    assert.deepEqual(answer.body[0], { label: "Summer '14", url: "/services/data/v31.0", version: "31.0" });
    assert.equal(answer.headers.get("sforce-limit-info"), null);
  });

  it("counts each call in Sforce-Limit-Info and in /limits", async () => {
    const usage = async (): Promise<number> =>
      Number(/api-usage=(\d+)\/1000000/.exec((await api.get("/")).headers.get("sforce-limit-info")!)![1]);
    const before = await usage();
    assert.equal(await usage(), before + 1);
    const { body } = await api.get("/limits");
    assert.deepEqual(body.DailyApiRequests, { Max: 1_000_000, Remaining: 1_000_000 - before - 2 });
  });

  it("echoes the version asked for, and answers HEAD like GET without the body", async () => {
    const { body } = await api.at(50).get("/");
    assert.equal(body.sobjects, "/services/data/v50.0/sobjects");
    const head = await api.send("HEAD", "/limits");
    assert.deepEqual([head.status, head.body], [200, ""]);
  });

  it("describes objects and their fields", async () => {
    const all = await api.get("/sobjects");
    assert.deepEqual(
      all.body.sobjects.slice(0, 5).map((object: { name: string }) => object.name),
      ["Case", "Account", "Contact", "User", "Group"],
    );
    assert.equal((await api.get("/sobjects/Case")).body.objectDescribe.keyPrefix, "500");
    const { body } = await api.get("/sobjects/case/describe");
    const field = (name: string) => body.fields.find((candidate: { name: string }) => candidate.name === name);
    assert.equal(field("Device_Event_Id__c").externalId, true);
    assert.equal(field("Device_Event_Id__c").unique, true);
    assert.equal(field("Device_Event_Id__c").length, 255);
    assert.equal(field("Origin").restrictedPicklist, true);
    assert.deepEqual(field("Status").picklistValues[0], { value: "New", label: "New", active: true, defaultValue: true, validFor: null });
    assert.equal(field("CaseNumber").createable, false);
    assert.deepEqual(field("AccountId").referenceTo, ["Account"]);
    assert.equal(field("AccountId").relationshipName, "Account");
  });
});
