import assert from "node:assert/strict";
import type { Emulator } from "../../../../emulator/src/index";
import { ConnectorError } from "../../../../nodes/common/errors";
import type { RecordResult } from "../../../../nodes/salesforce/client/records/collections";
import { RecordBatch, type RecordBatchOptions, type RecordItem } from "../../../../nodes/salesforce/client/records/record-batch";
import { listOutcome, refused } from "../../../../nodes/salesforce/client/records/record-outcome";
import { clientCredentials, collectionCalls, EXTERNAL_ID, Orgs } from "../../support";

const stored: RecordResult = { ok: true, id: "500000000000001AAA", created: true };
const failed = (code: ConstructorParameters<typeof ConnectorError>[0], details = {}): RecordResult => ({ ok: false, error: new ConnectorError(code, "why", { details }) });

describe("A list of records", () => {
  const orgs = new Orgs();
  let org: Emulator;
  beforeEach(async () => (org = await orgs.start()));
  afterEach(() => orgs.stop());

  const accounts = (count: number): string[] => org.control.insert({ object: "Account", records: Array.from({ length: count }, (_, index) => ({ Name: `a${index}` })) }).ids;
  const batch = (operation: RecordBatchOptions["operation"]): RecordBatch =>
    new RecordBatch(orgs.client(clientCredentials(org)).rest, { operation, externalIdField: operation === "upsert" ? "Id" : "", allOrNone: false, fields: [], headers: {}, someRefusedFails: () => true });
  const list = (ids: string[]): RecordItem => ({ object: "Account", records: ids.map((Id) => ({ Id })), list: true });

  it("of which some are stored is never held to be sent again, whatever the others failed by", () => {
    const results = [stored, failed("ORG_LIMIT", { statusCode: "STORAGE_LIMIT_EXCEEDED" })];
    const error = refused(results, [1]);
    assert.deepEqual([error.code, error.scope, error.retryable], ["ORG_LIMIT", "message", false]);
  });

  it("of which some stay locked is worth a retry where those that are stored may be sent again, and only there", async () => {
    const ids = accounts(3);
    const lockedBy = async (operation: "update" | "upsert" | "delete", more: RecordItem["records"] = []) => {
      org.control.lockRecord({ id: ids[1] as string, times: 4 });
      const { records, ...others } = list(ids);
      const [outcome] = await batch(operation).write([{ ...others, records: [...records, ...more] }]);
      assert.ok(outcome && !outcome.ok);
      return [outcome.error.code, outcome.error.scope, outcome.error.retryable];
    };
    assert.deepEqual(await lockedBy("update"), ["ORG_BUSY", "message", true]);
    assert.deepEqual(await lockedBy("upsert"), ["ORG_BUSY", "message", true]);
    assert.deepEqual(await lockedBy("upsert", [{ Name: "new" }]), ["ORG_BUSY", "message", false], "one without its id is made anew each time");
    assert.deepEqual(await lockedBy("delete"), ["ORG_BUSY", "message", false]);
    const refusedOne = refused([stored, failed("ORG_BUSY"), failed("ORG_REFUSED")], [1, 2], true);
    assert.equal(refusedOne.retryable, false);
  });

  it("of upserts of which one has no id is sent once when its answer is lost: that one would be made again", async () => {
    const [id] = accounts(1);
    const upserting = batch("upsert");
    const lost = async (item: RecordItem) => {
      org.control.resetConnections({ when: "after" });
      const [outcome] = await upserting.write([item]);
      assert.ok(outcome && !outcome.ok);
      return [outcome.error.code, outcome.error.scope, outcome.error.retryable];
    };
    await upserting.write([list([id as string])]); // signed in
    assert.deepEqual(await lost({ ...list([id as string]), records: [{ Id: id, Name: "a" }, { Name: "new" }] }), ["ORG_UNAVAILABLE", "message", true]);
    assert.deepEqual(await lost({ object: "Account", records: [{ Name: "new" }], list: false }), ["ORG_UNAVAILABLE", "message", true]);
    assert.deepEqual(await lost(list([id as string])), ["ORG_UNAVAILABLE", "system", true]);
  });

  it("of which none is stored waits for the org, where some were not looked at by it", () => {
    const results = [failed("ORG_REFUSED"), failed("ORG_UNAVAILABLE")];
    assert.throws(() => listOutcome(results), (error: ConnectorError) => error.scope === "system");
    assert.throws(() => listOutcome([...results, failed("ORG_UNAVAILABLE", { outcomeUnknown: true })]), (error: ConnectorError) => error.scope === "message");
  });

  it("is deleted once, when the org goes away between two of its calls", async () => {
    const item = list(accounts(250));
    const deleting = batch("delete");
    org.control.failNext({ status: 503, method: "DELETE", path: item.records[249]?.Id as string });
    const [first] = await deleting.write([item]);
    assert.ok(first && !first.ok && first.error.scope === "system");
    const [second] = await deleting.write([item]);
    assert.ok(second?.ok, second?.ok === false ? second.error.message : "");
    assert.equal(org.records("Account").length, 0);
  });

  it("is deleted by shorter calls where a proxy takes no long address", async () => {
    const ids = accounts(200);
    org.control.failNext({ status: 414, html: "<html>Request-URI Too Large</html>", method: "DELETE", path: ids[199] as string });
    const [outcome] = await batch("delete").write([list(ids)]);
    assert.ok(outcome?.ok, outcome?.ok === false ? outcome.error.message : "");
    assert.equal(org.records("Account").length, 0);
  });

  it("of ids of several objects that the org does not take in one call is deleted by one for each object", async () => {
    const contacts = org.control.insert({ object: "Contact", records: accounts(12).map(() => ({ LastName: "c" })) }).ids;
    const mixed = org.records("Account").flatMap(({ Id }, index) => [String(Id), contacts[index] as string]);
    const [outcome] = await batch("delete").write([list(mixed)]);
    assert.ok(outcome?.ok, outcome?.ok === false ? outcome.error.message : "");
    assert.deepEqual((outcome.value.salesforce as { results: { id: string }[] }).results.map(({ id }) => id), mixed);
    assert.deepEqual([org.records("Account").length, org.records("Contact").length, collectionCalls(org)], [0, 0, 3]);
  });

  it("of ids of several objects waits while the org is away, also when it has deleted those of one object", async () => {
    const contacts = org.control.insert({ object: "Contact", records: accounts(12).map(() => ({ LastName: "c" })) }).ids;
    const mixed = org.records("Account").flatMap(({ Id }, index) => [String(Id), contacts[index] as string]);
    org.control.failNext({ status: 503, method: "DELETE", path: `ids=${contacts[0] as string}` });
    const deleting = batch("delete");
    const item = list(mixed);
    const [outcome] = await deleting.write([item]);
    assert.deepEqual(outcome?.ok === false && [outcome.error.code, outcome.error.scope], ["ORG_UNAVAILABLE", "system"]);
    const [again] = await deleting.write([item]);
    assert.deepEqual([again?.ok, org.records("Account").length, org.records("Contact").length], [true, 0, 0]);
  });

  it("may have a record several times: all are stored, and the last one counts", async () => {
    const rows = [["a", "1"], ["b", "1"], ["A", "2"], ["c", "1"], ["a ", "3"], ["b", "2"]];
    const records = rows.map(([id, Subject]) => ({ [EXTERNAL_ID]: id, Subject }));
    const options = { externalIdField: EXTERNAL_ID, allOrNone: false, fields: [], headers: {}, someRefusedFails: () => true };
    const upserting = new RecordBatch(orgs.client(clientCredentials(org)).rest, { ...options, operation: "upsert" });
    const [outcome] = await upserting.write([{ object: "Case", records, list: true }]);
    assert.ok(outcome?.ok, outcome?.ok === false ? outcome.error.message : "");
    const { results } = outcome.value.salesforce as { results: { id: string; created: boolean }[] };
    const ids = new Map(org.records("Case").map((one) => [String(one[EXTERNAL_ID]).toLowerCase(), one.Id]));
    assert.deepEqual(results.map(({ id }) => id), rows.map(([id = ""]) => ids.get(id.trim().toLowerCase())));
    assert.deepEqual(results.map(({ created }) => created), [true, true, false, true, false, false]);
    assert.deepEqual(org.records("Case").map(({ Subject }) => Subject), ["3", "2", "1"]);
    assert.equal(collectionCalls(org), 3);
  });

  it("that names no fields is read by those there are, when one that was there is gone", async () => {
    const ids = accounts(1);
    const reading = batch("retrieve");
    assert.ok((await reading.write([list(ids)]))[0]?.ok);
    org.control.failNext({ status: 400, errorCode: "INVALID_FIELD", message: "No such column 'Gone__c' on sobject of type Account", method: "POST" });
    const [outcome] = await reading.write([list(ids)]);
    assert.ok(outcome?.ok, outcome?.ok === false ? outcome.error.message : "");
  });
});
