import type { Node, NodeAPI, NodeDef } from "node-red";
import { compileParameters } from "../../common/parameters";
import { closeWith, registerNode } from "../../common/node-life";
import type { Status } from "../../common/status";
import { compileTypedInput, type TypedValue } from "../../common/typed-input";
import { userStore } from "../../common/user-store";
import { flowAccess } from "../../delivery/flow-access";
import { isWired, type WiredNode } from "../../delivery/wired";
import type { OrgClient } from "../client/org";
import { orgOf } from "../client/org-node";
import { showLane } from "../client/org-status";
import { BulkRead } from "./bulk-read";
import type { BulkState, BulkWork } from "./bulk-work";
import { BulkWrite } from "./bulk-write";
import { JobCommands } from "./job-commands";
import { type BulkDef, readSettings } from "./settings";

export = (RED: NodeAPI): void => {
  function run(node: Node & WiredNode, status: Status, config: NodeDef & BulkDef): void {
    const org = orgOf(RED.nodes.getNode(config.org), config.org);
    let state: BulkState | undefined;
    const tell = (next = state): void => {
      state = next;
      if (next) show(status, next, org);
    };
    const work = makeWork(node, config, org, tell);
    const stopListening = org.onState(() => tell());
    org.acquire(node);
    node.on("input", (msg, send, done) => work.take({ msg, send: (messages) => send(messages as never), done }));
    closeWith(node, status, () =>
      work.close().finally(() => {
        stopListening();
        org.release(node);
      }),
    );
  }

  function makeWork(node: Node & WiredNode, config: BulkDef, org: OrgClient, onState: (state: BulkState) => void): BulkWork {
    const settings = readSettings(config);
    const store = userStore(RED.settings.userDir);
    const warn = (text: string): void => node.warn(text);
    const value = (text: string | undefined, type: string | undefined, fallback: string, label: string): TypedValue =>
      compileTypedInput(RED.util, node, text || (type && type !== "msg" ? text : fallback), type || "msg", label);
    const rows = value(config.fields, config.fieldsType, "payload", "rows");
    const jobId = value(config.jobId, config.jobIdType, "salesforce.jobId", "job id");
    const failedWired = (): boolean => isWired(node, RED.nodes, 1);
    if (settings.kind === "write") {
      const identity = value(config.identity, config.identityType, "amqp.properties.messageId", "identity");
      return new BulkWrite({ settings, org, store, node: node.id, rows, identity, isWired: failedWired, warn, onState });
    }
    if (settings.kind === "command") return new JobCommands({ settings, org, jobId, rows, isWired: failedWired, warn, onState });
    let state: BulkState = { doing: "reading", read: { kind: "idle", inFlow: 0 } };
    const tell = (change: Partial<Extract<BulkState, { doing: "reading" }>>): void => onState((state = { ...state, ...change } as BulkState));
    tell({});
    return new BulkRead({
      settings,
      org,
      store,
      jobId,
      parameters: compileParameters(config.parameters, (text, type, label) => value(text, type, "", label)),
      ...flowAccess(node, RED),
      onState: (read) => tell({ read }),
      onProgress: (progress) => tell({ progress }),
    });
  }

  /** Shows what the node does, or the state of its org while the node does nothing. */
  function show(status: Status, state: BulkState, org: OrgClient): void {
    const { progress } = state;
    const rows = (): void => {
      const { processed = 0, rows: all } = progress ?? {};
      const key = all === undefined ? "bulk.status.rows" : "bulk.status.progress";
      const count = all ?? processed; // selects singular or plural of the text
      status.set("working", () => RED._(key, { count, done: processed.toLocaleString("en"), rows: count.toLocaleString("en") }));
    };
    if (state.doing === "writing") return progress && state.lane.kind === "working" ? rows() : showLane(status, state.lane, RED._);
    const { read } = state;
    if (read.kind === "failed") return status.set("failed", read.error.message);
    if (read.kind === "waiting") return status.set("waiting", () => RED._("bulk.status.waiting", { reason: read.error.message }));
    if (read.kind === "holding") return status.set("waiting", () => RED._("bulk.status.holding", { reason: read.reason }));
    if (progress) return rows();
    if (read.kind === "reading") return status.set("working", () => RED._("bulk.status.reading", { count: read.inFlow }));
    if (read.kind === "idle" && read.inFlow > 0) return status.set("working", () => RED._("bulk.status.flow", { count: read.inFlow }));
    return showLane(status, { ...org.state, messages: 0 }, RED._);
  }

  registerNode(RED, "surewire-salesforce-bulk", run);
};
