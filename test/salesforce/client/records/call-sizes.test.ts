import assert from "node:assert/strict";
import { type Emulator } from "../../../../emulator/src/index";
import { ConnectorError } from "../../../../nodes/common/errors";
import { CaseWriter } from "../../../../nodes/salesforce/client/cases/case-writer";
import type { Fields } from "../../../../nodes/salesforce/client/records/collections";
import { saveRecords } from "../../../../nodes/salesforce/client/records/save-records";
import { RecordWriter } from "../../../../nodes/salesforce/client/records/record-writer";
import type { RestCalls, RestRequest } from "../../../../nodes/salesforce/client/rest";
import { clientCredentials, collectionCalls, EXTERNAL_ID, Orgs } from "../../support";

/** A trigger that asks for something for each record by itself. */
const TRIGGER = { object: "Case", condition: "Id != null", errorCode: "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", message: "Notify: System.LimitException: Too many SOQL queries: 101" };
const cases = (count: number, make: (index: number) => Fields = (index) => ({ Subject: `s${index}` })): Fields[] => Array.from({ length: count }, (_, index) => make(index));

describe("Records that the org's automation cannot do with at once", () => {
  const orgs = new Orgs();
  let org: Emulator;
  beforeEach(async () => (org = await orgs.start()));
  afterEach(() => orgs.stop());

  it("are created by smaller calls, each once", async () => {
    org.control.addRule({ ...TRIGGER, above: 40 });
    const results = await new RecordWriter(orgs.client(clientCredentials(org)).rest).create({ object: "Case", records: cases(200) });
    assert.deepEqual(results.filter(({ ok }) => !ok), []);
    const { records } = await stored();
    assert.equal(new Set(records.map(({ Subject }) => Subject)).size, 200);
    assert.equal(records.length, 200);
  });

  it("are upserted by calls of the size that has passed, from then on", async () => {
    org.control.addRule({ ...TRIGGER, above: 40 });
    const writer = new CaseWriter(orgs.client(clientCredentials(org)).rest, { externalIdField: EXTERNAL_ID });
    const items = (from: number) => cases(200).map((fields, index) => ({ fields, externalId: `e${from + index}` }));
    assert.ok((await writer.write(items(0))).every(({ ok }) => ok));
    const before = collectionCalls(org);
    assert.ok((await writer.write(items(200))).every(({ ok }) => ok));
    assert.equal(collectionCalls(org) - before, 8);
  });

  it("go by whole calls again when it was one that needs too much alone", async () => {
    let calls = 0;
    const request = async (call: RestRequest): Promise<unknown> => {
      calls += 1;
      await Promise.resolve();
      const { records } = JSON.parse(String(call.body)) as { records: Fields[] };
      const isOver = records.some(({ Subject }) => Subject === "s0");
      return { status: 200, headers: {}, body: records.map(() => (isOver ? { success: false, errors: [{ statusCode: TRIGGER.errorCode, message: TRIGGER.message }] } : { id: "500000000000001AAA", success: true, errors: [] })) };
    };
    const writer = new RecordWriter({ request } as RestCalls);
    assert.deepEqual((await writer.create({ object: "Case", records: cases(3) })).map(({ ok }) => ok), [false, true, true]);
    calls = 0;
    await writer.create({ object: "Case", records: cases(200, (index) => ({ Subject: `t${index}` })) });
    assert.equal(calls, 1);
  });

  it("do not fail the others when one of them needs too much alone", async () => {
    org.control.addRule({ ...TRIGGER, condition: "Subject = 's0'", message: "Notify: System.LimitException: Apex CPU time limit exceeded" });
    const results = await saveRecords(orgs.client(clientCredentials(org)).rest, { object: "Case", records: cases(200) });
    assert.deepEqual(results.flatMap(({ ok }, index) => (ok ? [] : index)), [0]);
    const [first] = results;
    assert.ok(first && !first.ok && first.error.retryable, "another time it may need less");
  });

  it("are left alone after twenty calls when none of them passes", async () => {
    org.control.addRule(TRIGGER);
    const results = await saveRecords(orgs.client(clientCredentials(org)).rest, { object: "Case", records: cases(200) });
    assert.equal(collectionCalls(org), 20);
    assert.ok(results.every((result) => !result.ok && result.error.retryable && /Too many SOQL/.test(result.error.message)));
  });

  it("of all or none are not parted", async () => {
    org.control.addRule({ ...TRIGGER, above: 40 });
    const results = await new RecordWriter(orgs.client(clientCredentials(org)).rest).create({ object: "Case", records: cases(200), allOrNone: true });
    assert.ok(results.every(({ ok }) => !ok));
    assert.equal(collectionCalls(org), 1);
  });

  it("are deleted by smaller calls, each once", async () => {
    const deleted: string[] = [];
    const request = async (call: RestRequest): Promise<unknown> => {
      await Promise.resolve();
      const ids = (new URL(call.path, "http://x").searchParams.get("ids") ?? "").split(",");
      const fits = ids.length <= 30;
      if (fits) deleted.push(...ids);
      return { status: 200, headers: {}, body: ids.map((id) => (fits ? { id, success: true, errors: [] } : { success: false, errors: [{ statusCode: TRIGGER.errorCode, message: TRIGGER.message }] })) };
    };
    const ids = Array.from({ length: 100 }, (_, index) => `500000000000${String(index).padStart(3, "0")}`);
    const results = await new RecordWriter({ request } as RestCalls).delete({ ids }, ids.map((id) => ({ id })));
    assert.deepEqual(results.map((result) => result.ok && result.id), ids);
    assert.deepEqual(deleted, ids);
  });

  it("wait, unsent, behind a call that finds the org away", async () => {
    const calls: RestRequest[] = [];
    const request = async (call: RestRequest): Promise<unknown> => {
      calls.push(call);
      await Promise.resolve();
      const { records } = JSON.parse(String(call.body)) as { records: Fields[] };
      if (records.length === 1) throw new ConnectorError("ORG_UNAVAILABLE", "lost", { details: { outcomeUnknown: true } });
      return { status: 200, headers: {}, body: records.map(() => ({ success: false, errors: [{ statusCode: TRIGGER.errorCode, message: TRIGGER.message }] })) };
    };
    const results = await new RecordWriter({ request } as RestCalls).create({ object: "Case", records: cases(4) });
    assert.deepEqual(results.map((result) => !result.ok && result.error.scope), ["message", "system", "system", "system"]);
    assert.equal(calls.length, 3);
  });

  async function stored(): Promise<{ records: Fields[] }> {
    return (await (await fetch(`${org.url}/__emu/records/Case?limit=1000`)).json()) as { records: Fields[] };
  }
});
