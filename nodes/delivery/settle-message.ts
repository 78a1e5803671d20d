import { ConnectorError } from "../common/errors";
import { verdictFor } from "./delivery";
import { flowTracker } from "./flow-tracker";
import { Mark } from "./hop";
import { flowStopped, nameOf, type NodeName, type Outcome } from "./outcome";
import { registry, tokenOf } from "./registry";
import type { Verdict } from "./scope";

/** Why a settle node's answer changed nothing. */
export type SettleProblem = "none" | "closed" | "source";

/**
 * Settles, or records for later, what becomes of the delivery that `message` belongs to.
 *
 * In settle mode `flow` the outcome is recorded: the worst one recorded wins when the flow is quiet, and `accept` on a Catch branch
 * takes back only the errors which that branch caught. In mode `node` the first answer settles. When what the branch caught is that the flow
 * was stopped, nothing is known of the message: it is released, whatever the answer to errors is to be.
 *
 * @param reason stands in the error of the settlement; default: the message of the error that the branch caught
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

/** @param error of a delivery, or what a Catch node tells of it */
function isStop(error: unknown): boolean {
  return (error as { code?: unknown } | undefined)?.code === "FLOW_STOPPED";
}

function verdict(outcome: Outcome, reason: string | undefined, node: NodeName, caught: Verdict | undefined): Verdict {
  if (outcome === "accept") return { outcome };
  const error = reason ? new ConnectorError("SETTLED_BY_FLOW", reason, { cause: caught?.error }) : caught?.error;
  return verdictFor(error ?? new ConnectorError("SETTLED_BY_FLOW", `A settle node asked for it: ${outcome}`), caught?.node ?? nameOf(node), outcome);
}
