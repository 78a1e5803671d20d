import type { NodeName } from "./outcome";
import type { TrackedRuntime } from "./runtime";
import { isWired, type WiredNode } from "./wired";

/** What the work of a node that fetches for triggers needs of the node and of Node-RED. */
export interface FlowAccess {
  node: NodeName;
  runtime: TrackedRuntime;
  /** Sends a fetched message to the first output. */
  send(message: object): void;
  /** Whether a node is behind the first output: what is sent to no node would count as finished. */
  isWired(): boolean;
  /** Clones a message's properties, except `req` and `res` of HTTP nodes. */
  clone(value: object): object;
  /** Warns the user. */
  warn(text: string): void;
}

/** What is needed of a Node-RED node. */
interface FetchingNode extends NodeName, WiredNode {
  send(message: never): void;
  warn(text: string): void;
}

/** A node's access to its flow. @param RED as the node file is given it */
export function flowAccess(node: FetchingNode, RED: Pick<TrackedRuntime, "nodes"> & { util: { cloneMessage(message: never): object } }): FlowAccess {
  return {
    node,
    runtime: RED as unknown as TrackedRuntime,
    send: (message) => node.send(message as never),
    isWired: () => isWired(node, RED.nodes, 0),
    clone: (value) => RED.util.cloneMessage(value as never),
    warn: (text) => node.warn(text),
  };
}
