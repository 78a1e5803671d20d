import type { Node, NodeAPI, NodeDef, NodeMessage } from "node-red";
import { putOn } from "../../common/put-on";
import { closeWith, registerNode } from "../../common/node-life";
import type { Status } from "../../common/status";
import { isWired, type WiredNode } from "../../delivery/wired";
import { objectNames } from "../client/records/object-list";
import { orgOf } from "../client/org-node";
import { showLane } from "../client/org-status";
import type { RecordOutcome } from "../client/records/record-outcome";
import { RecordWorker } from "./record-worker";
import { type RecordDef, readSettings } from "./settings";

type RecordMessage = NodeMessage & { salesforce?: unknown };

/** Index of the output for refused records of a list. */
const REFUSED = 1;

export = (RED: NodeAPI): void => {
  function run(node: Node & WiredNode, status: Status, config: NodeDef & RecordDef): void {
    const worker = new RecordWorker({
      org: orgOf(RED.nodes.getNode(config.org), config.org),
      settings: readSettings(RED.util, node, config),
      someRefusedFails: () => !config.failedOutput || !isWired(node, RED.nodes, REFUSED),
      onState: (state) => showLane(status, state, RED._),
      warn: (text) => node.warn(text),
    });
    node.on("input", (msg: RecordMessage, send, done) => {
      worker.take(msg, done, (outcome, refused) => send(toMessages(msg, outcome, refused)));
    });
    closeWith(node, status, () => worker.close());
  }

  /** Returns the message with its result and, if some records of its list were refused, a copy of it with those records. */
  function toMessages(msg: RecordMessage, { payload, salesforce, failed }: RecordOutcome, refused: unknown[]): (RecordMessage | null)[] {
    const rest = failed && (RED.util.cloneMessage(msg) as RecordMessage);
    const done = putOn(msg, payload === undefined ? { salesforce } : { salesforce, payload });
    if (!failed || !rest) return [done, null];
    const { results } = salesforce as { results: unknown[] };
    return [done, Object.assign(rest, { payload: refused, salesforce: { success: false, results: failed.map((index) => results[index]) } })];
  }

  registerNode(RED, "surewire-salesforce-record", run);

  // The names that the form suggests. `httpAdmin` is missing when the admin API is switched off.
  RED.httpAdmin?.get("/surewire/salesforce-record/objects/:org", RED.auth.needsPermission("flows.write"), (request, response) => {
    void (async () => objectNames(orgOf(RED.nodes.getNode(String(request.params.org)))))()
      .catch(() => []) // the org node is not deployed, or the org cannot be reached: nothing is suggested
      .then((objects) => response.set("Cache-Control", "no-store").json(objects));
  });
};
