import type { Node, NodeAPI, NodeDef } from "node-red";
import { ConnectorError, toConnectorError } from "../../common/errors";
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

export = (RED: NodeAPI): void => {
  function SettleNode(this: Node, config: SettleDef): void {
    RED.nodes.createNode(this, config);
    const read = (value: string, type: string, label: string): TypedValue =>
      compileTypedInput(RED.util, this, value, type === "outcome" ? "str" : type || "str", label);
    let outcomeFor: TypedValue;
    let reasonFor: TypedValue;
    try {
      outcomeFor = read(config.outcome || "accept", config.outcomeType || "outcome", RED._("settle.label.outcome"));
      reasonFor = read(config.reason ?? "", config.reasonType, RED._("settle.label.reason"));
    } catch (error) {
      const wrong = toConnectorError(error, "NOT_CONFIGURED");
      this.status({ fill: "red", shape: "ring", text: wrong.message });
      this.on("input", (_msg, _send, done) => done(wrong));
      return;
    }
    this.on("input", (msg, send, done) => {
      Promise.all([outcomeFor(msg), reasonFor(msg)])
        .then(([outcome, reason]) => {
          if (!isOutcome(outcome)) {
            done(new ConnectorError("INPUT_INVALID", RED._("settle.error.outcome", { outcome: String(outcome) })));
            return;
          }
          this.status(look(outcome));
          const problem = settle(msg, outcome, typeof reason === "string" ? reason : undefined, this);
          if (problem) this.warn(RED._(`settle.warn.${problem}`));
          send(msg);
          done();
        })
        .catch((error: unknown) => done(toConnectorError(error, "INPUT_INVALID")));
    });
  }

  function look(outcome: Outcome): { fill: "green" | "yellow" | "red" | "grey"; shape: "dot"; text: string } {
    const fill = ({ accept: "green", retry: "yellow", "dead-letter": "red", release: "grey" } as const)[outcome];
    return { fill, shape: "dot", text: outcome };
  }

  RED.nodes.registerType("surewire-settle", SettleNode);
};
