import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { Operation, Refused } from "./operation";
import { CONNECTORS } from "./operations";
import { tables } from "./page";
import { Stage } from "./stage";

const FILE = path.join(__dirname, "../../../docs/salesforce-operations.md");
/** Everything up to this line is written by hand. */
const MARK = "<!-- From here on written by test/salesforce/parity: UPDATE_SALESFORCE_OPERATIONS=1 npm run mocha -- test/salesforce/parity/parity.test.ts -->";

describe("what the connectors did that ours replace", function () {
  const stage = new Stage();

  before(() => stage.start());
  after(() => stage.stop());

  CONNECTORS.forEach(({ title, operations }, group) => {
    describe(title, () => {
      operations.forEach((operation, index) => {
        const id = `${group}-${index}`;

        it(`${operation.name}: does it, and fails with the org's words`, async () => {
          const { msg, check } = await operation.good(stage.world);
          const answer = await stage.send(id, msg);
          assert.equal(answer.error, undefined, JSON.stringify(answer.error));
          await check(answer);

          const { msg: wrong, error, code = "ORG_REFUSED" } = operation.bad ? await operation.bad(stage.world) : await forbidden(operation);
          const refused = await stage.send(id, wrong);
          assert.equal(refused.error?.code, code, JSON.stringify(refused.error ?? refused.payload));
          assert.match(refused.error.message, error);
        });
      });
    });
  });

  /** Most calls that take nothing fail only for who must not make them. */
  async function forbidden(operation: Operation): Promise<Refused> {
    const { msg } = await operation.good(stage.world);
    stage.world.org.control.failNext({ status: 403, errorCode: "INSUFFICIENT_ACCESS", message: "no right to do this" });
    return { msg, error: /no right to do this/ };
  }

  it("is what docs/salesforce-operations.md says", () => {
    const [written = ""] = readFileSync(FILE, "utf8").split(MARK);
    const text = `${written}${MARK}\n\n${tables(CONNECTORS)}\n`;
    if (process.env["UPDATE_SALESFORCE_OPERATIONS"]) writeFileSync(FILE, text);
    assert.equal(readFileSync(FILE, "utf8"), text, "the operations have changed: run with UPDATE_SALESFORCE_OPERATIONS=1, and look at the difference");
  });

  it("is complete: 27 operations over SOAP, 16 of the Bulk API, 13 of CRM Analytics, 14 collections of Account Engagement", () => {
    const count = CONNECTORS.map(({ title, operations }) => [title, new Set(operations.map(({ name }) => name)).size]);
    assert.deepEqual(count, [["Salesforce SOAP connector", 27], ["Salesforce REST connector", 19], ["Bulk API 2.0", 16], ["CRM Analytics (Wave)", 13], ["Account Engagement (Pardot)", 28], ["Platform events and streaming", 1]]);
  });
});
