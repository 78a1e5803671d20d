import assert from "node:assert/strict";
import { ConnectorError } from "../../../../nodes/common/errors";
import type { Fields } from "../../../../nodes/salesforce/client/records/collections";
import { saveRecords } from "../../../../nodes/salesforce/client/records/save-records";
import type { RestClient, RestRequest } from "../../../../nodes/salesforce/client/rest";

type Answer = (records: Fields[], text: string) => unknown;

/** A REST client that answers from a function and keeps the calls. */
function fakeRest(answer: Answer): { rest: RestClient; calls: RestRequest[] } {
  const calls: RestRequest[] = [];
  const request = (call: RestRequest): Promise<unknown> => {
    calls.push(call);
    const text = String(call.body);
    return Promise.resolve().then(() => ({ status: 200, headers: {}, body: answer((JSON.parse(text) as { records: Fields[] }).records, text) }));
  };
  return { rest: { request } as unknown as RestClient, calls };
}

const stored = (records: Fields[]): unknown => records.map(() => ({ id: "500000000000001AAA", success: true, errors: [], created: true }));
const records = (count: number, make: (index: number) => Fields = (index) => ({ Subject: `s${index}` })): Fields[] => Array.from({ length: count }, (_, index) => make(index));
const refused = (message: string): never => {
  throw new ConnectorError("ORG_REFUSED", message);
};
const failed = (results: Awaited<ReturnType<typeof saveRecords>>): number[] => results.flatMap((result, index) => (result.ok ? [] : index));

describe("A Collections call", () => {
  it("upserts 200 records by an encoded field name in one call", async () => {
    const { rest, calls } = fakeRest(stored);
    const results = await saveRecords(rest, { object: "Case", externalIdField: "Odd/Id__c", records: records(200) });
    assert.equal(calls.length, 1);
    assert.equal(calls[0]?.method, "PATCH");
    assert.equal(calls[0]?.path, "/composite/sobjects/Case/Odd%2FId__c");
    assert.equal(failed(results).length, 0);
  });

  it("creates without one, and each record says its type", async () => {
    const { rest, calls } = fakeRest(stored);
    await saveRecords(rest, { object: "Case", records: [{ Subject: "hot" }] });
    assert.equal(calls[0]?.path, "/composite/sobjects");
    assert.deepEqual(JSON.parse(String(calls[0]?.body)), { allOrNone: false, records: [{ attributes: { type: "Case" }, Subject: "hot" }] });
  });

  it("is sent again without the one record whose column the org does not know: two calls", async () => {
    const { rest, calls } = fakeRest((sent) => (sent.some((one) => "Nope__c" in one) ? refused("INVALID_FIELD: No such column 'nope__c' on sobject of type Case (HTTP 400)") : stored(sent)));
    const results = await saveRecords(rest, { object: "Case", records: records(200, (index) => (index === 120 ? { Nope__c: 1 } : { Subject: "x" })) });
    assert.deepEqual(failed(results), [120]);
    assert.equal(calls.length, 2);
  });

  it("is sent again without the one record that the parser's place points at: two calls, whatever characters stand before it", async () => {
    const { rest, calls } = fakeRest((sent, text) => {
      const at = text.indexOf("not a date");
      return at < 0 ? stored(sent) : refused(`JSON_PARSER_ERROR: Cannot deserialize instance of date from VALUE_STRING value at [line:1, column:${at + 1}]`);
    });
    const results = await saveRecords(rest, { object: "Case", records: records(200, (index) => ({ Subject: "hällö ☃ 🚒", At__c: index === 77 ? "not a date" : "2026-01-01" })) });
    assert.deepEqual(failed(results), [77]);
    assert.equal(calls.length, 2);
  });

  it("is sent again without the one record whose value cannot be read, wherever the parser points at: two calls", async () => {
    const { rest, calls } = fakeRest((sent) => {
      const wrong = sent.find((one) => one.At__c === "soon");
      return wrong ? refused("JSON_PARSER_ERROR: Cannot deserialize instance of datetime from VALUE_STRING value soon or request may be missing a required field at [line:1, column:2] (HTTP 400)") : stored(sent);
    });
    const results = await saveRecords(rest, { object: "Case", records: records(200, (index) => ({ Subject: "x", At__c: index === 9 ? "soon" : "2026-01-01" })) });
    assert.deepEqual(failed(results), [9]);
    assert.equal(calls.length, 2);
  });

  it("keeps innocent records with the same value in a field that may have it", async () => {
    const { rest, calls } = fakeRest((sent) => {
      const wrong = sent.find((one) => one.At__c === "soon");
      return wrong ? refused("JSON_PARSER_ERROR: Cannot deserialize instance of datetime from VALUE_STRING value soon or request may be missing a required field at [line:1, column:2] (HTTP 400)") : stored(sent);
    });
    const results = await saveRecords(rest, { object: "Case", records: records(200, (index) => (index === 9 ? { At__c: "soon" } : index < 4 ? { Subject: "soon" } : { Subject: "x" })) });
    assert.deepEqual(failed(results), [9]);
    assert.ok(calls.length <= 8, `${calls.length} calls`);
  });

  it("is halved when the refusal does not say who is at fault", async () => {
    const { rest, calls } = fakeRest((sent) => (sent.some((one) => one.Subject === "s150") ? refused("ODD: no") : stored(sent)));
    const results = await saveRecords(rest, { object: "Case", records: records(200) });
    assert.deepEqual(failed(results), [150]);
    assert.ok(calls.length <= 20, `${calls.length} calls`);
  });

  it("does not make endless calls when every record is refused: the rest may be tried again later", async () => {
    const { rest, calls } = fakeRest(() => refused("ODD: no"));
    const results = await saveRecords(rest, { object: "Case", records: records(200) });
    assert.equal(calls.length, 20);
    assert.equal(failed(results).length, 200);
    assert.equal(results.filter((result) => !result.ok && result.error.retryable).length > 100, true);
  });

  it("keeps what is stored when the org goes away between two halves", async () => {
    const { rest } = fakeRest((sent) => {
      if (sent.length === 4) return refused("ODD: no");
      if (sent.some((one) => one.Subject === "s2")) throw new ConnectorError("ORG_UNAVAILABLE", "away");
      return stored(sent);
    });
    const results = await saveRecords(rest, { object: "Case", records: records(4) });
    assert.deepEqual(failed(results), [2, 3]);
    assert.ok(results.every((result) => result.ok || result.error.scope === "system"));
  });

  describe("that the org answers with 500 again and again", () => {
    const away = (): never => {
      throw new ConnectorError("ORG_UNAVAILABLE", "UNKNOWN_EXCEPTION (HTTP 500)", { details: { status: 500 } });
    };

    it("is searched for the record that brings it about, when asked to: the others are stored", async () => {
      const { rest, calls } = fakeRest((sent) => (sent.some((one) => one.Subject === "s33") ? away() : stored(sent)));
      const results = await saveRecords(rest, { object: "Case", externalIdField: "E__c", records: records(200), search: true });
      const bad = results[33];
      assert.deepEqual(failed(results), [33]);
      assert.ok(bad && !bad.ok);
      assert.deepEqual([bad.error.code, bad.error.scope, bad.error.retryable], ["ORG_BUSY", "message", true]);
      assert.ok(calls.length <= 20);
    });

    it("condemns no record when none passes", async () => {
      const { rest } = fakeRest(away);
      await assert.rejects(saveRecords(rest, { object: "Case", externalIdField: "E__c", records: records(200), search: true }), (error) => (error as ConnectorError).scope === "system");
    });
  });

  it("takes an answer that is not the list of its results for an org that is away", async () => {
    const { rest } = fakeRest(() => "<html>");
    await assert.rejects(saveRecords(rest, { object: "Case", records: records(2) }), (error) => (error as ConnectorError).code === "ORG_UNAVAILABLE");
  });
});
