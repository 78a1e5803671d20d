import type { Node, NodeAPI, NodeDef } from "node-red";
import { ConnectorError, needsAHand } from "../../common/errors";
import { closeWith, registerNode } from "../../common/node-life";
import type { Status } from "../../common/status";
import type { Store } from "../../common/store";
import { TroubleLog } from "../../common/trouble-log";
import { userStore } from "../../common/user-store";
import { onFlowEvent } from "../../delivery/flow-events";
import type { TrackedRuntime } from "../../delivery/runtime";
import { isWired, type WiredNode } from "../../delivery/wired";
import { brokerOf } from "../client/broker-node";
import { connectionStatus, isOfConnection } from "../client/broker-status";
import { QueueSource } from "./queue-source";
import { readSettings, type InDef } from "./settings";
import type { QueueSourceState } from "./source-states";

export = (RED: NodeAPI): void => {
  function run(node: Node & WiredNode, status: Status, config: NodeDef & InDef): void {
    const broker = brokerOf(RED.nodes.getNode(config.broker), config.broker);
    const settings = readSettings(config);
    const link = broker.acquire(node);
    const troubles = new TroubleLog(node);
    let state: QueueSourceState = { kind: "starting" };
    /** Whether a running node was behind it when the flows started last. Not asked later: in a deploy that node may be stopped before this one. */
    let wired: boolean | undefined;
    /** Whether the status shows its work or its pause, as there is no trouble to show. */
    let atWork = false;
    const label = (): string => {
      const { openCount, queue } = source;
      return openCount === 0 ? queue : RED._("in.status.flow", { queue, count: String(openCount) });
    };
    const pausedLabel = (): string => (source.openCount === 0 ? RED._("in.status.paused") : RED._("in.status.paused-flow", { count: String(source.openCount) }));
    const showWork = (): void => {
      if (atWork && state.kind === "paused") status.set("paused", pausedLabel);
      else if (atWork) status.set("connected", label);
    };
    const source = new QueueSource({
      settings,
      node,
      runtime: RED as unknown as TrackedRuntime,
      link,
      ...storeIn(RED.settings.userDir),
      send: (message) => {
        node.send(message as never);
        showWork();
      },
      onSettled: showWork,
      warn: (text) => node.warn(text),
      onState: (next) => {
        state = next;
        if (next.kind === "consuming") troubles.told(undefined);
        else if ("error" in next && !isOfConnection(next.error)) troubles.told(next.error);
        show();
      },
    });

    const show = (): void => {
      const trouble = connectionStatus(link.consume.state, RED._);
      atWork = wired !== false && !trouble && (state.kind === "consuming" || state.kind === "paused");
      if (wired === false) status.set("stopped", () => RED._("in.status.unwired"));
      else if (trouble) status.set(trouble.state, trouble.text);
      else if (atWork) showWork();
      else showSource(status, state);
    };

    // The source starts when all nodes are there, and takes no messages while nothing is wired: a message sent to no node would count as finished.
    const flowsStarted = (): void => {
      const first = wired === undefined;
      wired = isWired(node, RED.nodes);
      if (wired) source.resume("unwired");
      else source.pause("unwired");
      if (first) source.start();
      show();
    };
    node.on("input", (msg, _send, done) => {
      const { action } = msg as { action?: unknown };
      if (action === "pause") source.pause("asked");
      else if (action === "resume") source.resume("asked");
      else return done(new ConnectorError("INPUT_INVALID", `msg.action must be "pause" or "resume": ${typeof action === "string" ? action : typeof action}`));
      done();
    });
    const unsubscribe = link.consume.subscribe({ state: show });
    const stopWaiting = onFlowEvent(RED.events, "flows:started", flowsStarted);
    closeWith(node, status, () => {
      stopWaiting();
      return source
        .close()
        .finally(() => broker.release(node)) // also after a failure, or the config node would wait for it in vain
        .finally(unsubscribe);
    });
    show();
  }

  function showSource(status: Status, state: QueueSourceState): void {
    switch (state.kind) {
      case "holding":
        return status.set("waiting", () => RED._("in.status.waiting", { reason: state.reason }));
      case "forwarding":
      case "waiting":
        return status.set(needsAHand(state.error) ? "failed" : "waiting", () => RED._("in.status.waiting", { reason: state.error.message }));
      case "starting":
      case "consuming":
      case "paused":
        return status.set("connecting", () => RED._("in.status.connecting"));
    }
  }

  /** The store for what must outlive the process. There is none without a user directory, as in the runtime of a test. */
  function storeIn(userDir: string | undefined): { store?: Store } {
    return userDir ? { store: userStore(userDir) } : {};
  }

  registerNode(RED, "surewire-amqp-in", run, { isSource: () => true });
};
