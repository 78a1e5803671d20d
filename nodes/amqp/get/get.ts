import type { Node, NodeAPI, NodeDef } from "node-red";
import { needsAHand, toConnectorError } from "../../common/errors";
import { closeWith, registerNode } from "../../common/node-life";
import type { Status } from "../../common/status";
import { compileTypedInput, whenReady } from "../../common/typed-input";
import { flowAccess } from "../../delivery/flow-access";
import type { WiredNode } from "../../delivery/wired";
import { brokerOf } from "../client/broker-node";
import { connectionStatus } from "../client/broker-status";
import { QueueGet, type QueueGetState } from "./queue-get";
import { readCount, readFixedCount, readSettings, type GetDef } from "./settings";

export = (RED: NodeAPI): void => {
  function run(node: Node & WiredNode, status: Status, config: NodeDef & GetDef): void {
    const settings = readSettings(config);
    const countOf = counter(node, config);
    const broker = brokerOf(RED.nodes.getNode(config.broker), config.broker);
    const link = broker.acquire(node);
    let state: QueueGetState = { kind: "starting" };
    const queue = new QueueGet({
      settings,
      link,
      ...flowAccess(node, RED),
      onState: (next) => {
        state = next;
        show();
      },
    });
    const show = (): void => {
      const trouble = connectionStatus(link.consume.state, RED._);
      if (trouble) status.set(trouble.state, trouble.text);
      else showGet(status, state, settings.queue, queue);
    };
    const unsubscribe = link.consume.subscribe({ state: show });
    queue.start();

    node.on("input", (msg, send, done) => {
      let count: number | Promise<number>;
      try {
        count = countOf(msg);
      } catch (error) {
        done(toConnectorError(error, "INPUT_INVALID"));
        return;
      }
      queue.take({ msg, send: (messages) => send(messages as never), done }, count);
    });
    closeWith(node, status, () =>
      queue
        .close()
        .finally(() => broker.release(node)) // also after a failure, or the config node would wait for it in vain
        .finally(unsubscribe),
    );
  }

  /** Makes a function that tells how many messages a trigger asks for. */
  function counter(node: Node, config: GetDef): (msg: object) => number | Promise<number> {
    const type = config.countType || "num";
    if (type === "num") {
      const count = readFixedCount(config.count);
      return () => count;
    }
    const value = compileTypedInput(RED.util, node, config.count, type, RED._("get.label.count"));
    return (msg) => whenReady(value(msg), readCount);
  }

  function showGet(status: Status, state: QueueGetState, name: string, queue: QueueGet): void {
    switch (state.kind) {
      case "starting":
        return status.set("connecting", () => RED._("get.status.connecting"));
      case "holding":
        return status.set("waiting", () => RED._("get.status.waiting", { reason: state.reason }));
      case "forwarding":
      case "waiting":
        return status.set(needsAHand(state.error) ? "failed" : "waiting", () => RED._("get.status.waiting", { reason: state.error.message }));
      case "ready":
        if (queue.openCount === 0) return status.set("connected", name);
        return status.set("working", () => RED._("get.status.working", { count: queue.openCount }));
    }
  }

  registerNode(RED, "surewire-amqp-get", run);
};
