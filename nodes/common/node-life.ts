import { toConnectorError } from "./errors";
import { Status } from "./status";

/** What is needed of a node; Node-RED's fits. */
interface LivingNode {
  on(event: "close", listener: (done: () => void) => void): unknown;
  warn(text: string): void;
}

/** What is needed of a node that {@link registerNode} makes. */
interface NewNode extends LivingNode {
  on(event: "input", listener: (msg: object, send: unknown, done: (error?: Error) => void) => void): unknown;
  on(event: "close", listener: (done: () => void) => void): unknown;
  error(text: string): void;
  status(status: object): void;
}

/** The part of the object that a node's file is given by Node-RED. */
interface NodeTypes {
  nodes: {
    createNode(node: never, config: never): void;
    registerType(type: string, construct: never, options: never): void;
  };
}

/** What a node type is registered with besides its name. */
export interface NodeTypeOptions<C> {
  /** Whether a node with these settings begins by itself. What is wrong with them is then logged at once: its status shows only the beginning, and no message may come to bring the rest. */
  isSource?: (config: C) => boolean;
  /** Values for its form, as Node-RED takes them. */
  settings?: Record<string, { value: unknown; exportable: true }>;
}

/**
 * Registers a node type. `start` reads the settings of a new node and sets it to work. When it throws, the node cannot work with its settings and says so: in its
 * status, and as the error of each message that it gets, `NOT_CONFIGURED` unless it has another code.
 */
export function registerNode<N extends NewNode, C>(RED: NodeTypes, type: string, start: (node: N, status: Status, config: C) => void, { isSource, settings }: NodeTypeOptions<C> = {}): void {
  function construct(this: N, config: C): void {
    RED.nodes.createNode(this as never, config as never);
    const status = new Status(this);
    try {
      start(this, status, config);
    } catch (error) {
      const wrong = toConnectorError(error, "NOT_CONFIGURED");
      status.set("failed", wrong.message);
      this.on("input", (_msg, _send, done) => done(wrong));
      closeWith(this, status, () => Promise.resolve());
      if (isSource?.(config)) this.error(wrong.toString());
    }
  }
  RED.nodes.registerType(type, construct as never, { settings } as never);
}

/** Calls `close` when the node closes. The node has closed when that has ended; a rejection is only logged. */
export function closeWith(node: LivingNode, status: Status, close: () => Promise<unknown>): void {
  const end = async (): Promise<void> => {
    try {
      await close();
    } catch (error) {
      node.warn(toConnectorError(error).message);
    }
    status.close();
  };
  node.on("close", (done) => void end().finally(done));
}
