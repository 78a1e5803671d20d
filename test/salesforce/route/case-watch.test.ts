import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { ConnectorError } from "../../../nodes/common/errors";
import type { TrackedRuntime } from "../../../nodes/delivery/runtime";
import { CaseWatch, type CaseWatchOptions } from "../../../nodes/salesforce/route/case-watch";
import { remains, waitFor } from "../../services/wait";

describe("The watch of salesforce route over its cases", () => {
  /** What a watch warns of while what it keeps cannot be read, by this. */
  async function warningsOf(error: ConnectorError): Promise<string[]> {
    const warnings: string[] = [];
    let looks = 0;
    const options: Partial<CaseWatchOptions> = {
      settings: { settle: "node", deadline: 60_000, rules: { answerTimeout: 20 } } as CaseWatchOptions["settings"],
      parts: () => {
        looks += 1;
        return Promise.reject(error);
      },
      isWired: () => true,
      onChange: () => undefined,
      warn: (text) => warnings.push(text),
    };
    const watch = new CaseWatch({ ...options, node: { id: "route" }, runtime: { events: new EventEmitter() } as unknown as TrackedRuntime } as CaseWatchOptions);
    watch.start();
    await waitFor("three looks", () => looks >= 3);
    await remains("as many warnings", () => warnings.length <= 1, 50);
    assert.equal(watch.trouble, error);
    await watch.close();
    return warnings;
  }

  it("logs once in full which file cannot be read, since a status shows only its beginning", async () => {
    const text = "/data/surewire/salesforce-route%2F00D.json is not JSON: Unexpected end of JSON input";
    assert.deepEqual(await warningsOf(new ConnectorError("STORE_UNAVAILABLE", text)), [`Cases cannot be looked after: ${text}`]);
  });

  it("leaves it to the database's node to log that the database is away", async () => {
    const cause = new ConnectorError("DATABASE_UNAVAILABLE", "connection refused");
    assert.deepEqual(await warningsOf(new ConnectorError("STORE_UNAVAILABLE", "What is kept cannot be read: connection refused", { cause })), []);
  });
});
