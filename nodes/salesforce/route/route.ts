import type { Node, NodeAPI, NodeDef } from "node-red";
import { Lease } from "../../common/lease";
import { closeWith, registerNode } from "../../common/node-life";
import type { Status } from "../../common/status";
import { storeHolderOf } from "../../common/store";
import { userStore } from "../../common/user-store";
import { onFlowEvent } from "../../delivery/flow-events";
import type { TrackedRuntime } from "../../delivery/runtime";
import { isWired, type WiredNode } from "../../delivery/wired";
import { compileFields, type MapFields } from "../client/mapping";
import { templateCompiler } from "../client/template";
import { orgOf } from "../client/org-node";
import { showLane } from "../client/org-status";
import { type RouteState, RouteWorker } from "./route-worker";
import { type RouteDef, type RouteSettings, readSettings } from "./settings";

export = (RED: NodeAPI): void => {
  function run(node: Node & WiredNode, status: Status, config: NodeDef & RouteDef): void {
    const settings = readSettings(config);
    const org = orgOf(RED.nodes.getNode(config.org), config.org);
    const holder = settings.store ? storeHolderOf(RED.nodes.getNode(settings.store), settings.store) : undefined;
    const warn = (text: string): void => node.warn(text);
    const store = holder?.store ?? userStore(RED.settings.userDir);
    const worker = new RouteWorker({
      settings,
      org,
      store,
      shared: holder !== undefined,
      lease: settings.standby ? (options) => new Lease({ store, time: settings.leaseTime, warn, ...options }) : undefined,
      map: compileMarks(node, settings),
      node,
      runtime: RED as unknown as TrackedRuntime,
      send: (output, message) => node.send([...new Array<null>(output).fill(null), message as never]),
      isWired: (output) => isWired(node, RED.nodes, output),
      clone: (message) => RED.util.cloneMessage(message as never),
      onState: (state) => show(status, state),
      warn,
    });
    holder?.client.acquire(node);
    // Sending begins only when all nodes have been created: a message that is sent along a wire to a missing node would count as finished.
    const stopWaiting = onFlowEvent(RED.events, "flows:started", () => worker.rewired());
    node.on("input", (msg, send, done) => worker.take(msg, (messages) => send(messages as never), done));
    closeWith(node, status, () => {
      stopWaiting();
      return worker.close().then(() => holder?.client.release(node));
    });
  }

  function compileMarks(node: Node, { markFields }: RouteSettings): MapFields | undefined {
    if (markFields.length === 0) return undefined;
    return compileFields([markFields], templateCompiler(RED.util, node));
  }

  /** Shows a missing wire or the state of the org first. If nothing is wrong with these, it shows errors of the watch, standby, or the number of cases. */
  function show(status: Status, { lane, waiting, open, loading, unwired, standby, unknown, trouble }: RouteState): void {
    if (unwired) return status.set("stopped", () => RED._("route.status.unwired"));
    if (lane.kind !== "connected" || lane.slowedAt !== undefined) return showLane(status, lane, RED._);
    if (trouble) return status.set("failed", trouble.message);
    if (unknown) return status.set("waiting", () => RED._("route.status.waiting", { reason: unknown.message }));
    if (standby) return status.set("paused", () => RED._("route.status.standby"));
    if (loading) return status.set("connecting", () => RED._("route.status.loading"));
    status.set("connected", () => RED._("route.status.cases", { open, waiting }));
  }

  registerNode(RED, "surewire-salesforce-route", run);
};
