import assert from "node:assert/strict";
import { networkError } from "../../../../nodes/salesforce/client/errors";
import { actionError, partError, requestError } from "../../../../nodes/salesforce/client/requests/request-error";
import { RequestSender } from "../../../../nodes/salesforce/client/requests/request-sender";
import type { RawRequest, RestClient } from "../../../../nodes/salesforce/client/rest";
import { type HttpAnswer, NetworkError } from "../../../../nodes/salesforce/client/http/transport";

const answer = (status: number, body: unknown, headers: Record<string, string> = {}): HttpAnswer => {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return { status, headers, bytes: Buffer.from(text), body: text };
};
const rest = (errorCode: string, message = "why") => [{ errorCode, message }];
const fault = (code: string) => `<soapenv:Fault><faultcode>sf:${code}</faultcode><faultstring>${code}: why</faultstring></soapenv:Fault>`;
const told = (error: { code: string; scope: string; retryable: boolean } | undefined) => [error?.code, error?.scope, error?.retryable];

describe("What a refused request means", () => {
  const TABLE: [string, HttpAnswer, string, string, boolean][] = [
    ["a path that is not there", answer(404, rest("NOT_FOUND")), "ORG_REFUSED", "message", false],
    ["a version that has gone", answer(410, rest("UNSUPPORTED_API_VERSION")), "ORG_REFUSED", "message", false],
    ["a mistake", answer(400, rest("MALFORMED_QUERY")), "ORG_REFUSED", "message", false],
    ["a locked record", answer(400, rest("UNABLE_TO_LOCK_ROW")), "ORG_BUSY", "message", true],
    ["an Apex exception", answer(500, rest("APEX_ERROR")), "ORG_REFUSED", "message", true],
    ["an internal error", answer(500, rest("UNKNOWN_EXCEPTION")), "ORG_BUSY", "message", true],
    ["a 500 of something else", answer(500, "<html>"), "ORG_UNAVAILABLE", "system", true],
    ["503", answer(503, rest("SERVER_UNAVAILABLE")), "ORG_UNAVAILABLE", "system", true],
    ["502 of a gateway", answer(502, "<html>"), "ORG_UNAVAILABLE", "system", true],
    ["the limit of the day", answer(403, rest("REQUEST_LIMIT_EXCEEDED")), "ORG_LIMIT", "system", true],
    ["a page that is not there, told by a web page", answer(404, "<html>"), "ORG_REFUSED", "message", false],
    ["a SOAP fault", answer(500, fault("MALFORMED_ID")), "ORG_REFUSED", "message", false],
    ["a SOAP fault about a lock", answer(500, fault("UNABLE_TO_LOCK_ROW")), "ORG_BUSY", "message", true],
    ["a SOAP fault about a limit", answer(500, fault("REQUEST_LIMIT_EXCEEDED")), "ORG_LIMIT", "system", true],
    ["an action that failed", answer(400, [{ isSuccess: false, errors: [{ statusCode: "MISSING_ARGUMENT", message: "why" }] }]), "ORG_REFUSED", "message", false],
    ["Account Engagement", answer(400, { code: 109, message: "why" }), "ORG_REFUSED", "message", false],
    ["Account Engagement's limit of the day", answer(400, { code: 122, message: "why" }), "ORG_LIMIT", "system", true],
  ];
  for (const [what, given, code, scope, retryable] of TABLE) {
    it(`${what} is ${code}`, () => {
      const error = requestError(given);
      assert.deepEqual(told(error), [code, scope, retryable]);
      if (!given.body.startsWith("<html")) assert.match(error.message, /why/);
      assert.equal(error.details.status, given.status);
    });
  }

  it("an answer that is too large fails its message, not the org", () => {
    assert.deepEqual(told(networkError(new NetworkError("the answer is larger than 10 bytes", "ANSWER_TOO_LARGE", true))), ["PAYLOAD_TOO_LARGE", "message", false]);
  });
});

describe("An action of several inputs that fails for one", () => {
  const refused = { isSuccess: false, errors: [{ statusCode: "UNABLE_TO_LOCK_ROW", message: "locked" }] };

  it("cannot be tried again where others are done, unless its calls may be repeated", () => {
    const given = answer(400, [{ isSuccess: true, errors: null }, refused]);
    assert.deepEqual(told(actionError(given, false)), ["ORG_REFUSED", "message", false]);
    assert.deepEqual(told(actionError(given, true)), ["ORG_BUSY", "message", true]);
    assert.match(actionError(given, false)?.message ?? "", /^1 of 2 parts failed: .*locked/);
    assert.deepEqual([actionError(given, false)?.details.status, (actionError(given, false)?.details.parts as { part: string }[]).map(({ part }) => part)], [400, ["1"]]);
  });

  it("is sent once only, though what failed was locked", async () => {
    let calls = 0;
    const raw = (request: RawRequest): Promise<HttpAnswer> => {
      calls += 1;
      return Promise.reject(request.errorOf?.(answer(400, [{ isSuccess: true, errors: null }, refused])) as Error);
    };
    const sender = new RequestSender({ raw } as unknown as RestClient, { returns: "json", safeToRepeat: false, failOnPartErrors: true });
    await assert.rejects(sender.send({ method: "POST", path: "/actions/custom/flow/Register_Device", headers: {} }), { code: "ORG_REFUSED", retryable: false });
    assert.equal(calls, 1);
  });

  it("is refused like any other call where none is", () => {
    for (const body of [[refused, refused], [null], rest("UNABLE_TO_LOCK_ROW"), "text"]) assert.equal(actionError(answer(400, body), false), undefined);
    assert.deepEqual(told(requestError(answer(400, [refused]))), ["ORG_BUSY", "message", true]);
  });

  it("waits as long as any other call while the day's mails are used up", () => {
    const { code, details } = requestError(answer(400, [{ isSuccess: false, errors: [{ statusCode: "SINGLE_EMAIL_LIMIT_EXCEEDED", message: "why" }] }]));
    assert.deepEqual([code, details.retryAfter], ["ORG_LIMIT", 600_000]);
  });
});

describe("Parts of a composite answer", () => {
  const part = (referenceId: string, httpStatusCode: number, body: unknown = null) => ({ referenceId, httpStatusCode, body });
  const halted = (referenceId: string) => part(referenceId, 400, rest("PROCESSING_HALTED"));

  it("are looked for only in composite answers", () => {
    assert.equal(partError("/query", { results: [{ statusCode: 400 }] }, false), undefined);
    assert.equal(partError("/services/apexrest/compositeX", [{ success: false }], false), undefined);
  });

  it("that all went well, or that nobody can read, are no error", () => {
    for (const body of [{ compositeResponse: [part("a", 201)] }, { graphs: [] }, { hasErrors: false, results: [] }, null, "text", {}]) assert.equal(partError("/composite", body, false), undefined);
  });

  it("give their own error where all was rolled back, and one that cannot be tried again where some was done", () => {
    const lock = part("b", 400, rest("UNABLE_TO_LOCK_ROW"));
    assert.deepEqual(told(partError("/composite", { compositeResponse: [halted("a"), lock] }, false)), ["ORG_BUSY", "message", true]);
    assert.deepEqual(told(partError("/composite", { compositeResponse: [part("a", 201), lock] }, false)), ["ORG_REFUSED", "message", false]);
    assert.deepEqual(told(partError("/composite", { compositeResponse: [part("a", 201), lock] }, true)), ["ORG_BUSY", "message", true]);
  });

  it("cannot be tried again, either, where a list inside of a composite was stored in part", () => {
    const list = (success: boolean) => part("list", 200, [{ id: "500000000000001AAA", success, errors: [] }, { success: false, errors: [{ statusCode: "UNABLE_TO_LOCK_ROW", message: "locked" }] }]);
    assert.deepEqual(told(partError("/composite", { compositeResponse: [list(true)] }, false)), ["ORG_REFUSED", "message", false]);
    assert.deepEqual(told(partError("/composite", { compositeResponse: [list(true)] }, true)), ["ORG_BUSY", "message", true]);
    assert.deepEqual(told(partError("/composite", { compositeResponse: [list(false)] }, false)), ["ORG_BUSY", "message", true]);
    const rolledBack = part("b", 400, rest("PROCESSING_HALTED", "The transaction was rolled back since another operation in the same transaction failed."));
    assert.deepEqual(told(partError("/composite", { compositeResponse: [list(true), rolledBack] }, false)), ["ORG_BUSY", "message", true]);
  });

  it("are found in batches, graphs, collections and trees, and in a collection inside of a composite", () => {
    const saved = [{ success: true, errors: [] }, { success: false, errors: [{ statusCode: "DUPLICATE_VALUE", message: "there", fields: [] }] }];
    const bodies: [string, unknown][] = [
      ["/composite/batch", { hasErrors: true, results: [{ statusCode: 400, result: rest("DUPLICATE_VALUE") }] }],
      ["/composite/graph", { graphs: [{ isSuccessful: false, graphResponse: { compositeResponse: [part("a", 400, rest("DUPLICATE_VALUE"))] } }] }],
      ["/services/data/v66.0/composite/sobjects", saved],
      ["/composite/tree/Account", { hasErrors: true, results: [{ referenceId: "r", errors: [{ statusCode: "DUPLICATE_VALUE", message: "there", fields: [] }] }] }],
      ["/composite", { compositeResponse: [part("list", 200, saved)] }],
    ];
    for (const [path, body] of bodies) assert.match(partError(path, body, false)?.message ?? "", /DUPLICATE_VALUE/, path);
  });

  it("are the errors of a GraphQL answer, which has status 200 also where a mutation was refused", () => {
    const error = { message: "FIELD_CUSTOM_VALIDATION_EXCEPTION: no", paths: ["uiapi", "AccountCreate"], extensions: { ErrorType: "DataFetchingException" } };
    const refused = partError("/graphql", { data: { uiapi: { AccountCreate: null } }, errors: [error] }, false);
    assert.deepEqual(told(refused), ["ORG_REFUSED", "message", false]);
    assert.match(refused?.message ?? "", /DataFetchingException: FIELD_CUSTOM_VALIDATION_EXCEPTION: no/);
    const locked = { ...error, message: "UNABLE_TO_LOCK_ROW: unable to obtain exclusive access to this record" };
    assert.deepEqual(told(partError("/services/data/v68.0/graphql", { data: { uiapi: { AccountCreate: null } }, errors: [locked] }, false)), ["ORG_BUSY", "message", true]);
    const oneDone = { data: { uiapi: { first: { Record: { Id: "001000000000001AAA" } }, second: null } }, errors: [locked] };
    assert.deepEqual(told(partError("/graphql", oneDone, false)), ["ORG_REFUSED", "message", false], "the other mutation would be done again");
    for (const errors of [[], undefined]) assert.equal(partError("/graphql", { data: { uiapi: {} }, errors }, false), undefined);
  });

  it("are the refused records of a SOAP answer", () => {
    const result = (code?: string) => `<result>${code ? `<errors><fields>Name</fields><message>it's &lt;no&gt;</message><statusCode>${code}</statusCode></errors><id xsi:nil="true"/><success>false</success>` : "<id>001000000000001AAA</id><success>true</success>"}</result>`;
    const answer = (...results: string[]) => `<?xml version="1.0"?><soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Body><createResponse>${results.join("")}</createResponse></soapenv:Body></soapenv:Envelope>`;
    const path = "/services/Soap/u/68.0";
    const refused = partError(path, answer(result(), result("REQUIRED_FIELD_MISSING")), false);
    assert.deepEqual(told(refused), ["ORG_REFUSED", "message", false]);
    assert.match(refused?.message ?? "", /1 of 2 parts failed: REQUIRED_FIELD_MISSING: it's <no> \(Name\)/);
    assert.deepEqual(told(partError(path, answer(result("UNABLE_TO_LOCK_ROW")), false)), ["ORG_BUSY", "message", true]);
    assert.equal(partError(path, answer(result(), result()), false), undefined);
  });
});
