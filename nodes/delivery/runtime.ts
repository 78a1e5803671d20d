import type { EventEmitter } from "node:events";
import type { FlowNode } from "./tracker/hop";
import type { NodeName } from "./outcome";

/**
 * The parts of Node-RED's runtime that the flow tracker uses, typed here so that this folder does not depend on Node-RED. The `RED` that a node's file is given
 * has them; that of node-red-node-test-helper 0.3.6 has no `hooks`.
 */
export interface TrackedRuntime {
  hooks?: {
    add(id: string, callback: (...args: never[]) => unknown): void;
    remove(id: string): void;
  };
  settings?: {
    /** If true, Node-RED calls the receiver before `send` returns. */
    runtimeSyncDelivery?: boolean;
  };
  log: {
    addHandler(handler: EventEmitter): void;
    removeHandler(handler: EventEmitter): void;
  };
  events: {
    on(name: string, listener: (event: never) => void): unknown;
    /** As {@link on}, but ahead of the listeners that are there. */
    prependListener(name: string, listener: (event: never) => void): unknown;
    removeListener(name: string, listener: (event: never) => void): unknown;
  };
  nodes: {
    getNode(id: string): object | null | undefined;
  };
  util?: {
    cloneMessage(message: object): object;
  };
}

/** What Node-RED gives the hooks `onSend` (an array of these), `preRoute` and `preDeliver` (util/lib/hooks.js). */
export interface SendEvent {
  msg: object;
  source: { id: string; node: FlowNode };
  destination: { id: string; node: FlowNode | undefined };
  /** Node-RED will give the receiver a copy. */
  cloneMessage?: boolean;
}

/** What Node-RED gives the hooks `onReceive` and `postReceive`. */
export interface ReceiveEvent {
  msg: object;
  destination: { id: string; node: FlowNode };
}

/** What Node-RED gives the hook `onComplete`. */
export interface CompleteEvent {
  msg: object;
  error?: unknown;
  node: { id: string; node: FlowNode };
}

/** An entry of Node-RED's log, as log handlers are given it. */
export interface LogEntry {
  level: number;
  id?: string;
  type?: string;
  name?: string;
  msg?: unknown;
}

/** The running node at the end of the wire, found in the same way as by Node-RED's router (runtime/lib/flows/Flow.js, `handlePreRoute`). */
export function nodeBehind({ source, destination }: SendEvent): FlowNode | undefined {
  const node = source.node._flow?.getNode(destination.id);
  return typeof node === "object" && node !== null ? (node as FlowNode) : undefined;
}

/** The configuration of the node with this id; `undefined` when it is in no flow, though a wire leads to it. */
export function configOf(from: FlowNode, id: string): (NodeName & { d?: boolean }) | undefined {
  for (let flow = from._flow; flow; flow = flow.parent) {
    const config = flow.flow?.nodes?.[id];
    if (config) return config;
  }
  return undefined;
}

/** Whether the node never tells that it has finished with a message: no handler of it takes a `done`, or it has no handler. */
export function takesNoDone(node: FlowNode): boolean {
  return !node._expectedDoneCount || isDeaf(node);
}

/** Whether the node has no input handler. */
export function isDeaf(node: FlowNode): boolean {
  return !node._inputCallback && !node._inputCallbacks;
}

/** Whether the node is a Sort or Join that keeps the parts of a sequence until all of them have come (17-split.js, 18-sort.js). */
export function waitsForParts({ type, mode }: FlowNode): boolean {
  return type === "sort" || (type === "join" && (mode === "auto" || mode === "reduce"));
}
