import type { Node, NodeAPI, NodeDef } from "node-red";
import { type ConnectorError, toConnectorError } from "../../common/errors";
import { closeWith, registerNode } from "../../common/node-life";
import { putOn } from "../../common/put-on";
import type { Status } from "../../common/status";
import { orgOf } from "../client/org-node";
import { showLane } from "../client/org-status";
import { templateCompiler } from "../client/template";
import { type CaseDef, readCaseConfig } from "./case-config";
import { CaseWorker } from "./case-worker";
import { watchOrgs } from "./org-changes";

export = (RED: NodeAPI): void => {
  function run(node: Node, status: Status, config: NodeDef & CaseDef): void {
    const compile = templateCompiler(RED.util, node);
    /** Returns the worker, or the error of the configuration. */
    const open = (): CaseWorker | ConnectorError => {
      try {
        const options = readCaseConfig(config, compile, (id) => orgOf(RED.nodes.getNode(id), id));
        return new CaseWorker({ ...options, onState: (state) => showLane(status, state, RED._), warn: (text) => node.warn(text) });
      } catch (error) {
        const wrong = toConnectorError(error, "NOT_CONFIGURED");
        status.set("failed", wrong.message);
        node.error(wrong.toString()); // otherwise it would not show before a message comes
        return wrong;
      }
    };
    let worker = open();
    const close = async (): Promise<void> => {
      if (worker instanceof CaseWorker) await worker.close();
    };
    node.on("input", (msg, send, done) => {
      if (!(worker instanceof CaseWorker)) return done(worker);
      worker.take(msg, done, (salesforce) => send(putOn(msg, { salesforce })));
    });
    const stopWatching = watchOrgs(RED.events, node.id, new Set((config.divisions ?? []).map(({ org }) => org)), {
      changing: () => void close(),
      changed: () => (worker = open()),
    });
    closeWith(node, status, () => {
      stopWatching();
      return close();
    });
  }

  registerNode(RED, "surewire-salesforce-case", run);
};
