import { ConnectorError } from "../common/errors";
import { flowTracker } from "./flow-tracker";
import { flowStopped } from "./outcome";

/** Finds a running node. */
interface NodeFinder {
  getNode(id: string): object | null | undefined;
}

/** What tells where a node's messages go, by shape. The underscored name is Node-RED's own (runtime/lib/nodes/Node.js, 4.1 and 5.0). */
export interface WiredNode {
  /** Ids of the nodes behind each output. */
  wires: string[][];
  _flow?: NodeFinder;
}

/**
 * Whether there is a node behind the wires, and not just drawn there (disabled, or of a missing type). What is sent to none is lost in
 * silence.
 *
 * @param nodes `RED.nodes`, for runtimes without flows (test helper)
 * @param output which output is looked at, from 0; default all
 */
export function isWired(node: WiredNode, nodes: NodeFinder, output?: number): boolean {
  const ids = output === undefined ? node.wires.flat() : (node.wires[output] ?? []);
  return ids.some((id) => Boolean((node._flow ?? nodes).getNode(id)));
}

/**
 * Why nothing can be put out while {@link isWired} is false for the first output. In a deploy the node behind it may just be stopped: for `NOT_CONFIGURED` a
 * source waits until the next deploy, and this one may be over before its delivery is settled.
 *
 * @param lost what would be lost
 */
export function notWired(lost: string): ConnectorError {
  return flowTracker.isDeploying ? flowStopped() : new ConnectorError("NOT_CONFIGURED", `Nothing is wired to the first output: ${lost} would be lost`);
}
