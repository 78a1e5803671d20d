import type { Node, NodeAPI, NodeDef } from "node-red";
import { toConnectorError } from "../../common/errors";
import { Status } from "../../common/status";
import { compileTypedInput, type TypedInputUtil } from "../../common/typed-input";
import { orgOf } from "../client/org-node";
import { showLane } from "../client/org-status";
import { compileTemplate } from "../client/cases/template";
import { type CaseDef, readCaseConfig } from "./case-config";
import { CaseWorker, type CaseWorkerOptions } from "./case-worker";

export = (RED: NodeAPI): void => {
  function SalesforceCase(this: Node, config: NodeDef & CaseDef): void {
    RED.nodes.createNode(this, config);
    const status = new Status(this);
    const util = RED.util as unknown as TypedInputUtil;
    const compile = (value: unknown, type: string, label: string) =>
      type === "template"
        ? compileTemplate(String(value ?? ""), (path) => compileTypedInput(util, this, path, "msg"))
        : compileTypedInput(util, this, value, type || "str", label);
    let options: Omit<CaseWorkerOptions, "onState" | "warn">;
    try {
      options = readCaseConfig(config, compile, (id) => orgOf(RED.nodes.getNode(id)));
    } catch (error) {
      const wrong = toConnectorError(error, "NOT_CONFIGURED");
      status.set("failed", wrong.message);
      this.on("input", (_msg, _send, done) => done(wrong));
      this.on("close", () => status.close());
      return;
    }
    const worker = new CaseWorker({ ...options, onState: (state) => showLane(status, state, RED._), warn: (text) => this.warn(text) });
    this.on("input", (msg, send, done) => {
      worker.take(msg, done, (result) => {
        (msg as { salesforce?: unknown }).salesforce = result;
        send(msg);
      });
    });
    this.on("close", (done: () => void) => {
      void worker.close().finally(() => {
        status.close();
        done();
      });
    });
  }

  RED.nodes.registerType("surewire-salesforce-case", SalesforceCase);
};
