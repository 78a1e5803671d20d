import assert from "node:assert/strict";
import { DEFAULT_USERNAME, type Emulator, startEmulator } from "../src/index";
import { Api, assertError } from "./helpers";

describe("Resources for records", () => {
  let org: Emulator;
  let api: Api;
  before(async () => {
    org = await startEmulator();
    api = await Api.connect(org);
  });
  after(() => org.stop());
  beforeEach(async () => {
    org.control.reset();
    api = await Api.connect(org);
  });

  describe("trees", () => {
    const contact = (referenceId: string, fields: object) => ({ attributes: { type: "Contact", referenceId }, ...fields });
    const account = (referenceId: string, ...contacts: unknown[]) => ({ attributes: { type: "Account", referenceId }, Name: referenceId, Contacts: { records: contacts } });
    const send = (...records: unknown[]) => api.send("POST", "/composite/tree/Account", { records });

    it("store parents with their children", async () => {
      const { status, body } = await send(account("a1", contact("c1", { LastName: "One" }), contact("c2", { LastName: "Two" })));
      assert.equal(status, 201);
      assert.equal(body.hasErrors, false);
      assert.deepEqual(body.results.map((one: { referenceId: string }) => one.referenceId), ["a1", "c1", "c2"]);
      assert.deepEqual(org.records("Contact").map((one) => one.AccountId), [body.results[0].id, body.results[0].id]);
    });

    it("store nothing when one record is refused, and say which", async () => {
      const { status, body } = await send(account("a1", contact("c1", {})), account("a2"));
      assert.equal(status, 400);
      assert.deepEqual(body, { hasErrors: true, results: [{ referenceId: "c1", errors: [{ statusCode: "REQUIRED_FIELD_MISSING", message: "Required fields are missing: [LastName]", fields: ["LastName"] }] }] });
      assert.equal(org.records("Account").length, 0);
    });

    it("are refused over 200 records, 5 levels, and with a reference id given twice", async () => {
      assertError(await send(...Array.from({ length: 201 }, (_, index) => account(`a${index}`))), 400, "EXCEEDED_ID_LIMIT", /200/);
      const nested = (level: number): object => ({ attributes: { type: "Account", referenceId: `n${level}` }, Name: "n", ...(level > 0 ? { ChildAccounts: { records: [nested(level - 1)] } } : {}) });
      assert.equal((await send(nested(4))).status, 201);
      assertError(await send(nested(5)), 400, "INVALID_INPUT", /levels/);
      assertError(await send(account("a"), account("a")), 400, "INVALID_INPUT", /Duplicate ReferenceId/);
    });
  });

  describe("approvals", () => {
    const act = (request: object) => api.send("POST", "/process/approvals", { requests: [request] });

    it("are listed by object", async () => {
      const { id } = org.control.addApprovalProcess({ object: "Case", name: "Refund" });
      const { body } = await api.get("/process/approvals");
      assert.deepEqual(body, { approvals: { Case: [{ id, name: "Refund", description: null, object: "Case", sortOrder: 1 }] } });
    });

    it("take a record from submit to approve, and set its fields", async () => {
      org.control.addApprovalProcess({ object: "Case", name: "Refund", onApprove: { Priority: "High" } });
      const id = await api.create("Case", { Subject: "x" });
      const { body } = await act({ actionType: "Submit", contextId: id, comments: "please" });
      assert.equal(body[0].instanceStatus, "Pending");
      assertError(await act({ actionType: "Submit", contextId: id }), 400, "ALREADY_IN_PROCESS", /already in process/);
      const found = await api.query(`SELECT Id FROM ProcessInstanceWorkitem WHERE ProcessInstance.TargetObjectId = '${id}'`);
      assert.equal(found.body.records[0].Id, body[0].newWorkitemIds[0]);
      assert.equal((await act({ actionType: "Approve", contextId: body[0].newWorkitemIds[0] })).body[0].instanceStatus, "Approved");
      assert.equal(org.records("Case")[0]?.Priority, "High");
      assertError(await act({ actionType: "Reject", contextId: body[0].newWorkitemIds[0] }), 400, "INVALID_CROSS_REFERENCE_KEY", /cross reference/);
    });

    it("need a process that the record enters", async () => {
      org.control.addApprovalProcess({ object: "Case", name: "Refund", condition: "Priority = 'High'" });
      const id = await api.create("Case", { Subject: "x" });
      assertError(await act({ actionType: "Submit", contextId: id }), 400, "NO_APPLICABLE_PROCESS", /No applicable/);
      assert.equal((await act({ actionType: "Submit", contextId: id, skipEntryCriteria: "true" })).status, 200);
    });
  });

  describe("what changed", () => {
    const span = (resource: string, from: number, to: number) => {
      const at = (minutes: number): string => encodeURIComponent(new Date(Date.now() + minutes * 60_000).toISOString());
      return api.get(`/sobjects/Account/${resource}?start=${at(from)}&end=${at(to)}`);
    };

    it("lists what was updated and what was deleted, and up to when", async () => {
      const [kept, gone] = [await api.create("Account", { Name: "a" }), await api.create("Account", { Name: "b" })];
      await api.send("DELETE", `/sobjects/Account/${gone}`);
      const updated = (await span("updated", -5, 2)).body;
      assert.deepEqual(updated.ids, [kept]);
      assert.match(updated.latestDateCovered, /^\d{4}-\d\d-\d\dT\d\d:\d\d:00\.000\+0000$/);
      const deleted = (await span("deleted", -5, 2)).body;
      assert.deepEqual(deleted.deletedRecords.map((one: { id: string }) => one.id), [gone]);
      assert.ok(deleted.earliestDateAvailable < deleted.latestDateCovered);
    });

    it("goes back 30 days, and needs a start before its end", async () => {
      assertError(await span("updated", -31 * 24 * 60, 0), 400, "INVALID_REPLICATION_DATE", /30 days/);
      assertError(await span("deleted", 0, 0), 400, "INVALID_REPLICATION_DATE", /before/);
      assertError(await api.get("/sobjects/Account/updated"), 400, "MALFORMED_QUERY", /start/);
    });
  });

  it("recent records come newest first", async () => {
    await api.create("Account", { Name: "old" });
    org.control.shiftClock({ ms: 1000 });
    const id = await api.create("Case", { Subject: "new" });
    const { body } = await api.get("/recent?limit=1");
    assert.deepEqual(body.map((one: { Id: string }) => one.Id), [id]);
    assert.equal((await api.get("/sobjects/Account")).body.recentItems[0].Name, "old");
  });

  describe("passwords", () => {
    let user = "";
    beforeEach(async () => {
      user = (await api.query(`SELECT Id FROM User WHERE Username = '${DEFAULT_USERNAME}'`)).body.records[0].Id as string;
    });

    it("can be asked for, set and reset", async () => {
      assert.deepEqual((await api.get(`/sobjects/User/${user}/password`)).body, { isExpired: false });
      assert.equal((await api.send("POST", `/sobjects/User/${user}/password`, { NewPassword: "longenough1" })).status, 204);
      assert.match((await api.send("DELETE", `/sobjects/User/${user}/password`)).body.NewPassword, /^\w{10,}$/);
    });

    it("are refused when too short", async () => {
      assertError(await api.send("POST", `/sobjects/User/${user}/password`, { NewPassword: "x1" }), 400, "INVALID_NEW_PASSWORD", /8 characters/);
    });
  });
});
