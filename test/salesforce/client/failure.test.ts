import assert from "node:assert/strict";
import { ConnectorError } from "../../../nodes/common/errors";
import { callError, recordError } from "../../../nodes/salesforce/client/errors";
import { failureOf } from "../../../nodes/salesforce/client/failure";
import { requestError } from "../../../nodes/salesforce/client/requests/request-error";

const answer = (status: number, body: unknown) => ({ status, headers: {}, bytes: Buffer.from(JSON.stringify(body)), body: JSON.stringify(body) });
const NOT_FOUND = [{ errorCode: "NOT_FOUND", message: "why" }];

describe("What the message of a failed call says", () => {
  it("is the org's words for a record, and whom a duplicate rule has found", () => {
    const error = recordError([{ code: "DUPLICATES_DETECTED", message: "Use one of these records?", fields: ["Email"], duplicates: ["003000000000001AAA"] }]);
    assert.deepEqual(failureOf(error), {
      success: false,
      errors: [{ statusCode: "DUPLICATES_DETECTED", message: "Use one of these records?", fields: ["Email"] }],
      duplicates: ["003000000000001AAA"],
    });
  });

  it("is the HTTP status of a call that was refused as a whole, and the start of a request's answer", () => {
    const told = { success: false, errors: [{ statusCode: "NOT_FOUND", message: "why", fields: [] }], statusCode: 404 };
    assert.deepEqual(failureOf(callError(answer(404, NOT_FOUND))), told);
    assert.deepEqual(failureOf(requestError(answer(404, NOT_FOUND))), { ...told, body: JSON.stringify(NOT_FOUND) });
  });

  it("is our own code and text where the org has said nothing", () => {
    const error = new ConnectorError("INPUT_INVALID", "Field Age: NaN is no number.", { details: { field: "Age" } });
    assert.deepEqual(failureOf(error), { success: false, errors: [{ statusCode: "INPUT_INVALID", message: "Field Age: NaN is no number.", fields: ["Age"] }] });
  });

  it("is missing for an error of the flow if the message is stored", () => {
    for (const error of [new Error("else"), new ConnectorError("FLOW_ERROR", "behind"), new ConnectorError("FLOW_STOPPED", "stopped")]) assert.equal(failureOf(error), undefined);
  });
});
