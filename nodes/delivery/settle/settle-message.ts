import { ConnectorError } from "../../common/errors";
import { verdictFor } from "../delivery";
import { flowTracker } from "../tracker/flow-tracker";
import { Mark } from "../tracker/hop";
import { flowStopped, nameOf, type NodeName, type Outcome } from "../outcome";
import { registry, tokenOf } from "../tracker/registry";
import type { Verdict } from "../tracker/scope";

/** Why the answer of a settle node has changed nothing. */
export type SettleProblem = "none" | "closed" | "source";

/**
 * Settles the delivery that `message` belongs to, or records an outcome for it.
 *
 * In settle mode `flow` the outcome is recorded. When the flow is quiet, the worst recorded one wins; `accept` on a Catch branch takes back only the errors that
 * this branch has caught. In mode `node` the first answer settles. When the caught error is `FLOW_STOPPED`, nothing is known of the message, so it is released, whatever
 * outcome is asked for.
 *
 * @param reason text for the error of the settlement; default: the error that the branch has caught
 * @returns why nothing was changed, if so: `none` – the message belongs to no delivery; `closed` – it was settled before;
 *   `source` – its source settles on delivery
 */
export function settle(message: object, outcome: Outcome, reason: string | undefined, node: NodeName): SettleProblem | undefined {
  const hop = flowTracker.hopOfMessage(message);
  if (hop && (hop.marks & Mark.Ended) === 0) {
    if (hop.scope.closed) return "closed";
    const { caught = [] } = hop;
    const stopped = caught.find(({ error }) => isStop(error));
    if (outcome !== "accept") hop.scope.record(stopped ?? verdict(outcome, reason, node, caught[0]));
    else for (const one of caught) one.cancelled = !isStop(one.error);
    return undefined;
  }
  const token = tokenOf(message);
  const delivery = token === undefined ? undefined : registry.find(token);
  if (!delivery) return "none";
  if (delivery === "closed") return "closed";
  if (delivery.mode === "delivery") return "source";
  const asked = isStop((message as { error?: unknown }).error) ? verdictFor(flowStopped(), node) : verdict(outcome, reason, node, undefined);
  if (delivery.mode === "flow") delivery.record(asked);
  else delivery.settle(asked);
  return undefined;
}

/** Whether an error tells that the flow was stopped. @param error a `ConnectorError`, or the `error` of a message from a Catch node */
function isStop(error: unknown): boolean {
  return (error as { code?: unknown } | undefined)?.code === "FLOW_STOPPED";
}

function verdict(outcome: Outcome, reason: string | undefined, node: NodeName, caught: Verdict | undefined): Verdict {
  if (outcome === "accept") return { outcome };
  const retryable = outcome === "retry"; // so that the message which a row was read for may be tried again, too, when the row's attempts are used up
  const error = reason ? new ConnectorError("SETTLED_BY_FLOW", reason, { retryable, cause: caught?.error }) : caught?.error;
  return verdictFor(error ?? new ConnectorError("SETTLED_BY_FLOW", `A settle node asked for it: ${outcome}`, { retryable }), caught?.node ?? nameOf(node), outcome);
}
