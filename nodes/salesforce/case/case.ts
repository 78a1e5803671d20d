import type { Node, NodeAPI, NodeDef } from "node-red";
import { toConnectorError } from "../../common/errors";
import { Status } from "../../common/status";
import { compileTypedInput, type TypedInputUtil } from "../../common/typed-input";
import { wholeNumber } from "../../common/whole-number";
import { compileDivisions } from "../client/division";
import { compileFields, type FieldRow } from "../client/mapping";
import { showLane } from "../client/org-status";
import { orgOf } from "../client/org-node";
import type { OrgClient } from "../client/org";
import { type CaseTarget, CaseWorker, type CaseWorkerOptions } from "./case-worker";

interface Division {
  /** Routing-key pattern for `msg.topic`. */
  when: string;
  /** Id of its org node; blank: the node's own. */
  org: string;
  defaults: FieldRow[];
}

interface CaseDef extends NodeDef {
  org: string;
  divisions: Division[];
  mapping: FieldRow[];
  defaults: FieldRow[];
  externalIdField: string;
  externalId: string;
  externalIdType: string;
  /** `default`, `off` or the id of an assignment rule. */
  assignment: string;
  batchSize: number | string;
  linger: number | string;
}

export = (RED: NodeAPI): void => {
  function SalesforceCase(this: Node, config: CaseDef): void {
    RED.nodes.createNode(this, config);
    const status = new Status(this);
    let options: Omit<CaseWorkerOptions, "onState" | "warn">;
    try {
      options = readConfig(this, config);
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

  function readConfig(node: Node, config: CaseDef): Omit<CaseWorkerOptions, "onState" | "warn"> {
    const compile = (value: unknown, type: string, label: string) =>
      compileTypedInput(RED.util as unknown as TypedInputUtil, node, value, type || "str", label);
    const { mapping = [], defaults = [], divisions = [] } = config;
    const target = (org: string, own: FieldRow[] = []): CaseTarget => ({
      org: orgOf(RED.nodes.getNode(org || config.org)),
      map: compileFields([defaults, own, mapping], compile),
    });
    const field = config.externalIdField?.trim();
    let pick: (topic: unknown) => CaseTarget;
    let orgs: OrgClient[];
    if (divisions.length === 0) {
      const only = target(config.org);
      pick = () => only;
      orgs = [only.org];
    } else {
      const targets = divisions.map((division) => ({ ...target(division.org, division.defaults), when: division.when, division: division.when }));
      pick = compileDivisions(targets);
      orgs = targets.map(({ org }) => org);
    }
    return {
      pick,
      orgs,
      externalId: field ? { field, value: compile(config.externalId ?? "", config.externalIdType || "msg", "external id") } : undefined,
      assignment: config.assignment ?? "default",
      batchSize: wholeNumber(config.batchSize, 200),
      linger: wholeNumber(config.linger, 50),
    };
  }

  RED.nodes.registerType("surewire-salesforce-case", SalesforceCase);
};
