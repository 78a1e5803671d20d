import hooksOwner from "@node-red/util";
import type { Node, NodeAPI } from "node-red";
import helper from "node-red-node-test-helper";

helper.init(require.resolve("node-red"));

/** A node in the flow of a test. */
export type Row = Record<string, unknown> & { id: string };

/** What the file of a node exports. */
export type Register = (RED: NodeAPI) => void;

/** A status that a node has set. */
export interface Shown {
  fill?: string;
  text?: string;
}

type Spied = Record<"status" | "error" | "warn", { args: unknown[][] }> & { receive(msg: object): void };

/** Adds hooks to the test helper's `RED`, which has none. Flows cannot be followed without them. */
const withHooks =
  (register: Register): Register =>
  (RED) => {
    (RED as unknown as { hooks: unknown }).hooks = hooksOwner.hooks;
    register(RED);
  };

/** Makes a node `test-end`, which ends a flow. It is done when `work` is, and fails if `work` fails. */
export const endNode =
  <M>(work: (msg: M, id: string) => unknown): Register =>
  (RED) => {
    RED.nodes.registerType("test-end", function (this: Node, config: never) {
      RED.nodes.createNode(this, config);
      this.on("input", (msg, _send, done) => {
        Promise.resolve()
          .then(() => work(msg as M, this.id))
          .then(() => done(), done);
      });
    });
  };

/** The test helper's Node-RED, with types. All nodes share its spies, so a test can check the status of a node only if no other node has one. */
export const helperNodes = {
  start: (): Promise<void> => helper.startServer() as unknown as Promise<void>,
  stop: (): Promise<void> => helper.stopServer() as unknown as Promise<void>,
  unload: (): Promise<void> => helper.unload() as unknown as Promise<void>,

  /** Loads a flow on one tab. @param credentials credentials by node id */
  load: (registers: Register[], rows: Row[], credentials: object = {}): Promise<void> =>
    helper.load(registers.map(withHooks) as never, [{ id: "tab", type: "tab", label: "test" }, ...rows] as never, credentials as never),

  /** Deploys a change of what `load` has loaded. The rows must include the tab. */
  deploy: (rows: Row[], type: "full" | "nodes"): Promise<void> => (helper as unknown as { setFlows(rows: Row[], type: string): Promise<void> }).setFlows(rows, type),

  /** Returns a node. @typeParam T the properties that the test uses, besides Node-RED's own */
  node: <T = object>(id: string): T & Spied => helper.getNode(id) as unknown as T & Spied,

  /** Passes messages to a node as they are. */
  send: (id: string, ...msgs: object[]): void => {
    for (const msg of msgs) helperNodes.node(id).receive(msg);
  },

  /** Returns the statuses so far, newest last. */
  statuses: (id: string): Shown[] => helperNodes.node(id).status.args.map(([status]) => (status ?? {}) as Shown),

  status: (id: string): Shown => helperNodes.statuses(id).at(-1) ?? {},

  /** Returns the errors that the node has logged, including those with which it has called `done`. */
  errors: <E>(id: string): E[] => helperNodes.node(id).error.args.map(([error]) => error as E),

  warnings: (id: string): string[] => helperNodes.node(id).warn.args.map(([text]) => String(text)),

  /** Returns the lines of Node-RED's log, as JSON. */
  log: (): string[] => helper.log().args.flat().map((entry: unknown) => JSON.stringify(entry)),
};
