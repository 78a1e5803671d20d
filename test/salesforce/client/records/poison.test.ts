import assert from "node:assert/strict";
import { ConnectorError } from "../../../../nodes/common/errors";
import { type Fields, saveRecords } from "../../../../nodes/salesforce/client/records/collections";
import { RecordWriter } from "../../../../nodes/salesforce/client/records/record-writer";
import type { RestCalls, RestRequest } from "../../../../nodes/salesforce/client/rest";

const broken = (): never => {
  throw new ConnectorError("ORG_UNAVAILABLE", "UNKNOWN_EXCEPTION (HTTP 500)", { details: { status: 500, outcomeUnknown: true } });
};

/** An org that answers 500 to a record named poison; `works`: whether it answers anything else. */
function orgWith(works: boolean): { rest: RestCalls; calls: RestRequest[] } {
  const calls: RestRequest[] = [];
  const request = async (call: RestRequest): Promise<unknown> => {
    calls.push(call);
    await Promise.resolve();
    if (!works) return broken();
    if (call.method === "GET") return { status: 200, headers: {}, body: { records: [] } };
    const { records } = JSON.parse(String(call.body)) as { records: Fields[] };
    if (records.some(({ Name }) => Name === "poison")) return broken();
    return { status: 200, headers: {}, body: records.map(() => ({ id: "001000000000001AAA", success: true, errors: [] })) };
  };
  return { rest: { request } as RestCalls, calls };
}

/** Writes one record until it is through or has failed by itself, ten times at most. */
async function persist(rest: RestCalls): Promise<unknown> {
  const writer = new RecordWriter(rest);
  const batch = {};
  for (let tries = 0; tries < 10; tries += 1) {
    const results = await writer.update({ object: "Account", records: [{ Id: "001000000000001AAA", Name: "poison" }] }, batch).catch(() => undefined);
    if (results) return results[0];
  }
  return "held";
}

describe("A record that makes the org fail", () => {
  it("fails by itself in the end, though it is alone in its call, when the org works otherwise", async () => {
    const result = (await persist(orgWith(true).rest)) as { ok: false; error: ConnectorError };
    assert.deepEqual([result.ok, result.error.code, result.error.scope], [false, "ORG_BUSY", "message"]);
  });

  it("is held when the org fails at everything", async () => assert.equal(await persist(orgWith(false).rest), "held"));
});

describe("Records too large for one call", () => {
  it("are parted by their size before anything is sent, and those of all or none are not", async () => {
    const { rest, calls } = orgWith(true);
    const records = Array.from({ length: 2 }, () => ({ Body: "x".repeat(21_000_000) }));
    const results = await saveRecords(rest, { object: "Attachment", records });
    assert.ok(results.every(({ ok }) => ok));
    assert.equal(calls.length, 2);
    await saveRecords(rest, { object: "Attachment", records, allOrNone: true });
    assert.equal(calls.length, 3);
  });

  it("do not fail the others for a type that only one of them names", async () => {
    const request = async (call: RestRequest): Promise<unknown> => {
      await Promise.resolve();
      const text = String(call.body);
      if (text.includes("Nope__c")) throw new ConnectorError("ORG_OBJECT_UNKNOWN", "INVALID_TYPE: sObject type 'Nope__c' is not supported. (HTTP 400)", { details: { errorCode: "INVALID_TYPE" } });
      return { status: 200, headers: {}, body: (JSON.parse(text) as { records: Fields[] }).records.map(() => ({ id: "500000000000001AAA", success: true, errors: [] })) };
    };
    const parent = { Owner: { attributes: { type: "Nope__c" }, Key__c: "1" } };
    const results = await saveRecords({ request } as RestCalls, { object: "Case", records: [{ Subject: "a" }, parent, { Subject: "b" }] });
    assert.deepEqual(results.map(({ ok }) => ok), [true, false, true]);
    assert.equal(results[1]?.ok === false && results[1].error.scope, "message");
    await assert.rejects(saveRecords({ request } as RestCalls, { object: "Nope__c", records: [{ Name: "a" }] }), (error: ConnectorError) => error.scope === "system");
  });
});
