import assert from "node:assert/strict";
import { ConnectorError } from "../../nodes/common/errors";
import { closeWith, failEach } from "../../nodes/common/node-life";
import type { Status } from "../../nodes/common/status";

type Listener = (...given: unknown[]) => void;

/** A node and its status, and what was told of them. */
class Life {
  readonly told: unknown[] = [];
  readonly listeners = new Map<string, Listener>();
  readonly status = { set: (...given: unknown[]) => this.told.push(given), close: () => this.told.push("status closed") } as unknown as Status;

  on(event: string, listener: never): void {
    this.listeners.set(event, listener);
  }

  warn(text: string): void {
    this.told.push(text);
  }

  close(): Promise<void> {
    return new Promise((resolve) => this.listeners.get("close")?.(resolve));
  }
}

describe("The life of a node", () => {
  it("fails each message of one whose settings are wrong, by what is wrong with them", async () => {
    const life = new Life();
    const wrong = failEach(life, life.status, new Error("There is no queue"));
    assert.deepEqual([wrong.code, life.told], ["NOT_CONFIGURED", [["failed", "There is no queue"]]]);
    life.listeners.get("input")?.({}, undefined, (error: Error) => life.told.push(error));
    assert.equal(life.told[1], wrong);
    await life.close();
    assert.equal(life.told[2], "status closed");
  });

  for (const [how, close] of [
    ["is refused later", () => Promise.reject(new ConnectorError("BROKER_UNAVAILABLE", "The broker is away"))],
    ["throws at once", () => { throw new ConnectorError("BROKER_UNAVAILABLE", "The broker is away"); }],
  ] as const) {
    it(`ends when its close ${how}, and says why`, async () => {
      const life = new Life();
      closeWith(life, life.status, close);
      await life.close();
      assert.deepEqual(life.told, ["The broker is away", "status closed"]);
    });
  }
});
