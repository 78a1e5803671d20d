import assert from "node:assert/strict";
import { apiErrors, callError, isSessionExpired, networkError, recordError, type FailedAnswer } from "../../../nodes/salesforce/client/errors";
import { NetworkError } from "../../../nodes/salesforce/client/http/transport";

const answer = (status: number, body: unknown, headers: Record<string, string> = {}): FailedAnswer => ({ status, headers, body: typeof body === "string" ? body : JSON.stringify(body) });
const api = (errorCode: string, message = "text", fields?: string[]): object => ({ errorCode, message, ...(fields ? { fields } : {}) });
const record = (code: string, message = "text", fields: string[] = []) => recordError([{ code, message, fields }]);

describe("Errors of the org", () => {
  for (const [status, code, expected] of [
    [503, "SERVER_UNAVAILABLE", "ORG_UNAVAILABLE"],
    [500, "UNKNOWN_EXCEPTION", "ORG_UNAVAILABLE"],
    [502, "", "ORG_UNAVAILABLE"],
    [429, "", "ORG_UNAVAILABLE"],
    [408, "", "ORG_UNAVAILABLE"],
    [403, "API_CURRENTLY_DISABLED", "ORG_UNAVAILABLE"],
    [403, "REQUEST_LIMIT_EXCEEDED", "ORG_LIMIT"],
    [403, "API_DISABLED_FOR_ORG", "ORG_LOGIN_FAILED"],
    [403, "INVALID_OPERATION_WITH_EXPIRED_PASSWORD", "ORG_LOGIN_FAILED"],
    [403, "ORG_LOCKED", "ORG_LOGIN_FAILED"],
    [400, "TRIAL_EXPIRED", "ORG_LOGIN_FAILED"],
    [400, "ORG_IN_MAINTENANCE", "ORG_UNAVAILABLE"],
    [404, "NOT_FOUND", "ORG_OBJECT_UNKNOWN"],
    [410, "UNSUPPORTED_API_VERSION", "ORG_OBJECT_UNKNOWN"],
  ] as const) {
    it(`HTTP ${status} ${code} is nobody's fault who sends: ${expected}`, () => {
      const error = callError(answer(status, code ? [api(code)] : "<html></html>"));
      assert.equal(error.code, expected);
      assert.equal(error.scope, "system");
      assert.equal(error.details.status, status);
    });
  }

  it("what is too large for a proxy on the way is its message's matter, too", () => {
    for (const status of [413, 414, 431]) {
      const error = callError(answer(status, "<html>Request Entity Too Large</html>"));
      assert.deepEqual([error.code, error.scope, error.retryable], ["PAYLOAD_TOO_LARGE", "message", false]);
    }
  });

  it("a lock is the message's, and worth another try", () => {
    for (const code of ["UNABLE_TO_LOCK_ROW", "QUERY_TIMEOUT", "REQUEST_RUNNING_TOO_LONG"]) {
      assert.deepEqual([record(code).code, record(code).scope, record(code).retryable], ["ORG_BUSY", "message", true]);
    }
  });

  it("a lock that a trigger meets is one, whatever code the trigger gives it", () => {
    const error = record("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "Notify: execution of AfterInsert caused by: System.DmlException: Update failed; first error: UNABLE_TO_LOCK_ROW, unable to obtain exclusive access");
    assert.deepEqual([error.code, error.retryable], ["ORG_BUSY", true]);
  });

  it("maintenance that makes an org read-only is not the message's fault", () => {
    const error = record("INSERT_UPDATE_DELETE_NOT_ALLOWED_DURING_MAINTENANCE");
    assert.deepEqual([error.code, error.scope], ["ORG_UNAVAILABLE", "system"]);
  });

  it("anything else refuses the record, with the org's code, words and fields", () => {
    const error = record("REQUIRED_FIELD_MISSING", "Required fields are missing: [LastName]", ["LastName"]);
    assert.deepEqual([error.code, error.scope, error.retryable], ["ORG_REFUSED", "message", false]);
    assert.equal(error.message, "REQUIRED_FIELD_MISSING: Required fields are missing: [LastName]");
    assert.equal(error.details.statusCode, "REQUIRED_FIELD_MISSING");
    assert.deepEqual(error.details.fields, ["LastName"]);
  });

  it("a lock beside a refusal is a refusal", () => {
    const both = recordError([{ code: "UNABLE_TO_LOCK_ROW", message: "busy", fields: [] }, { code: "STRING_TOO_LONG", message: "Subject: data value too large", fields: ["Subject"] }]);
    assert.equal(both.code, "ORG_REFUSED");
    assert.match(both.message, /UNABLE_TO_LOCK_ROW: busy; STRING_TOO_LONG/);
  });

  it("waits minutes when the day's calls are used up, and not when only too many run at once", () => {
    assert.ok(Number(callError(answer(403, [api("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")])).details.retryAfter) >= 60_000);
    assert.equal(callError(answer(403, [api("REQUEST_LIMIT_EXCEEDED", "ConcurrentRequests (Concurrent API Requests) Limit exceeded.")])).details.retryAfter, undefined);
  });

  it("observes Retry-After", () => assert.equal(callError(answer(503, "", { "retry-after": "7" })).details.retryAfter, 7000));

  it("tells an expired session from a 401 that a new token cannot mend", () => {
    assert.equal(isSessionExpired(answer(401, [api("INVALID_SESSION_ID", "Session expired or invalid")])), true);
    assert.equal(isSessionExpired(answer(401, [api("INVALID_SESSION_ID", "This session is not valid for use with the REST API")])), false);
  });

  it("tells it by the error's own code, too, whatever the status", () => {
    for (const status of [400, 403]) {
      assert.equal(isSessionExpired(answer(status, [api("INVALID_SESSION_ID", "Session expired or invalid")])), true);
      assert.equal(isSessionExpired(answer(status, { code: 184, message: "access_token is invalid, unknown, or malformed: Inactive token" })), true, "Account Engagement");
      assert.equal(isSessionExpired(answer(status, [api("INVALID_FIELD", "no")])), false);
    }
  });

  it("reads bodies that are no list, and gives up on web pages", () => {
    assert.deepEqual(apiErrors(answer(400, api("X", "y"))), [{ code: "X", message: "y", fields: [] }]);
    assert.deepEqual(apiErrors(answer(502, "<html>")), []);
    assert.match(callError(answer(302, "", { location: "https://moved.example/x?token=1" })).message, /redirect to moved\.example \(HTTP 302\)/);
  });

  it("says whether the org may have acted when no answer came", () => {
    assert.equal(networkError(new NetworkError("h refused the connection", "ECONNREFUSED", false)).details.outcomeUnknown, false);
    assert.equal(networkError(new NetworkError("h broke the connection", "ECONNRESET", true)).details.outcomeUnknown, true);
  });
});
