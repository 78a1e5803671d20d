import { ConnectorError } from "../common/errors";
import { flowTracker } from "./tracker/flow-tracker";
import { flowStopped } from "./outcome";

/** Finds a running node. */
interface NodeFinder {
  getNode(id: string): object | null | undefined;
}

/** The part of a Node-RED node that tells where its messages go. `_flow` is Node-RED's own (runtime/lib/nodes/Node.js, 4.1 and 5.0). */
export interface WiredNode {
  /** Ids of the nodes behind each output. */
  wires: string[][];
  _flow?: NodeFinder;
}

/**
 * Whether a running node is behind the wires. One that is disabled or of a missing type does not count: what is sent to it is lost in silence.
 *
 * @param nodes `RED.nodes`, used where nodes have no `_flow` (test helper)
 * @param output index of the output, from 0; default: all outputs
 */
export function isWired(node: WiredNode, nodes: NodeFinder, output?: number): boolean {
  const ids = output === undefined ? node.wires.flat() : (node.wires[output] ?? []);
  return ids.some((id) => Boolean((node._flow ?? nodes).getNode(id)));
}

/**
 * The error for a node that cannot send since {@link isWired} is false for its first output: `NOT_CONFIGURED`, or `FLOW_STOPPED` during a deploy, when the node behind
 * it may just be stopped. For a `NOT_CONFIGURED` after that deploy a source would wait until the next one.
 *
 * @param lost words for what would be lost
 */
export function notWired(lost: string): ConnectorError {
  return flowTracker.isDeploying ? flowStopped() : new ConnectorError("NOT_CONFIGURED", `Nothing is wired to the first output: ${lost} would be lost`);
}
