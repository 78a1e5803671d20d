import { ConnectorError, toConnectorError } from "./errors";

/** What a config node carries for its users besides what they share. */
export interface ConfigHolder {
  /** Why what they share is not there. */
  problem?: ConnectorError;
}

/** What is needed of a config node; Node-RED's fits. */
export interface ConfigNode extends ConfigHolder {
  error(text: string): void;
  on(event: "close", listener: (done: () => void) => void): unknown;
}

/**
 * Opens what the users of a config node share, and closes it with the node.
 *
 * @param open reads the settings; what it throws becomes the node's problem, which its users tell, and is logged
 * @returns `undefined` when it cannot be opened
 */
export function openShared<T extends { close(): Promise<unknown> }>(node: ConfigNode, open: () => T): T | undefined {
  try {
    const shared = open();
    node.on("close", (done) => void shared.close().finally(done));
    return shared;
  } catch (error) {
    node.problem = toConnectorError(error, "NOT_CONFIGURED");
    node.error(node.problem.toString());
    return undefined;
  }
}

/**
 * Why a node that was found, or was not, has nothing to share.
 *
 * @param what it would be, for people
 * @param chosen the id that it was looked for by
 */
export function whyNone(node: ConfigHolder | null | undefined, what: string, chosen?: string): ConnectorError {
  if (node?.problem) return node.problem;
  const isGone = !node && chosen?.trim();
  return new ConnectorError("NOT_CONFIGURED", isGone ? `The chosen ${what} is missing or disabled` : `No ${what} is chosen: choose one in the node's form`);
}
