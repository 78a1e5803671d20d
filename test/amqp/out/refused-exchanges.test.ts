import assert from "node:assert/strict";
import { RefusedExchanges } from "../../../nodes/amqp/out/refused-exchanges";
import { ConnectorError } from "../../../nodes/common/errors";
import { waitFor } from "../../services/wait";

describe("exchanges that the broker has refused", () => {
  const error = new ConnectorError("EXCHANGE_UNAVAILABLE", "no exchange");

  it("are known by their error, and the others are not", () => {
    const refused = new RefusedExchanges();
    refused.add("gone", error);
    assert.deepEqual([refused.any, refused.errorOf("gone"), refused.errorOf("there")], [true, error, undefined]);
  });

  it("are forgotten after a time, even if they are never used again", async () => {
    const refused = new RefusedExchanges({ heldFor: 20 });
    refused.add("gone", error);
    await waitFor("the end of the time", () => !refused.any, { interval: 5 });
    assert.equal(refused.errorOf("gone"), undefined);
  });

  it("are at most a thousand, and the oldest are forgotten first", () => {
    const refused = new RefusedExchanges();
    for (let index = 0; index <= 1_000; index += 1) refused.add(String(index), error);
    assert.deepEqual([refused.errorOf("0"), refused.errorOf("1"), refused.errorOf("1000")], [undefined, error, error]);
  });
});
