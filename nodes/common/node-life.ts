import { type ConnectorError, toConnectorError } from "./errors";
import type { Status } from "./status";

/** What is needed of a node; Node-RED's fits. */
interface LivingNode {
  on(event: "input", listener: (msg: object, send: unknown, done: (error?: Error) => void) => void): unknown;
  on(event: "close", listener: (done: () => void) => void): unknown;
  warn(text: string): void;
}

/**
 * Makes a node that cannot work with its settings say so: in its status, and as the error of each message that it gets.
 *
 * @param thrown what reading the settings has thrown
 * @returns the same as a `ConnectorError`, `NOT_CONFIGURED` unless it was one already
 */
export function failEach(node: LivingNode, status: Status, thrown: unknown): ConnectorError {
  const wrong = toConnectorError(thrown, "NOT_CONFIGURED");
  status.set("failed", wrong.message);
  node.on("input", (_msg, _send, done) => done(wrong));
  closeWith(node, status, () => Promise.resolve());
  return wrong;
}

/** Calls `close` when the node closes. The node has closed when that has ended; a rejection is only logged. */
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
