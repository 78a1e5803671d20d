import type { Node, NodeAPI, NodeDef } from "node-red";
import { compileParameters, type Parameter } from "../../common/parameters";
import { closeWith, failEach } from "../../common/node-life";
import { Status } from "../../common/status";
import { compileTypedInput } from "../../common/typed-input";
import type { ReadState } from "../../delivery/reading/read-state";
import { flowAccess } from "../../delivery/flow-access";
import type { WiredNode } from "../../delivery/wired";
import type { OrgClient } from "../client/org";
import { orgOf } from "../client/org-node";
import { showLane } from "../client/org-status";
import { QueryReader } from "./query-reader";
import { type QueryDef, type QuerySettings, readSettings } from "./settings";

export = (RED: NodeAPI): void => {
  function SalesforceQuery(this: Node & WiredNode, config: NodeDef & QueryDef): void {
    RED.nodes.createNode(this, config);
    const status = new Status(this);
    try {
      read(this, status, orgOf(RED.nodes.getNode(config.org), config.org), readSettings(config), readParameters(this, config));
    } catch (error) {
      failEach(this, status, error);
    }
  }

  function read(node: Node & WiredNode, status: Status, org: OrgClient, settings: QuerySettings, parameters: Parameter[]): void {
    let state: ReadState = { kind: "idle", inFlow: 0 };
    const tell = (): void => show(status, state, org);
    const reader = new QueryReader({
      settings,
      parameters,
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

  RED.nodes.registerType("surewire-salesforce-query", SalesforceQuery as never);
};
