import assert from "node:assert/strict";
import type { Emulator } from "../../../../emulator/src/index";
import type { CaseItem, CaseOutcome } from "../../../../nodes/salesforce/client/cases/case-writer";
import { clientCredentials, Orgs } from "../../support";
import { item, persist, writerFor } from "./case-support";

const EMAIL = { contact: { field: "Email", missing: "leave" } } as const;
const BADGE = { contact: { field: "Badge__c", missing: "leave" } } as const;

describe("Values that no record can have", () => {
  const orgs = new Orgs();
  let org: Emulator;
  beforeEach(async () => (org = await orgs.start({ schema: [{ name: "Contact", fields: [{ name: "Badge__c", type: "double", scale: 0, externalId: true, unique: true }] }] })));
  afterEach(() => orgs.stop());

  const isStored = (outcomes: CaseOutcome[]): boolean[] => outcomes.map(({ ok }) => ok);

  for (const [what, contact, options] of [
    ["a text that no URL takes", "x".repeat(20_000), EMAIL],
    ["half a character", "a\ud83d", EMAIL],
    ["a number that SOQL does not know", "0x1F", BADGE],
    ["a number without end", "9".repeat(40), BADGE],
  ] as const) {
    it(`${what} to look a contact up by finds none, and holds up no other case of the call`, async () => {
      const outcomes = await writerFor(orgs, org, options).write([item("a", {}, { contact }), item("b", {}, { contact: 7 })]);
      assert.deepEqual(isStored(outcomes), [true, true]);
    });
  }

  it("a number is the same however it is written, also one of 18 digits", async () => {
    const { rest } = orgs.client(clientCredentials(org));
    const ids: string[] = [];
    for (const badge of [7, 123456789012345678n]) ids.push((await rest.request<{ id: string }>({ method: "POST", path: "/sobjects/Contact", body: { LastName: "Li", Badge__c: String(badge) } })).body.id);
    const wanted = ["7", "007", "7.0", "123456789012345678"].map((contact) => item(contact, {}, { contact }));
    assert.deepEqual(isStored(await writerFor(orgs, org, BADGE).write(wanted)), [true, true, true, true]);
    assert.deepEqual(org.records("Case").map(({ ContactId }) => ContactId), [ids[0], ids[0], ids[0], ids[1]]);
  });

  it("a number of another notation finds nobody, also beside one that finds a record", async () => {
    const { rest } = orgs.client(clientCredentials(org));
    const { body } = await rest.request<{ id: string }>({ method: "POST", path: "/sobjects/Contact", body: { LastName: "Li", Badge__c: "16" } });
    await writerFor(orgs, org, BADGE).write(["16", "0x10", "1.6e1"].map((contact) => item(contact, {}, { contact })));
    assert.deepEqual(org.records("Case").map(({ ContactId }) => ContactId ?? undefined), [body.id, undefined, undefined]);
  });

  it("half a character in an external id fails only its own case", async () => {
    const outcomes = await writerFor(orgs, org, { caseNumber: true }).write([item("a\ud83d"), item("b")]);
    assert.ok(outcomes[1]?.ok);
  });

  it("half a character at the end of a comment makes it no other comment when its case comes again", async () => {
    for (const again of [1, 2]) assert.deepEqual(isStored(await writerFor(orgs, org).write([item("a", {}, { comment: `cut \ud83d` })])), [true], `${again}`);
    assert.deepEqual(org.records("CaseComment").map(({ CommentBody }) => CommentBody), ["cut \ufffd"]);
  });

  it("a comment that stays locked makes no second case where there is no external id: the source is told not to try again", async () => {
    org.control.addRule({ object: "CaseComment", condition: "ParentId != null", errorCode: "UNABLE_TO_LOCK_ROW", message: "unable to obtain exclusive access" });
    const batch: CaseItem[] = [{ fields: { Subject: "a" }, comment: "hot" }];
    const [outcome] = await persist(writerFor(orgs, org, { externalIdField: undefined }), batch);
    assert.ok(outcome && !outcome.ok);
    assert.deepEqual([outcome.error.scope, outcome.error.retryable, outcome.error.details.caseId], ["message", false, org.records("Case")[0]?.Id]);
  });
});
