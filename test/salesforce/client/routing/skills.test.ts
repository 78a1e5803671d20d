import assert from "node:assert/strict";
import { isConnectorError } from "../../../../nodes/common/errors";
import { readSkills } from "../../../../nodes/salesforce/client/routing/skills";

const FIELD = "ObjectRouting_Skills__c";

describe("the skills of a case", () => {
  it("are separated by semicolons", () => {
    assert.deepEqual(readSkills("French;Billing level 2;Pumps", FIELD), ["French", "Billing level 2", "Pumps"]);
    assert.deepEqual(readSkills("French;", FIELD), ["French"]);
  });

  it("may be none", () => {
    for (const nothing of [null, undefined, ""]) assert.deepEqual(readSkills(nothing, FIELD), []);
  });

  it("have 255 characters in all at most", () => {
    assert.equal(readSkills("x".repeat(255), FIELD).length, 1);
  });

  for (const [what, text, reason] of [
    ["with a leading blank", "French; Billing", /blank before the skill "Billing"/],
    ["with a leading blank at the very start", " French", /blank before the skill "French"/],
    ["separated by |", "French|Billing", /\| in it/],
    ["of more than 255 characters", "x".repeat(256), /256 characters/],
    ["with an empty one", "French;;Billing", /nothing as its skill no. 2/],
    ["that are blanks", "  ", /nothing as its skill no. 1/],
    ["that are no text", 7, /a number, not a text/],
  ] as const) {
    it(`${what} are an error of the message that no retry can correct`, () => {
      assert.throws(() => readSkills(text, FIELD), (error) => isConnectorError(error) && error.code === "INPUT_INVALID" && !error.retryable && error.scope === "message" && error.message.startsWith(FIELD) && reason.test(error.message));
    });
  }
});
