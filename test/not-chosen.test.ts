import assert from "node:assert/strict";
import { brokerOf } from "../nodes/amqp/client/broker-node";
import { orgOf } from "../nodes/salesforce/client/org-node";
import { storeHolderOf } from "../nodes/common/store";
import { databaseOf } from "../nodes/sql/client/database-node";

/** What is thrown, as text. */
function thrownBy(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    return String(error);
  }
  return "nothing";
}

/** Texts of what a node says that has a config node of no or of another kind. */
const TEXTS = {
  "amqp in": thrownBy(() => brokerOf(null)),
  "salesforce case": thrownBy(() => orgOf({})),
  "salesforce listen": thrownBy(() => storeHolderOf(undefined)),
  "sql read": thrownBy(() => databaseOf({ client: {} })),
};

describe("a node for which nothing is chosen", () => {
  for (const [node, text] of Object.entries(TEXTS)) {
    it(`says what it needs and where to choose it, and all of it fits below the node: ${node}`, () => {
      assert.match(text, /^NOT_CONFIGURED: No (broker|database|Salesforce org) is chosen: choose one in the node's form$/);
      assert.ok(text.length - "NOT_CONFIGURED: ".length <= 60);
    });
  }
});

describe("a node whose config node was disabled, deleted, or not imported with it", () => {
  const texts = [thrownBy(() => brokerOf(null, "b1")), thrownBy(() => orgOf(undefined, "o1")), thrownBy(() => storeHolderOf(null, "d1")), thrownBy(() => databaseOf(null, "d1"))];
  for (const text of texts) it(`says so: ${text}`, () => assert.match(text, /^NOT_CONFIGURED: The chosen (broker|database|Salesforce org) is missing or disabled$/));

  it("is told by blanks that nothing is chosen", () => assert.match(thrownBy(() => brokerOf(null, " ")), /No broker is chosen/));
});
