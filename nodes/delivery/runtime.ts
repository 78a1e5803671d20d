import type { EventEmitter } from "node:events";
import type { FlowNode } from "./hop";
import type { NodeName } from "./outcome";

/**
 * The parts of Node-RED's runtime that the flow tracker hooks into, by shape, so that this folder needs no Node-RED.
 * `RED` as given to a node's register function fits; node-red-node-test-helper 0.3.6 leaves `hooks` out.
 */
export interface TrackedRuntime {
  hooks?: {
    add(id: string, callback: (...args: never[]) => unknown): void;
    remove(id: string): void;
  };
  settings?: {
    /** Node-RED then hands a message on before `send` returns. */
    runtimeSyncDelivery?: boolean;
  };
  log: {
    addHandler(handler: EventEmitter): void;
    removeHandler(handler: EventEmitter): void;
  };
  events: {
    on(name: string, listener: (event: never) => void): unknown;
    /** As {@link on}, but ahead of those there are. */
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

/** What Node-RED's `onSend`, `preRoute`, `preDeliver` hooks are given (util/lib/hooks.js). */
export interface SendEvent {
  msg: object;
  source: { id: string; node: FlowNode };
  destination: { id: string; node: FlowNode | undefined };
  /** The receiver is to get a copy. */
  cloneMessage?: boolean;
}

/** What `onReceive` and `postReceive` are given. */
export interface ReceiveEvent {
  msg: object;
  destination: { id: string; node: FlowNode };
}

/** What `onComplete` is given. */
export interface CompleteEvent {
  msg: object;
  error?: unknown;
  node: { id: string; node: FlowNode };
}

/** An entry of Node-RED's log, as its handlers see it. */
export interface LogEntry {
  level: number;
  id?: string;
  type?: string;
  name?: string;
  msg?: unknown;
}

/** The node at the end of the wire, as Node-RED's router will find it (runtime/lib/flows/Flow.js, `handlePreRoute`). */
export function nodeBehind({ source, destination }: SendEvent): FlowNode | undefined {
  const node = source.node._flow?.getNode(destination.id);
  return typeof node === "object" && node !== null ? (node as FlowNode) : undefined;
}

/** What the flows say of the node with this id; `undefined` when a wire leads to a node that is in no flow. */
export function configOf(from: FlowNode, id: string): (NodeName & { d?: boolean }) | undefined {
  for (let flow = from._flow; flow; flow = flow.parent) {
    const config = flow.flow?.nodes?.[id];
    if (config) return config;
  }
  return undefined;
}

/** Whether nobody will tell when the node has finished with a message: it takes no `done`, or no message at all. */
export function takesNoDone(node: FlowNode): boolean {
  return !node._expectedDoneCount || isDeaf(node);
}

/** Whether it has no input handler. */
export function isDeaf(node: FlowNode): boolean {
  return !node._inputCallback && !node._inputCallbacks;
}

/** Whether it keeps the parts of a sequence until the last of them has come (17-split.js, 18-sort.js). */
export function waitsForParts({ type, mode }: FlowNode): boolean {
  return type === "sort" || (type === "join" && (mode === "auto" || mode === "reduce"));
}
