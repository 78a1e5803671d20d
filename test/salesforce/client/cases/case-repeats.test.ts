import assert from "node:assert/strict";
import type { Emulator } from "../../../../emulator/src/index";
import { EXTERNAL_ID, Orgs } from "../../support";
import { callCount, errorOf, item, items, persist, values, writerFor } from "./case-support";

describe("Cases", () => {
  const orgs = new Orgs();
  let org: Emulator;
  beforeEach(async () => (org = await orgs.start()));
  afterEach(() => orgs.stop());

  describe("with their numbers", () => {
    it("are stored in one API call, 200 of them", async () => {
      const results = values(await writerFor(orgs, org, { caseNumber: true }).write(items(200)));
      const numbers = new Map(org.records("Case").map((one) => [one.Id, one.CaseNumber]));
      assert.ok(results.every(({ id, caseNumber }) => caseNumber !== undefined && numbers.get(id) === caseNumber));
      assert.equal(callCount(org), 1);
    });

    it("and without an external id, too", async () => {
      const batch = Array.from({ length: 200 }, (_, index) => ({ fields: { Subject: `s${index}` } }));
      const results = values(await writerFor(orgs, org, { externalIdField: undefined, caseNumber: true }).write(batch));
      assert.equal(new Set(results.map(({ caseNumber }) => caseNumber)).size, 200);
      assert.equal(callCount(org), 1);
    });

    it("of which one is refused cost one call more without an external id, and the others have their numbers", async () => {
      const batch = [{ fields: { Subject: "a" } }, { fields: { Origin: "Smoke signal" } }, { fields: { Subject: "b" } }];
      const [a, bad, b] = await writerFor(orgs, org, { externalIdField: undefined, caseNumber: true }).write(batch);
      assert.ok(a?.ok && b?.ok && bad && !bad.ok);
      assert.ok(a.value.caseNumber && b.value.caseNumber);
      assert.equal(callCount(org), 2);
    });

    it("of which one cannot be read are searched for it as ever", async () => {
      const batch = items(200);
      batch[77] = item("bad", { Nope__c: 1 });
      batch[140] = item("worse", { IsEscalated: "perhaps" });
      const results = await writerFor(orgs, org, { caseNumber: true }).write(batch);
      assert.deepEqual(results.flatMap((one, index) => (one.ok ? [] : index)), [77, 140]);
      assert.ok(callCount(org) <= 4, `${callCount(org)} calls`);
    });

    it("have them for long external ids as well", async () => {
      const batch = items(200).map((one, index) => ({ ...one, externalId: `${"ä b/".repeat(50)}${index}` }));
      assert.ok(values(await writerFor(orgs, org, { caseNumber: true }).write(batch)).every(({ caseNumber }) => caseNumber));
      assert.ok(callCount(org) <= 2);
    });

    it("take an odd external id for what it is", async () => {
      const batch = ["o'Neill", "back\\slash", "new\nline", "%_&?#+", "@{main[0].id}"].map((id) => item(id));
      const results = values(await writerFor(orgs, org, { caseNumber: true }).write(batch));
      assert.ok(results.every(({ caseNumber }) => caseNumber));
    });
  });

  describe("that come again", () => {
    it("are still ours when the org has made them late, after a try whose answer was lost and one that was turned away", async () => {
      const writer = writerFor(orgs, org, { onRepeat: "leave" });
      const one = item("a", {}, { comment: "hot" });
      org.control.resetConnections({ when: "before", path: "composite/sobjects" });
      await assert.rejects(writer.write([one]));
      org.control.failNext({ status: 503, path: "composite/sobjects" });
      await assert.rejects(writer.write([one]));
      org.control.insert({ object: "Case", records: [{ [EXTERNAL_ID]: "a", Subject: "event a" }] });
      assert.equal(values(await writer.write([one]))[0]?.created, true);
      assert.equal(org.records("CaseComment").length, 1);
    });

    it("are updated, when nothing else is said", async () => {
      const writer = writerFor(orgs, org);
      await writer.write([item("a")]);
      const [again] = values(await writer.write([item("A", { Subject: "again" })]));
      assert.deepEqual([again?.created, again?.updated], [false, true]);
      assert.equal(org.records("Case")[0]?.Subject, "again");
    });

    it("are left as they are, while new ones are made", async () => {
      const writer = writerFor(orgs, org, { onRepeat: "leave" });
      const [first] = values(await writer.write([item("a")]));
      const [again, fresh] = values(await writer.write([item("A ", { Subject: "again" }), item("b")]));
      assert.deepEqual([again?.id, again?.created, again?.left, fresh?.created], [first?.id, false, true, true]);
      assert.deepEqual(org.records("Case").map((one) => one.Subject), ["event a", "event b"]);
    });

    it("get a comment, and only they", async () => {
      const writer = writerFor(orgs, org, { onRepeat: "comment" });
      await writer.write([item("a", {}, { comment: "first" })]);
      const [again, fresh] = values(await writer.write([item("a", { Subject: "again" }, { comment: "hot again" }), item("b", {}, { comment: "new" })]));
      assert.deepEqual([again?.commented, again?.created, fresh?.created], [true, false, true]);
      assert.deepEqual(org.records("CaseComment").map((one) => [one.ParentId, one.CommentBody]), [[again?.id, "hot again"]]);
      assert.equal(org.records("Case")[0]?.Subject, "event a");
    });

    for (const onRepeat of ["leave", "comment"] as const) {
      it(`because the answer to the first try was lost are new cases, not repeats (${onRepeat})`, async () => {
        const writer = writerFor(orgs, org, { onRepeat });
        org.control.resetConnections({ when: "after", path: "composite" });
        const batch = items(20, () => ({ comment: "hot" }));
        const results = values(await persist(writer, batch));
        assert.ok(results.every(({ created }) => created));
        assert.equal(org.records("Case").length, 20);
        assert.equal(org.records("CaseComment").length, onRepeat === "leave" ? 20 : 0);
      });
    }
  });

  it("that another client makes while ours is refused are repeats", async () => {
    const writer = writerFor(orgs, org, { onRepeat: "comment" });
    org.control.addRule({ object: "Case", condition: "Subject = 'event a'", errorCode: "UNABLE_TO_LOCK_ROW", message: "locked", times: 1 });
    const batch = [item("a", {}, { comment: "hot" })];
    assert.equal(errorOf(await writer.write(batch)).code, "ORG_BUSY");
    org.control.insert({ object: "Case", records: [{ Subject: "theirs", [EXTERNAL_ID]: "a" }] });
    const [result] = values(await writer.write(batch));
    assert.deepEqual([result?.commented, result?.created, org.records("CaseComment").length], [true, false, 1]);
  });

  describe("that are closed", () => {
    const close = async (onRepeat: "update" | "leave" | "comment") => {
      const writer = writerFor(orgs, org, { onRepeat, reopenStatus: "Working" });
      await writer.write([item("a", { Status: "Closed" }), item("open", { Status: "Escalated" })]);
      return writer;
    };
    const statuses = () => org.records("Case").map((one) => [one.Status, one.IsClosed]);

    for (const onRepeat of ["update", "leave", "comment"] as const) {
      it(`are opened again, the others keep their status (${onRepeat})`, async () => {
        const writer = await close(onRepeat);
        const [again, open] = values(await writer.write([item("a"), item("open")]));
        assert.deepEqual([again?.reopened, open?.reopened], [true, undefined]);
        assert.deepEqual(statuses(), [["Working", false], ["Escalated", false]]);
      });
    }

    it("stay closed when the message says so itself", async () => {
      const writer = await close("update");
      const [again] = values(await writer.write([item("a", { status: "Closed" })]));
      assert.equal(again?.reopened, undefined);
      assert.deepEqual(statuses()[0], ["Closed", true]);
    });

    it("stay closed without a status to open them with", async () => {
      await close("update");
      values(await writerFor(orgs, org).write([item("a")]));
      assert.deepEqual(statuses()[0], ["Closed", true]);
    });
  });

  describe("that a duplicate rule finds", () => {
    beforeEach(() => org.control.addDuplicateRule({ object: "Case", name: "Same_Subject", fields: ["Subject"] }));

    it("are refused, and the error says which case it found", async () => {
      const writer = writerFor(orgs, org);
      const [first] = values(await writer.write([item("a", { Subject: "hot" })]));
      const error = errorOf(await writer.write([item("b", { Subject: "HOT" })]));
      assert.deepEqual([error.code, error.details.statusCode, error.details.duplicates], ["ORG_REFUSED", "DUPLICATES_DETECTED", [first?.id]]);
    });

    for (const caseNumber of [false, true]) {
      it(`are stored all the same when they may be (${caseNumber ? "in a composite" : "alone"})`, async () => {
        const writer = writerFor(orgs, org, { duplicateRule: "allow", caseNumber });
        values(await writer.write([item("a", { Subject: "hot" })]));
        values(await writer.write([item("b", { Subject: "hot" })]));
        assert.equal(org.records("Case").length, 2);
      });
    }
  });
});
