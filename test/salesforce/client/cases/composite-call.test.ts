import assert from "node:assert/strict";
import { ConnectorError } from "../../../../nodes/common/errors";
import { CompositeCall, type Rider } from "../../../../nodes/salesforce/client/cases/composite-call";
import type { RestClient, RestRequest } from "../../../../nodes/salesforce/client/rest";

const CALL: RestRequest = { method: "PATCH", path: "/composite/sobjects/Case/E__c", body: '{"records":[{"E__c":"a"}]}', headers: { "sforce-auto-assign": "FALSE" } };
const ANSWER = [{ id: "500000000000001AAA", success: true, errors: [], created: true }];

/** A composite call over a client that answers what it is told, and what both have seen. */
function setUp(answer: unknown, queries = ["SELECT Id FROM Case WHERE E__c IN ('a')"]) {
  const sent: RestRequest[] = [];
  const rows: unknown[] = [];
  const request = (one: RestRequest) => Promise.resolve((sent.push(one), { status: 200, headers: {}, body: answer }));
  const rider: Rider = { queries: () => queries, rows: (records) => rows.push(...records) };
  return { sent, rows, calls: new CompositeCall({ version: "66.0", request } as unknown as RestClient, rider) };
}

const composite = (main: object, ...others: object[]) => ({ compositeResponse: [{ httpStatusCode: 200, httpHeaders: {}, referenceId: "main", ...main }, ...others] });
const found = (...records: object[]) => ({ httpStatusCode: 200, httpHeaders: {}, referenceId: "query0", body: { records } });

describe("A composite call", () => {
  it("carries the call and its queries in one, with the call's own headers, and answers as the call", async () => {
    const { sent, rows, calls } = setUp(composite({ body: ANSWER }, found({ Id: "1" })));
    assert.deepEqual((await calls.request(CALL)).body, ANSWER);
    assert.deepEqual(rows, [{ Id: "1" }]);
    assert.equal(sent[0]?.path, "/composite");
    assert.deepEqual(JSON.parse(String(sent[0]?.body)), {
      allOrNone: false,
      compositeRequest: [
        { method: "PATCH", url: "/services/data/v66.0/composite/sobjects/Case/E__c", referenceId: "main", httpHeaders: CALL.headers, body: { records: [{ E__c: "a" }] } },
        { method: "GET", url: `/services/data/v66.0/query?q=${encodeURIComponent("SELECT Id FROM Case WHERE E__c IN ('a')")}`, referenceId: "query0" },
      ],
    });
  });

  it("sends no more than four queries along", async () => {
    const { sent, calls } = setUp(composite({ body: ANSWER }), Array.from({ length: 6 }, () => "SELECT Id FROM Case"));
    await calls.request(CALL);
    assert.equal((JSON.parse(String(sent[0]?.body)) as { compositeRequest: unknown[] }).compositeRequest.length, 5);
  });

  it("goes alone when a text in it looks like a reference, which the org would follow", async () => {
    const { sent, calls } = setUp(ANSWER);
    await calls.request({ ...CALL, body: '{"records":[{"E__c":"a","Subject":"see @{main[0].id}"}]}' });
    assert.equal(sent[0]?.path, CALL.path);
  });

  it("fails as the call alone would have failed, but points at no place in the text", async () => {
    const message = "Cannot deserialize instance of date from VALUE_STRING value x or request may be missing a required field at [line:1, column:77]";
    const { calls } = setUp(composite({ httpStatusCode: 400, body: [{ errorCode: "JSON_PARSER_ERROR", message }] }, found()));
    await assert.rejects(calls.request(CALL), (thrown) => {
      const error = thrown as ConnectorError;
      assert.deepEqual([error.code, error.details.status, error.details.errorCode], ["ORG_REFUSED", 400, "JSON_PARSER_ERROR"]);
      assert.match(error.message, /VALUE_STRING value x or request may be missing a required field/);
      assert.doesNotMatch(error.message, /column/);
      return true;
    });
  });

  it("points at no place in its own text either, when it is refused as a whole", async () => {
    const refused = new ConnectorError("ORG_REFUSED", "JSON_PARSER_ERROR: Illegal character at [line:1, column:377] (HTTP 400)", { details: { status: 400 } });
    const calls = new CompositeCall({ version: "66.0", request: () => Promise.reject(refused) } as unknown as RestClient, { queries: () => ["SELECT Id FROM Case"], rows: () => undefined });
    await assert.rejects(calls.request(CALL), { code: "ORG_REFUSED", message: "JSON_PARSER_ERROR: Illegal character (HTTP 400)", retryable: false });
  });

  it("is the org's trouble when the org failed inside it", async () => {
    const { calls } = setUp(composite({ httpStatusCode: 500, body: [{ errorCode: "UNKNOWN_EXCEPTION", message: "x" }] }));
    await assert.rejects(calls.request(CALL), (error) => (error as ConnectorError).scope === "system" && (error as ConnectorError).details.outcomeUnknown === true);
  });

  it("does not care what becomes of the queries", async () => {
    const { rows, calls } = setUp(composite({ body: ANSWER }, { httpStatusCode: 400, body: [{ errorCode: "INVALID_FIELD", message: "x" }], referenceId: "query0" }));
    assert.deepEqual((await calls.request(CALL)).body, ANSWER);
    assert.deepEqual(rows, []);
  });

  for (const answer of ["<html>", {}, { compositeResponse: [] }, null]) {
    it(`answered with ${JSON.stringify(answer)} leaves its outcome open`, async () => {
      await assert.rejects(setUp(answer).calls.request(CALL), (error) => (error as ConnectorError).details.outcomeUnknown === true);
    });
  }
});
