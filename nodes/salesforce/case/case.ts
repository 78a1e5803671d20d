import type { Node, NodeAPI, NodeDef } from "node-red";
import { toConnectorError } from "../../common/errors";
import { Status } from "../../common/status";
import { compileTypedInput, type TypedInputUtil } from "../../common/typed-input";
import { orgOf } from "../client/org-node";
import { showLane } from "../client/org-status";
import { compileTemplate } from "../client/cases/template";
import { type CaseDef, readCaseConfig } from "./case-config";
import { CaseWorker } from "./case-worker";
import { watchOrgs } from "./org-changes";

export = (RED: NodeAPI): void => {
  function SalesforceCase(this: Node, config: NodeDef & CaseDef): void {
    RED.nodes.createNode(this, config);
    const status = new Status(this);
    const util = RED.util as unknown as TypedInputUtil;
    const compile = (value: unknown, type: string, label: string) =>
      type === "template"
        ? compileTemplate(String(value ?? ""), (path) => compileTypedInput(util, this, path, "msg"))
        : compileTypedInput(util, this, value, type || "str", label);
    const open = (): CaseWorker => {
      const options = readCaseConfig(config, compile, (id) => orgOf(RED.nodes.getNode(id)));
      return new CaseWorker({ ...options, onState: (state) => showLane(status, state, RED._), warn: (text) => this.warn(text) });
    };
    let worker: CaseWorker;
    try {
      worker = open();
    } catch (error) {
      const wrong = toConnectorError(error, "NOT_CONFIGURED");
      status.set("failed", wrong.message);
      this.on("input", (_msg, _send, done) => done(wrong));
      this.on("close", () => status.close());
      return;
    }
    this.on("input", (msg, send, done) => {
      worker.take(msg, done, (result) => {
        (msg as { salesforce?: unknown }).salesforce = result;
        send(msg);
      });
    });
    const stopWatching = watchOrgs(RED.events, this.id, new Set((config.divisions ?? []).map(({ org }) => org)), {
      changing: () => void worker.close(),
      changed: () => {
        try {
          worker = open();
        } catch (error) {
          status.set("failed", toConnectorError(error, "NOT_CONFIGURED").message);
        }
      },
    });
    this.on("close", (done: () => void) => {
      stopWatching();
      void worker.close().finally(() => {
        status.close();
        done();
      });
    });
  }

  RED.nodes.registerType("surewire-salesforce-case", SalesforceCase);
};
