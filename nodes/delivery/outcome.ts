import { ConnectorError, goingOn } from "../common/errors";

/**
 * What becomes of a delivery.
 *
 * - `accept`: the flow has finished with it.
 * - `retry`: it failed and may work later; counts as an attempt.
 * - `dead-letter`: it can never work, or its attempts are used up.
 * - `release`: nobody worked on it (redeploy, shutdown, back-pressure); counts no attempt.
 */
export type Outcome = "accept" | "retry" | "dead-letter" | "release";

/** Who settles a delivery: the flow when it is quiet, a settle node, or the source itself before it sends (may lose messages). */
export type SettleMode = "flow" | "node" | "delivery";

/** From worst to best: when several outcomes were recorded, the first of these wins. */
const OUTCOMES: readonly Outcome[] = ["dead-letter", "retry", "release", "accept"];

/** Whether `value` is the word for an outcome. */
export function isOutcome(value: unknown): value is Outcome {
  return typeof value === "string" && (OUTCOMES as readonly string[]).includes(value);
}

/** Whether `a` is worse than `b`, and so wins over it. */
export function isWorse(a: Outcome, b: Outcome): boolean {
  return OUTCOMES.indexOf(a) < OUTCOMES.indexOf(b);
}

/** The properties of a Node-RED node that name it. */
export interface NodeName {
  id: string;
  type?: string;
  name?: string;
}

/** Copies the name of a node, so that the node itself with its whole configuration is not kept. */
export function nameOf({ id, type, name }: NodeName): NodeName {
  return { id, ...(type ? { type } : {}), ...(name ? { name } : {}) };
}

/** Names a node for the user: its name or else its type, and its id. */
export function describeNode(node: NodeName): string {
  return `${node.name || node.type || "node"} (${node.id})`;
}

/** How a delivery ended, as its source is told. */
export interface Settlement {
  outcome: Outcome;
  /** Why, unless it was accepted. */
  error?: ConnectorError;
  /** The node the error came from. */
  node?: NodeName;
  /** Which attempt this was, from 1. */
  attempt: number;
  /** For `retry`: ms until the next attempt. For `release`: ms to wait before it is given back; 0 or absent means at once. */
  delay?: number;
}

/** The outcome that an error asks for: `release` for scope `system`, else `retry` if it is retryable, else `dead-letter`. */
export function outcomeOf(error: ConnectorError): Outcome {
  if (error.scope === "system") return "release";
  return error.retryable ? "retry" : "dead-letter";
}

/** The error of messages that are given back since their node was stopped before they were done. */
export function flowStopped(): ConnectorError {
  return new ConnectorError("FLOW_STOPPED", "The flow was stopped before the message was done with; one that a source has taken comes again, any other must be sent again");
}

/** The error of a message that belongs to no delivery and has waited `ms` for a system in vain. @param error why it had to wait */
export function waitedTooLong(error: ConnectorError | undefined, ms: number): ConnectorError {
  const { code, message } = error ?? flowStopped();
  return new ConnectorError(code, goingOn(message, `the message has waited ${ms} ms`), { cause: error });
}
