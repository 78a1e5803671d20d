import type { Node, NodeAPI, NodeDef } from "node-red";
import { toConnectorError } from "../../common/errors";
import { Lease } from "../../common/lease";
import { closeWith, registerNode } from "../../common/node-life";
import type { Status } from "../../common/status";
import { type SharedStore, storeHolderOf } from "../../common/store";
import { userStore } from "../../common/user-store";
import { onFlowEvent } from "../../delivery/flow-events";
import type { TrackedRuntime } from "../../delivery/runtime";
import { isWired, type WiredNode } from "../../delivery/wired";
import { EventListener } from "../client/events/event-listener";
import { declarePushTopic } from "../client/events/push-topics";
import type { Standby } from "../client/events/standby";
import { orgOf } from "../client/org-node";
import { control } from "./listen-control";
import { showListener } from "./listen-status";
import { type ListenDef, type NodeSettings, readSettings } from "./settings";

type ListenNode = Node & WiredNode & { listener?: EventListener };

export = (RED: NodeAPI): void => {
  function run(node: ListenNode, status: Status, config: NodeDef & ListenDef): void {
    const settings = readSettings(config);
    const org = orgOf(RED.nodes.getNode(config.org), config.org);
    const holder = settings.store ? storeHolderOf(RED.nodes.getNode(settings.store), settings.store) : undefined;
    const warn = (text: string): void => node.warn(text);
    const { topic } = settings;
    const store = holder?.store ?? userStore(RED.settings.userDir);
    const label = (): string => {
      const { openCount: count } = listener;
      return count === 0 ? settings.channel : RED._("listen.status.flow", { channel: settings.channel, count: String(count) });
    };
    /** Whether the status shows only the number of events. It is then updated twice per event, which must cost next to nothing. */
    let atWork = false;
    const showWork = (): void => {
      if (atWork) status.set("connected", label);
      else if (listener.state.kind === "paused") show(); // shows when the last events of a paused listener have been settled
    };
    const show = (): void => {
      const { state } = listener;
      atWork = state.kind === "listening" && !org.state.error;
      showListener(status, { state, org: org.state, label, inFlow: listener.openCount }, RED._);
    };
    const listener = (node.listener = new EventListener({
      settings,
      node,
      runtime: RED as unknown as TrackedRuntime,
      name: settings.listener,
      org,
      store,
      ...(topic ? { prepare: async () => void (await declarePushTopic(org.rest, { ...topic, apiVersion: org.rest.version })) } : {}),
      ...(settings.standby ? { standby: standby(store, settings, warn) } : {}),
      send: (output, message) => {
        node.send(output === 0 ? (message as never) : [null, message as never]);
        showWork();
      },
      isWired: (output) => isWired(node, RED.nodes, output),
      onSettled: showWork,
      onState: show,
      warn,
      error: (text) => node.error(text),
      log: (text) => node.log(text),
    }));
    if (settings.startPaused) listener.pause("asked");
    // Listening begins only when all nodes have been created: a message that is sent along a wire to a missing node would count as finished.
    const flowsStarted = (): void => {
      listener.rewired();
      listener.start();
    };
    node.on("input", (msg, _send, done) => {
      try {
        control(listener, msg as object);
        done();
      } catch (error) {
        done(toConnectorError(error));
      }
    });
    const stopListening = org.onState(show);
    org.acquire(node);
    holder?.client.acquire(node);
    const stopWaiting = onFlowEvent(RED.events, "flows:started", flowsStarted);
    closeWith(node, status, () => {
      stopWaiting();
      return listener
        .close()
        .then(() => holder?.client.release(node))
        .finally(() => {
          stopListening();
          org.release(node);
        });
    });
    show();
  }

  function standby(store: SharedStore, { leaseTime: time }: NodeSettings, warn: (text: string) => void): Standby {
    return { store, lease: (key, events) => new Lease({ store, key, time, warn, ...events }) };
  }

  registerNode(RED, "surewire-salesforce-listen", run, { isSource: () => true });

  // The node's button. `httpAdmin` is missing when the admin API is switched off.
  RED.httpAdmin?.post("/surewire/salesforce-listen/:id", RED.auth.needsPermission("flows.write"), (request, response) => {
    // the form of another site can send this type only if the browser has asked this server before (CORS)
    if (!request.is("application/json")) return void response.status(415).json({ message: "JSON is expected" });
    const node = RED.nodes.getNode(String(request.params.id)) as ListenNode | null;
    if (!node?.listener) return void response.status(404).json({ message: RED._("listen.error.not-deployed") });
    const action = node.listener.state.kind === "paused" || node.listener.state.kind === "stopped" ? "resume" : "pause";
    control(node.listener, { action });
    response.json({ action });
  });
};
