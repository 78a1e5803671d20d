import assert from "node:assert/strict";
import { type ConfigNode, openShared, whyNone } from "../../nodes/common/config-node";
import { ConnectorError } from "../../nodes/common/errors";

describe("a config node", () => {
  const errors: string[] = [];
  let close: ((done: () => void) => void) | undefined;
  let node: ConfigNode;
  beforeEach(() => {
    errors.length = 0;
    close = undefined;
    node = { error: (text) => errors.push(text), on: (_event, listener) => (close = listener) };
  });

  it("closes what its users share before it is done, even if that fails", async () => {
    const order: string[] = [];
    const shared = { close: () => Promise.reject(new Error("mute")).catch(() => order.push("closed")) };
    assert.equal(openShared(node, () => shared), shared);
    await new Promise<void>((resolve) => close?.(() => (order.push("done"), resolve())));
    assert.deepEqual([order, errors], [["closed", "done"], []]);
  });

  it("keeps and logs why it has nothing to share, for its users to tell, and has nothing to close", () => {
    const wrong = new ConnectorError("NOT_CONFIGURED", "Timeout must be a whole number from 1 to 600: soon");
    const failed = openShared(node, (): { close(): Promise<void> } => {
      throw wrong;
    });
    assert.deepEqual([failed, errors, close], [undefined, [wrong.toString()], undefined]);
    assert.equal(whyNone(node, "broker"), wrong);
    assert.match(whyNone(null, "broker").message, /^No broker is chosen/);
  });
});
