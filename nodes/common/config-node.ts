import { ConnectorError, toConnectorError } from "./errors";

/** A config node as its users see it, apart from the connection that they share. */
export interface ConfigHolder {
  /** Why there is no connection to share, if there is none. */
  problem?: ConnectorError;
}

/** What is needed of a config node; Node-RED's fits. */
export interface ConfigNode extends ConfigHolder {
  error(text: string): void;
  on(event: "close", listener: (done: () => void) => void): unknown;
}

/**
 * Opens what the users of a config node share, such as a connection, and closes it with the node.
 *
 * @param open reads the settings and opens it. When it throws, the error is logged and kept as the node's `problem`, for its users to report
 * @returns `undefined` when `open` has thrown
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
 * Says why a node cannot use the config node it is set to: the config node has a problem, is missing, or none was chosen.
 *
 * @param node the config node, if there is one with the chosen id
 * @param what the kind of config node, in words for the error: "broker"
 * @param chosen the id in the settings of the node that uses it
 */
export function whyNone(node: ConfigHolder | null | undefined, what: string, chosen?: string): ConnectorError {
  if (node?.problem) return node.problem;
  const isGone = !node && chosen?.trim();
  return new ConnectorError("NOT_CONFIGURED", isGone ? `The chosen ${what} is missing or disabled` : `No ${what} is chosen: choose one in the node's form`);
}
