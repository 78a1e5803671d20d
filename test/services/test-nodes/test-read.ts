import type { Node, NodeAPI, NodeDef } from "node-red";
import { TriggeredRead } from "../../../nodes/delivery/reading/triggered-read";
import type { ReadPages, TriggeredReadSettings } from "../../../nodes/delivery/reading/triggered-read-options";
import { isWired, type WiredNode } from "../../../nodes/delivery/wired";

/** Returns the rows for a payload, by page. */
export type Read = (payload: unknown) => Promise<unknown[][]>;

interface ReadDef extends NodeDef {
  output: TriggeredReadSettings["output"];
  /** Whether its rows are gone once they are read. */
  once?: boolean;
}

/** Registers a node that reads rows for each message, as `sql read` and `salesforce query` do. */
export function registerReadNode(RED: NodeAPI, read: Read): void {
  function ReadNode(this: Node & WiredNode, config: ReadDef): void {
    RED.nodes.createNode(this, config);
    const reading = new TriggeredRead<unknown, unknown, ReadPages<unknown>>({
      settings: { output: config.output, batchSize: 2, maxRows: 1000, maxInFlight: 20, emptyOutput: false, settle: "flow", deadline: 1_000, retries: 3, retryDelay: 5, retryMaxDelay: 20 },
      own: new Set(["payload"]),
      valuesFor: (msg) => (msg as { payload?: unknown }).payload,
      open: async (payload) => {
        const pages = await read(payload);
        return { once: config.once === true, next: () => Promise.resolve(pages.shift()), close: () => Promise.resolve() };
      },
      message: (_pages, rows) => ({ payload: config.output === "row" ? rows[0] : rows }),
      isAway: ({ scope }) => scope === "system",
      untilReady: () => new Promise((resolve) => setTimeout(resolve, 20)),
      node: this,
      runtime: RED as never,
      send: (message) => this.send(message as never),
      isWired: () => isWired(this, RED.nodes, 0),
      clone: (value) => RED.util.cloneMessage(value as never),
      warn: (text) => this.warn(text),
      onState: () => undefined,
    });
    this.on("input", (msg, send, done) => reading.take({ msg, send: (messages) => send(messages as never), done }));
    this.on("close", (done: () => void) => void reading.close(300).then(done, done));
  }
  RED.nodes.registerType("test-read", ReadNode);
}
