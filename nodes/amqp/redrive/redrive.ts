import { AsyncResource } from "node:async_hooks";
import type { Node, NodeAPI, NodeDef, NodeMessage } from "node-red";
import { ConnectorError, toConnectorError } from "../../common/errors";
import { closeWith, registerNode } from "../../common/node-life";
import { eachOnce } from "../../common/once";
import { putOn } from "../../common/put-on";
import type { Status } from "../../common/status";
import { compileTypedInput, type TypedValue } from "../../common/typed-input";
import { claimOf, deliveryClosed } from "../../delivery/claim";
import { flowTracker } from "../../delivery/tracker/flow-tracker";
import { brokerOf } from "../client/broker-node";
import { connectionStatus } from "../client/broker-status";
import type { LetterMessage } from "./letter-message";
import { RedriveRun, type RedriveOrder } from "./redrive-run";
import type { RedriveReport } from "./report";
import { readOrder, readSettings, type RedriveDef } from "./settings";

/** What the node shows while its connections are fine: nothing yet, how far a run is, or how the last one ended. */
type Shown = { kind: "idle" } | { kind: "running"; done: number; of: number; dryRun: boolean } | { kind: "ended"; report: RedriveReport } | { kind: "failed"; error: ConnectorError };

export = (RED: NodeAPI): void => {
  function run(node: Node, status: Status, config: NodeDef & RedriveDef): void {
    const settings = readSettings(config);
    const orderFor = orderReader(node, config, settings.target);
    const filter = config.filter?.trim() ? compile(node, config.filter, "jsonata", "filter") : undefined;
    const broker = brokerOf(RED.nodes.getNode(config.broker), config.broker);
    const link = broker.acquire(node);
    const connections = [link.consume, link.publish];
    const warnOnce = eachOnce((text) => node.warn(text));
    let shown: Shown = { kind: "idle" };
    let current: { run?: RedriveRun; ended: Promise<void> } | undefined;
    let closing = false;

    const show = (next = shown): void => {
      shown = next;
      const trouble = connections.map(({ state }) => connectionStatus(state, RED._)).find(Boolean);
      if (trouble) status.set(trouble.state, trouble.text);
      else showOwn(status, shown, settings.queue);
    };
    const unsubscribes = connections.map((connection) => connection.subscribe({ state: () => show() }));
    show();

    node.on("input", (msg, send, done) => {
      if (claimOf(msg)?.closed) {
        node.warn(deliveryClosed().toString());
        return done();
      }
      if (current) return done(new ConnectorError("OVERLOADED", RED._("redrive.error.running", { queue: settings.queue })));
      const mine: { run?: RedriveRun; ended: Promise<void> } = { ended: Promise.resolve() };
      current = mine;
      // the messages of a dry run belong to the delivery that started it, if any; the work of the connection must belong to none
      const showLetter = AsyncResource.bind((letter: LetterMessage) => send([null, { _msgid: msg._msgid, ...letter } as NodeMessage]));
      const start = async (): Promise<RedriveReport> => {
        const order = await orderFor(msg);
        if (closing) throw new ConnectorError("FLOW_STOPPED", RED._("redrive.error.stopped"));
        const onProgress = (finished: number, of: number): void => show({ kind: "running", done: finished, of, dryRun: order.dryRun });
        mine.run = new RedriveRun({ link, settings, order, filter, show: showLetter, onProgress, warn: warnOnce });
        return mine.run.run();
      };
      const finished = flowTracker.outside(start).finally(() => (current = undefined));
      const tell = (report: RedriveReport): void => {
        show({ kind: "ended", report });
        send([putOn(msg, { payload: report }), null]);
      };
      const fail = (thrown: unknown): void => {
        const error = toConnectorError(thrown, "INPUT_INVALID");
        show({ kind: "failed", error });
        done(error);
      };
      mine.ended = finished.then(tell).then(() => done(), fail);
    });

    closeWith(node, status, () => {
      closing = true;
      current?.run?.stop();
      return Promise.resolve(current?.ended)
        .finally(() => broker.release(node)) // also after a failure, or the config node would wait for it in vain
        .finally(() => unsubscribes.forEach((unsubscribe) => unsubscribe()));
    });
  }

  function showOwn(status: Status, shown: Shown, queue: string): void {
    switch (shown.kind) {
      case "idle":
        return status.set("idle", queue);
      case "running":
        return status.set("working", () => RED._(`redrive.status.${shown.dryRun ? "looking" : "moving"}`, { done: shown.done, of: shown.of }));
      case "ended": {
        const { moved, found = 0, left, dryRun } = shown.report;
        return status.set("idle", () => RED._(`redrive.status.${dryRun ? "looked" : "moved"}`, { moved, found, left }));
      }
      case "failed":
        return status.set("failed", shown.error.message);
    }
  }

  function orderReader(node: Node, config: RedriveDef, target: RedriveOrder["target"]["kind"]): (msg: object) => Promise<RedriveOrder> {
    const isBlank = (value: unknown): boolean => value === undefined || value === "";
    const limit = isBlank(config.limit) && (config.limitType || "num") === "num" ? () => undefined : compile(node, config.limit, config.limitType || "num", "limit");
    const dryRun = compile(node, config.dryRun ?? false, config.dryRunType || "bool", "dryRun");
    const targetExchange = compile(node, config.targetExchange, config.targetExchangeType, "targetExchange");
    const targetRoutingKey = compile(node, config.targetRoutingKey, config.targetRoutingKeyType, "targetRoutingKey");
    return async (msg) => {
      const values = await Promise.all([limit(msg), dryRun(msg), targetExchange(msg), targetRoutingKey(msg)]);
      return readOrder(target, { limit: values[0], dryRun: values[1], targetExchange: values[2], targetRoutingKey: values[3] });
    };
  }

  function compile(node: Node, value: unknown, type: string | undefined, label: string): TypedValue {
    return compileTypedInput(RED.util, node, value ?? "", type || "str", RED._(`redrive.label.${label}`));
  }

  registerNode(RED, "surewire-amqp-redrive", run);
};
