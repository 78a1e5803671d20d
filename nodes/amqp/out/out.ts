import type { Node, NodeAPI, NodeDef } from "node-red";
import { toConnectorError } from "../../common/errors";
import { Status } from "../../common/status";
import { compileTypedInput, type TypedInputUtil, type TypedValue } from "../../common/typed-input";
import { Sink, type SinkState } from "../../delivery/sink";
import type { Format } from "../../format/format";
import { brokerOf } from "../client/broker-node";
import { connectionStatus } from "../client/broker-status";
import type { Outgoing } from "../client/publisher";
import { ExchangeWriter } from "./exchange-writer";
import { messageBuilder } from "./message-builder";

/** What the editor saves. */
interface OutDef extends NodeDef {
  broker: string;
  exchange: string;
  exchangeType: string;
  /** Type a missing exchange is made with. */
  exchangeKind: string;
  declare: "declare" | "existing";
  routingKey: string;
  routingKeyType: string;
  headers: string;
  headersType: string;
  format: Format;
  persistent?: boolean;
  mandatory?: boolean;
  /** ms */
  confirmTimeout?: number | string;
}

/** As many confirms are awaited together: one batch at a time keeps the order, and this many use the connection well. */
const BATCH = 1_000;

export = (RED: NodeAPI): void => {
  function AmqpOut(this: Node, config: OutDef): void {
    RED.nodes.createNode(this, config);
    const status = new Status(this);
    try {
      run(this, status, config);
    } catch (error) {
      const wrong = toConnectorError(error, "NOT_CONFIGURED");
      status.set("failed", wrong.message);
      this.on("input", (_msg, _send, done) => done(wrong));
      this.on("close", () => status.close());
    }
  }

  function run(node: Node, status: Status, config: OutDef): void {
    const build = builderFor(node, config);
    const broker = brokerOf(RED.nodes.getNode(config.broker));
    const link = broker.acquire(node);
    const connection = link.publish;
    const writer = new ExchangeWriter({
      connection,
      confirmTimeout: Number(config.confirmTimeout) > 0 ? Number(config.confirmTimeout) : 15_000,
      ...(config.declare === "existing" ? {} : { declareAs: config.exchangeKind || "topic" }),
      fixedExchange: (config.exchangeType || "str") === "str",
      warn: (text) => node.warn(text),
    });

    let state: SinkState = { kind: "idle", messages: 0 };
    const show = (): void => {
      const trouble = connectionStatus(connection.state, RED._);
      const count = { count: state.messages };
      if (trouble) status.set(trouble.state, trouble.text);
      else if (state.kind === "waiting") status.set("waiting", () => RED._("out.status.waiting", { reason: state.error?.message ?? "" }));
      else if (state.kind === "writing") status.set("working", () => RED._("out.status.working", count));
      else status.set("connected", () => RED._("out.status.connected"));
    };
    const sink = new Sink<Outgoing, undefined>({
      batchSize: BATCH,
      linger: 0,
      write: (messages) => writer.write(messages),
      untilReady: (error) => writer.untilReady(error),
      onState: (next) => {
        state = next;
        show();
      },
      warn: (text) => node.warn(text),
    });
    const unsubscribe = connection.subscribe({ state: show });
    writer.start();
    show();

    node.on("input", (msg, send, done) => {
      let message: Outgoing | Promise<Outgoing>;
      try {
        message = build(msg);
      } catch (error) {
        done(toConnectorError(error, "INPUT_INVALID"));
        return;
      }
      sink.take(msg, message, done, () => send(msg));
    });
    node.on("close", (done: () => void) => {
      void sink
        .close()
        .then(() => writer.close())
        .then(() => broker.release(node))
        .catch((error: unknown) => node.warn(toConnectorError(error).message))
        .finally(() => {
          unsubscribe();
          status.close();
          done();
        });
    });
  }

  function builderFor(node: Node, config: OutDef): (msg: object) => Outgoing | Promise<Outgoing> {
    const compile = (value: string | undefined, type: string | undefined, label: string): TypedValue =>
      compileTypedInput(RED.util as unknown as TypedInputUtil, node, value ?? "", type || "str", RED._(`out.label.${label}`));
    return messageBuilder({
      exchange: compile(config.exchange, config.exchangeType, "exchange"),
      routingKey: compile(config.routingKey, config.routingKeyType, "routingKey"),
      headers: config.headers?.length ? compile(config.headers, config.headersType || "json", "headers") : () => undefined,
      format: config.format || "auto",
      persistent: config.persistent !== false,
      mandatory: config.mandatory !== false,
    });
  }

  RED.nodes.registerType("surewire-amqp-out", AmqpOut as never);
};
