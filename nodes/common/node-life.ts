import { type ConnectorError, toConnectorError } from "./errors";
import type { Status } from "./status";

/** What is needed of a node; Node-RED's fits. */
interface LivingNode {
  on(event: "input", listener: (msg: object, send: unknown, done: (error?: Error) => void) => void): unknown;
  on(event: "close", listener: (done: () => void) => void): unknown;
  warn(text: string): void;
}

/**
 * A node that cannot work by its settings: its status says why, and each message fails with it.
 *
 * @returns why
 */
export function failEach(node: LivingNode, status: Status, thrown: unknown): ConnectorError {
  const wrong = toConnectorError(thrown, "NOT_CONFIGURED");
  status.set("failed", wrong.message);
  node.on("input", (_msg, _send, done) => done(wrong));
  closeWith(node, status, () => Promise.resolve());
  return wrong;
}

/** Ends a node's work when the node closes, which is done then, whatever comes of it. */
export function closeWith(node: LivingNode, status: Status, close: () => Promise<unknown>): void {
  const end = async (): Promise<void> => {
    try {
      await close();
    } catch (error) {
      node.warn(toConnectorError(error).message);
    }
    status.close();
  };
  node.on("close", (done) => void end().finally(done));
}
