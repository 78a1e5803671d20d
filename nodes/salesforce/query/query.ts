import type { Node, NodeAPI, NodeDef } from "node-red";
import { compileParameters, type Parameter } from "../../common/parameters";
import { closeWith, registerNode } from "../../common/node-life";
import type { Status } from "../../common/status";
import { compileTypedInput } from "../../common/typed-input";
import type { ReadState } from "../../delivery/reading/read-state";
import { flowAccess } from "../../delivery/flow-access";
import type { WiredNode } from "../../delivery/wired";
import type { OrgClient } from "../client/org";
import { orgOf } from "../client/org-node";
import { showLane } from "../client/org-status";
import { QueryReader } from "./query-reader";
import { type QueryDef, readSettings } from "./settings";

export = (RED: NodeAPI): void => {
  function run(node: Node & WiredNode, status: Status, config: NodeDef & QueryDef): void {
    const org = orgOf(RED.nodes.getNode(config.org), config.org);
    let state: ReadState = { kind: "idle", inFlow: 0 };
    const tell = (): void => show(status, state, org);
    const reader = new QueryReader({
      settings: readSettings(config),
      parameters: readParameters(node, config),
      org,
      ...flowAccess(node, RED),
      onState: (next) => {
        state = next;
        tell();
      },
    });
    const stopListening = org.onState(tell);
    org.acquire(node);
    node.on("input", (msg, send, done) => reader.take({ msg, send: (messages) => send(messages as never), done }));
    closeWith(node, status, () =>
      reader.close().finally(() => {
        stopListening();
        org.release(node);
      }),
    );
    tell();
  }

  function readParameters(node: Node, config: QueryDef): Parameter[] {
    return compileParameters(config.parameters, (value, type, label) => compileTypedInput(RED.util, node, value, type, label));
  }

  /** Shows what the node does, or the state of its org while the node does nothing. */
  function show(status: Status, state: ReadState, org: OrgClient): void {
    switch (state.kind) {
      case "failed":
        return status.set("failed", state.error.message);
      case "waiting":
        return status.set("waiting", () => RED._("query.status.waiting", { reason: state.error.message }));
      case "holding":
        return status.set("waiting", () => RED._("query.status.holding", { reason: state.reason }));
      case "reading":
        return status.set("working", () => RED._("query.status.reading", { count: state.inFlow }));
      case "idle":
        if (state.inFlow > 0) return status.set("working", () => RED._("query.status.flow", { count: state.inFlow }));
        return showLane(status, { ...org.state, messages: 0 }, RED._);
    }
  }

  registerNode(RED, "surewire-salesforce-query", run);
};
