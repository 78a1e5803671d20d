import type { NodeName } from "./outcome";
import type { TrackedRuntime } from "./runtime";
import { isWired, type WiredNode } from "./wired";

/** The parts of a node and of Node-RED that are needed to fetch messages for triggers. */
export interface FlowAccess {
  node: NodeName;
  runtime: TrackedRuntime;
  /** Sends a fetched message to the first output. */
  send(message: object): void;
  /** Whether a running node is behind the first output. A message sent to no node would count as finished. */
  isWired(): boolean;
  /** Clones a message's properties, except `req` and `res` of HTTP nodes. */
  clone(value: object): object;
  /** Warns the user. */
  warn(text: string): void;
}

/** The part of a Node-RED node that is used here. */
interface FetchingNode extends NodeName, WiredNode {
  send(message: never): void;
  warn(text: string): void;
}

/** Makes it for a node. @param RED the object that the node's file is given by Node-RED */
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
