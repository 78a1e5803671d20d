import assert from "node:assert/strict";
import { ConnectorError } from "../../nodes/common/errors";
import { closeWith, registerNode } from "../../nodes/common/node-life";
import type { Status } from "../../nodes/common/status";

type Listener = (...given: unknown[]) => void;

/** A node, and what was told of it. */
class Life {
  readonly told: unknown[] = [];
  readonly listeners = new Map<string, Listener>();

  on(event: string, listener: never): void {
    this.listeners.set(event, listener);
  }

  warn(text: string): void {
    this.told.push(text);
  }

  error(text: string): void {
    this.told.push(text);
  }

  status({ text }: { text?: string }): void {
    this.told.push({ status: text });
  }

  close(): Promise<void> {
    return new Promise((resolve) => this.listeners.get("close")?.(resolve));
  }

  /** Makes it of a type whose settings are wrong. */
  begin(isSource?: () => boolean): void {
    const registerType = (_type: string, construct: (this: Life, config: object) => void): void => construct.call(this, {});
    const RED = { nodes: { registerType, createNode: () => undefined } };
    const start = (): void => {
      throw new Error("There is no queue");
    };
    registerNode(RED, "test", start, isSource && { isSource });
  }
}

describe("The life of a node", () => {
  it("makes each message fail with the reason if its settings are wrong", async () => {
    const life = new Life();
    life.begin();
    assert.deepEqual(life.told, [{ status: "There is no queue" }]);
    life.listeners.get("input")?.({}, undefined, (error: ConnectorError) => life.told.push(error.code));
    assert.equal(life.told[1], "NOT_CONFIGURED");
    await life.close();
  });

  it("begins with an error of one that gets no messages and whose settings are wrong", async () => {
    const life = new Life();
    life.begin(() => true);
    assert.deepEqual(life.told, [{ status: "There is no queue" }, "NOT_CONFIGURED: There is no queue"]);
    await life.close();
  });

  for (const [how, close] of [
    ["is refused later", () => Promise.reject(new ConnectorError("BROKER_UNAVAILABLE", "The broker is away"))],
    ["throws at once", () => { throw new ConnectorError("BROKER_UNAVAILABLE", "The broker is away"); }],
  ] as const) {
    it(`ends when its close ${how}, and says why`, async () => {
      const life = new Life();
      const status = { close: () => life.told.push("status closed") } as unknown as Status;
      closeWith(life, status, close);
      await life.close();
      assert.deepEqual(life.told, ["The broker is away", "status closed"]);
    });
  }
});
