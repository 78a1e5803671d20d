import assert from "node:assert/strict";
import { masked } from "../../nodes/common/masked";

describe("the words of another system are told", () => {
  it("without our secrets, however a request carries them", () => {
    const secret = "p&ss w+rd'";
    const sent = [secret, encodeURIComponent(secret), new URLSearchParams({ password: secret }).toString()].join(" | ");
    assert.equal(masked(`refused: ${sent}`, [secret]), "refused: *** | *** | password=***");
  });

  it("and otherwise as they are, whatever a secret looks like", () => {
    assert.equal(masked("refused: bad $& password", ["none", "", "a"]), "refused: bad $& password");
  });
});
