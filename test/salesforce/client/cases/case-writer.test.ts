import assert from "node:assert/strict";
import type { Emulator } from "../../../../emulator/src/index";
import type { ConnectorError } from "../../../../nodes/common/errors";
import { type CaseItem, CaseWriter, type CaseWriterOptions } from "../../../../nodes/salesforce/client/cases/case-writer";
import type { OrgSettings } from "../../../../nodes/salesforce/client/org";
import { clientCredentials, collectionCalls, EXTERNAL_ID, Orgs } from "../../support";

const item = (id: string, fields: Record<string, unknown> = {}): CaseItem => ({ externalId: id, fields: { Subject: `event ${id}`, ...fields } });
const items = (count: number): CaseItem[] => Array.from({ length: count }, (_, index) => item(`e${index}`));
const WHEN = { before: "before the org has acted", during: "in the middle of the answer", after: "after the org has acted" };
const isError = (wanted: Partial<ConnectorError>) => (error: unknown) => Object.entries(wanted).every(([key, value]) => (error as Record<string, unknown>)[key] === value);

describe("Cases", () => {
  const orgs = new Orgs();
  let org: Emulator;
  beforeEach(async () => (org = await orgs.start()));
  afterEach(() => orgs.stop());

  const writer = (options: CaseWriterOptions = { externalIdField: EXTERNAL_ID }, settings: Partial<OrgSettings> = {}): CaseWriter =>
    new CaseWriter(orgs.client(clientCredentials(org, settings)).rest, options);

  it("200 are stored in one call, each with its id", async () => {
    const results = await writer().write(items(200));
    assert.ok(results.every((result) => result.ok && result.value.created && /^500\w{15}$/.test(result.value.id)));
    assert.equal(org.records("Case").length, 200);
    assert.equal(collectionCalls(org), 1);
  });

  it("one that is sent again updates its case, whatever the case of its id", async () => {
    const cases = writer();
    const [first] = await cases.write([item("abc")]);
    const [second] = await cases.write([item("ABC", { Status: "Working" })]);
    assert.ok(first?.ok && second?.ok);
    assert.equal(second.value.created, false);
    assert.equal(second.value.id, first.value.id);
    assert.deepEqual(org.records("Case").map((one) => one.Status), ["Working"]);
  });

  for (const [what, fields, text, details] of [
    ["of an unknown picklist value", { Origin: "Smoke signal" }, /INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST: .*Smoke signal/, { statusCode: "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST" }],
    ["of a text that is too long", { Subject: "x".repeat(300) }, /STRING_TOO_LONG/, { statusCode: "STRING_TOO_LONG", fields: ["Subject"] }],
    ["of an unknown column", { Nope__c: 1 }, /No such column 'Nope__c'/, { errorCode: "INVALID_FIELD" }],
    ["of a value the field cannot hold", { IsEscalated: "perhaps" }, /JSON_PARSER_ERROR: .*perhaps/, { errorCode: "JSON_PARSER_ERROR" }],
  ] as const) {
    it(`one among 200 that is refused because ${what} leaves 199, in at most two calls`, async () => {
      const batch = items(200);
      batch[120] = item("bad", fields);
      const results = await writer().write(batch);
      assert.deepEqual(results.flatMap((result, index) => (result.ok ? [] : index)), [120]);
      assert.equal(org.records("Case").length, 199);
      assert.ok(collectionCalls(org) <= 2);
      const bad = results[120];
      assert.ok(bad && !bad.ok);
      assert.deepEqual([bad.error.code, bad.error.scope, bad.error.retryable], ["ORG_REFUSED", "message", false]);
      assert.match(bad.error.message, text);
      for (const [key, value] of Object.entries(details)) assert.deepEqual(bad.error.details[key], value);
    });
  }

  it("one without a field that the org requires gets the org's own words", async () => {
    const strict = await orgs.start({ schema: [{ name: "Case", fields: [{ name: "Plant__c", type: "string", required: true }] }] });
    const client = orgs.client(clientCredentials(strict));
    const [result] = await new CaseWriter(client.rest, { externalIdField: EXTERNAL_ID }).write([item("a")]);
    assert.ok(result && !result.ok);
    assert.equal(result.error.message, "REQUIRED_FIELD_MISSING: Required fields are missing: [Plant__c]");
    assert.deepEqual([result.error.code, result.error.details.fields], ["ORG_REFUSED", ["Plant__c"]]);
  });

  it("that are locked are the message's error, worth another try", async () => {
    const cases = writer();
    const [first] = await cases.write([item("a")]);
    assert.ok(first?.ok);
    org.control.lockRecord({ id: first.value.id, times: 1 });
    const [locked, free] = await cases.write([item("a"), item("b")]);
    assert.ok(locked && !locked.ok && free?.ok);
    assert.deepEqual([locked.error.code, locked.error.retryable], ["ORG_BUSY", true]);
    assert.ok((await cases.write([item("a")]))[0]?.ok);
  });

  it("whose parent is locked are created once it is free, without an external id too", async () => {
    const { ids } = org.control.insert({ object: "Account", records: [{ Name: "Acme" }] });
    org.control.lockRecord({ id: String(ids[0]), times: 2 });
    const results = await writer({}).write([{ fields: { Subject: "a", AccountId: ids[0] } }, { fields: { Subject: "b" } }]);
    assert.ok(results.every((result) => result.ok));
    assert.equal(org.records("Case").length, 2);
  });

  for (const when of ["before", "during", "after"] as const) {
    it(`are safe to send again when the connection breaks ${WHEN[when]}: each exactly once`, async () => {
      const cases = writer();
      await cases.write([item("warm-up")]);
      org.control.resetConnections({ when });
      await assert.rejects(cases.write(items(50)), isError({ code: "ORG_UNAVAILABLE", scope: "system" }));
      const results = await cases.write(items(50));
      assert.ok(results.every((result) => result.ok));
      assert.equal(org.records("Case").length, 51);
    });

    it(`without an external id fail by themselves when the connection breaks ${WHEN[when]}`, async () => {
      const cases = writer({});
      await cases.write([{ fields: { Subject: "warm-up" } }]);
      org.control.resetConnections({ when });
      const [result] = await cases.write([{ fields: { Subject: "a" } }]);
      assert.ok(result && !result.ok);
      assert.deepEqual([result.error.code, result.error.scope, result.error.retryable], ["ORG_UNAVAILABLE", "message", true]);
      assert.equal(org.records("Case").length, when === "before" ? 1 : 2);
    });
  }

  it("are held while the org answers 500, and not condemned however long that lasts", async () => {
    const cases = writer();
    const batch = items(20);
    org.control.failNext({ count: 1000, status: 500, path: "composite/sobjects" });
    for (let i = 0; i < 14; i += 1) await assert.rejects(cases.write(batch), isError({ code: "ORG_UNAVAILABLE", scope: "system" }));
    org.control.clearFaults();
    assert.ok((await cases.write(batch)).every((result) => result.ok));
  });

  it("without an external id wait with the others while the org is down", async () => {
    org.control.unavailable();
    await assert.rejects(writer({}).write([{ fields: { Subject: "a" } }]), isError({ code: "ORG_UNAVAILABLE", scope: "system" }));
  });

  it("are not at fault if the org has no such external id field", async () => {
    await assert.rejects(writer({ externalIdField: "Nope__c" }).write(items(3)), isError({ code: "ORG_OBJECT_UNKNOWN", scope: "system" }));
    assert.equal(collectionCalls(org), 1);
  });

  for (const [assignment, header] of [["default", undefined], ["off", "FALSE"], ["01Q000000000001AAA", "01Q000000000001AAA"]] as const) {
    it(`are assigned by ${assignment}`, async () => {
      await writer({ externalIdField: EXTERNAL_ID, assignment }).write(items(1));
      const headers = org.control.stats().lastRequests.find(({ path }) => path.includes("composite"))?.headers ?? {};
      const found = Object.entries(headers).find(([name]) => name.toLowerCase() === "sforce-auto-assign")?.[1];
      assert.equal(found, header);
    });
  }
});
