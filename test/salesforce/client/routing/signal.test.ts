import assert from "node:assert/strict";
import { readSignal } from "../../../../nodes/salesforce/client/routing/signal";

const CASE = "500000000000001AAA";
const USER = "005000000000001AAA";
const COMMENT = "00a000000000001AAA";
const MAIL = "02s000000000001AAA";

const change = (entityName: string, changeType: string, more: object = {}, fields: object = {}): unknown => ({
  payload: { ChangeEventHeader: { entityName, recordIds: [CASE], changeType, changedFields: [], commitUser: USER, ...more }, ...fields },
  salesforce: { channel: "/data/ChangeEvents", replayId: "7", eventUuid: "u7" },
});
const topic = (type: string, payload: object): unknown => ({ payload, salesforce: { channel: "/topic/Cases", replayId: "8", type } });
const read = (msg: unknown): unknown => readSignal(msg as object);

describe("what a message says of cases", () => {
  it("a change event of a case: created, updated, deleted, and whether its owner changed", () => {
    const about = (happening: object): object => ({ about: "cases", ids: [CASE], happening, cause: "u7" });
    assert.deepEqual(read(change("Case", "CREATE")), about({ kind: "created" }));
    assert.deepEqual(read(change("Case", "UNDELETE")), about({ kind: "created" }));
    assert.deepEqual(read(change("Case", "DELETE")), about({ kind: "deleted" }));
    assert.deepEqual(read(change("Case", "UPDATE", { changedFields: ["Status"] })), about({ kind: "updated", arrived: false, by: USER }));
    assert.deepEqual(read(change("Case", "UPDATE", { changedFields: ["OwnerId"] })), about({ kind: "updated", arrived: true, by: USER }));
  });

  it("that a case was reopened, by the fields that change with it", () => {
    for (const field of ["IsClosed", "ClosedDate"]) {
      assert.deepEqual(read(change("Case", "UPDATE", { changedFields: ["Status", field] })), { about: "cases", ids: [CASE], happening: { kind: "updated", arrived: true, by: USER }, cause: "u7" });
    }
  });

  it("a gap says which case has changed, but not in what", () => {
    assert.deepEqual(read(change("Case", "GAP_UPDATE")), { about: "cases", ids: [CASE], happening: { kind: "updated", arrived: true, by: USER }, cause: "u7" });
    assert.deepEqual(read(change("CaseComment", "GAP_CREATE", { recordIds: [COMMENT] })), { about: "comments", ids: [COMMENT], by: USER, cause: "u7" });
  });

  it("an overflow, or a wildcard for ids, is about all cases", () => {
    assert.deepEqual(read(change("Case", "GAP_OVERFLOW", { recordIds: ["500*"] })), { about: "all", cause: "u7" });
    assert.deepEqual(read(change("Case", "UPDATE", { recordIds: ["500*"] })), { about: "all", cause: "u7" });
  });

  it("a new comment and a new e-mail, with their case and author where the event has them", () => {
    assert.deepEqual(read(change("CaseComment", "CREATE", { recordIds: [COMMENT] }, { ParentId: CASE, CreatedById: USER })), { about: "comments", ids: [COMMENT], by: USER, caseId: CASE, cause: "u7" });
    assert.deepEqual(read(change("EmailMessage", "CREATE", { recordIds: [MAIL] }, { ParentId: CASE, Incoming: true })), { about: "emails", ids: [MAIL], caseId: CASE, incoming: true, cause: "u7" });
  });

  it("changes of comments, and of other objects, are nothing", () => {
    assert.deepEqual(read(change("CaseComment", "UPDATE", { recordIds: [COMMENT] })), { about: "nothing" });
    assert.deepEqual(read(change("Account", "CREATE")), { about: "nothing" });
  });

  it("a PushTopic's record, told by its id", () => {
    assert.deepEqual(read(topic("created", { Id: CASE })), { about: "cases", ids: [CASE], happening: { kind: "created" }, cause: "/topic/Cases 8" });
    assert.deepEqual(read(topic("updated", { Id: CASE })), { about: "cases", ids: [CASE], happening: { kind: "updated", arrived: true }, cause: "/topic/Cases 8" });
    assert.deepEqual(read(topic("created", { Id: MAIL, ParentId: CASE, Incoming: false })), { about: "emails", ids: [MAIL], caseId: CASE, incoming: false, cause: "/topic/Cases 8" });
  });

  it("an answer, with an id of 15 characters too", () => {
    const happening = { kind: "answer", status: "created", interactionId: "I1" };
    assert.deepEqual(read({ payload: { caseId: CASE.slice(0, 15), interactionId: "I1", status: "created" } }), { about: "answer", id: CASE, happening, cause: "answer created I1" });
    assert.deepEqual(read({ payload: { caseId: "500D000000AbCdE", interactionId: 7, status: "ended" } }), {
      about: "answer", id: "500D000000AbCdEIAV", happening: { kind: "answer", status: "ended", interactionId: "7" }, cause: "answer ended 7",
    });
  });

  for (const [what, payload, reason] of [
    ["text", "hello", /an object is needed/],
    ["an answer about no case", { caseId: USER, status: "created", interactionId: "1" }, /not the id of a case/],
    ["an answer of an unknown kind", { caseId: CASE, status: "done" }, /none of created, failed, ended/],
    ["an interaction without a name", { caseId: CASE, status: "created" }, /must be named/],
    ["anything else", { hello: 1 }, /neither a change event/],
  ] as const) {
    it(`refuses ${what}`, () => assert.throws(() => read({ payload }), reason));
  }
});
