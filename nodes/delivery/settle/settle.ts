import type { Node, NodeAPI, NodeDef } from "node-red";
import { ConnectorError, toConnectorError } from "../../common/errors";
import { closeWith, registerNode } from "../../common/node-life";
import type { Status, StatusState } from "../../common/status";
import { compileTypedInput, type TypedValue } from "../../common/typed-input";
import { isOutcome, type Outcome } from "../outcome";
import { settle } from "./settle-message";

interface SettleDef extends NodeDef {
  /** One of the four outcomes, or where to find it, according to `outcomeType`. */
  outcome: string;
  /** `outcome` if it is fixed, else the type of a typed input. */
  outcomeType: string;
  reason: string;
  reasonType: string;
}

/** The status by outcome. */
const LOOKS: Record<Outcome, StatusState> = { accept: "connected", retry: "waiting", "dead-letter": "failed", release: "stopped" };

export = (RED: NodeAPI): void => {
  function run(node: Node, status: Status, config: SettleDef): void {
    const read = (value: string, type: string, label: string): TypedValue =>
      compileTypedInput(RED.util, node, value, type === "outcome" ? "str" : type || "str", label);
    const outcomeFor = read(config.outcome || "accept", config.outcomeType || "outcome", RED._("settle.label.outcome"));
    const reasonFor = read(config.reason ?? "", config.reasonType, RED._("settle.label.reason"));
    closeWith(node, status, () => Promise.resolve());
    node.on("input", (msg, send, done) => {
      Promise.all([outcomeFor(msg), reasonFor(msg)])
        .then(([outcome, reason]) => {
          if (!isOutcome(outcome)) {
            done(new ConnectorError("INPUT_INVALID", RED._("settle.error.outcome", { outcome: String(outcome) })));
            return;
          }
          status.set(LOOKS[outcome], outcome);
          const problem = settle(msg, outcome, typeof reason === "string" ? reason : undefined, node);
          if (problem) node.warn(RED._(`settle.warn.${problem}`));
          send(msg);
          done();
        })
        .catch((error: unknown) => done(toConnectorError(error, "INPUT_INVALID")));
    });
  }

  registerNode(RED, "surewire-settle", run);
};
