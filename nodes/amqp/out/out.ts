import type { Node, NodeAPI, NodeDef } from "node-red";
import { needsAHand, toConnectorError } from "../../common/errors";
import { putOn } from "../../common/put-on";
import { closeWith, registerNode } from "../../common/node-life";
import type { Status } from "../../common/status";
import { TroubleLog } from "../../common/trouble-log";
import { compileTypedInput } from "../../common/typed-input";
import { Sink, type SinkState } from "../../delivery/sink/sink";
import { brokerOf } from "../client/broker-node";
import { connectionStatus, isOfConnection } from "../client/broker-status";
import type { Connection, ConnectionState } from "../client/connection/connection";
import { blockedFor } from "../client/publishing/publish-faults";
import { Publisher, type Outgoing } from "../client/publishing/publisher";
import { ExchangeWriter, type Sender } from "./exchange-writer";
import { messageBuilder } from "./message-builder";
import { Requester, type Answer } from "./requester";
import { readSettings, type OutDef, type OutSettings } from "./settings";

/** Options for publishing: messages that come in one turn are one batch, and the next batch does not wait for its confirms. */
const PUBLISHING = { batchSize: 1_000, concurrency: 64 };
/** Options for requests: up to 100 without an answer at once. None is repeated in place, since it might be worked on twice; only a retry of the source repeats it. */
const REQUESTING = { batchSize: 1, concurrency: 100, retriesInPlace: 0 };
/** ms for the log of troubles: a full queue takes a message now and then and refuses the next, which is to count as one trouble. */
const CALM = 60_000;

export = (RED: NodeAPI): void => {
  function run(node: Node, status: Status, config: NodeDef & OutDef): void {
    const settings = readSettings(config, (value, type, label) => compileTypedInput(RED.util, node, value, type, label));
    const build = messageBuilder(settings.build);
    const broker = brokerOf(RED.nodes.getNode(config.broker), config.broker);
    const connection = broker.acquire(node).publish;
    const warn = (text: string): void => node.warn(text);
    const writer = new ExchangeWriter<Answer | undefined>({ ...settings, connection, sender: (onDown) => senderOf(settings, connection, onDown, warn), warn });

    const troubles = new TroubleLog(node, CALM);
    let state: SinkState = { kind: "idle", messages: 0 };
    const show = (): void => {
      const trouble = connectionStatus(connection.state, RED._);
      if (trouble) status.set(trouble.state, trouble.text);
      else if (state.kind === "waiting") status.set(state.error && needsAHand(state.error) ? "failed" : "waiting", () => RED._("out.status.waiting", { reason: state.error?.message ?? "" }));
      else if (state.kind === "idle") status.set("connected", () => RED._("out.status.connected"));
      else status.set("working", () => RED._(settings.request ? "out.status.requesting" : "out.status.working", { count: state.messages }));
    };
    const sink = new Sink<Outgoing, Answer | undefined>({
      ...(settings.request ? REQUESTING : PUBLISHING),
      linger: 0,
      maxWait: settings.maxWait,
      maxWaiting: settings.maxWaiting,
      write: (messages) => writer.write(messages),
      untilReady: (error) => writer.untilReady(error),
      onState: (next) => {
        state = next;
        if (next.error && !isOfConnection(next.error)) troubles.told(next.error);
        show();
      },
      warn,
    });
    const follow = (now: ConnectionState): void => {
      sink.suspend(now.kind === "blocked" ? blockedFor(now.reason) : undefined);
      show();
    };
    const unsubscribe = connection.subscribe({ state: follow });
    writer.start();
    follow(connection.state); // it may have been open before this node began

    node.on("input", (msg, send, done) => {
      let message: Outgoing | Promise<Outgoing>;
      try {
        message = build(msg);
      } catch (error) {
        done(toConnectorError(error, "INPUT_INVALID"));
        return;
      }
      sink.take(msg, message, done, (answer) => {
        troubles.told(undefined);
        send(answer ? putOn(msg, answer) : msg);
      });
    });
    closeWith(node, status, () =>
      sink
        .close()
        .then(() => writer.close())
        .finally(() => broker.release(node)) // also after a failure, or the config node would wait for it in vain
        .finally(unsubscribe),
    );
  }

  registerNode(RED, "surewire-amqp-out", run);
};

function senderOf({ confirmTimeout, request }: OutSettings, connection: Connection, onDown: () => void, warn: (text: string) => void): Sender<Answer | undefined> {
  if (!request) return new Publisher({ connection, confirmTimeout, onDown });
  return new Requester({ connection, confirmTimeout, ...request, onDown, warn });
}
