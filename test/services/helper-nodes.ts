import hooksOwner from "@node-red/util";
import type { Node, NodeAPI } from "node-red";
import helper from "node-red-node-test-helper";

helper.init(require.resolve("node-red"));

/** A node of a test's flow. */
export type Row = Record<string, unknown> & { id: string };

/** What a node's file exports. */
export type Register = (RED: NodeAPI) => void;

/** A status as a node has set it. */
export interface Shown {
  fill?: string;
  text?: string;
}

type Spied = Record<"status" | "error" | "warn", { args: unknown[][] }> & { receive(msg: object): void };

/** The helper's `RED` has no hooks, which following a flow needs. */
const withHooks =
  (register: Register): Register =>
  (RED) => {
    (RED as unknown as { hooks: unknown }).hooks = hooksOwner.hooks;
    register(RED);
  };

/** `test-end`: ends a flow, and is done when `work` is; it fails as `work` does. */
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

/** The test helper's Node-RED, typed. Its spies are one for all nodes: ask for a status where one node of ours has one. */
export const helperNodes = {
  start: (): Promise<void> => helper.startServer() as unknown as Promise<void>,
  stop: (): Promise<void> => helper.stopServer() as unknown as Promise<void>,
  unload: (): Promise<void> => helper.unload() as unknown as Promise<void>,

  /** Loads a flow on one tab. @param credentials by the node's id */
  load: (registers: Register[], rows: Row[], credentials: object = {}): Promise<void> =>
    helper.load(registers.map(withHooks) as never, [{ id: "tab", type: "tab", label: "test" }, ...rows] as never, credentials as never),

  /** Deploys what `load` has loaded, changed. The tab must be among the rows. */
  deploy: (rows: Row[], type: "full" | "nodes"): Promise<void> => (helper as unknown as { setFlows(rows: Row[], type: string): Promise<void> }).setFlows(rows, type),

  /** @typeParam T as a test sees the node, beside Node-RED's own */
  node: <T = object>(id: string): T & Spied => helper.getNode(id) as unknown as T & Spied,

  /** Hands messages to a node as they are. */
  send: (id: string, ...msgs: object[]): void => {
    for (const msg of msgs) helperNodes.node(id).receive(msg);
  },

  /** The statuses so far, newest last. */
  statuses: (id: string): Shown[] => helperNodes.node(id).status.args.map(([status]) => (status ?? {}) as Shown),

  status: (id: string): Shown => helperNodes.statuses(id).at(-1) ?? {},

  /** What the node has logged as errors: what `done` was called with is among it. */
  errors: <E>(id: string): E[] => helperNodes.node(id).error.args.map(([error]) => error as E),

  warnings: (id: string): string[] => helperNodes.node(id).warn.args.map(([text]) => String(text)),

  /** Lines of Node-RED's log, as JSON. */
  log: (): string[] => helper.log().args.flat().map((entry: unknown) => JSON.stringify(entry)),
};
