import { randomUUID } from "node:crypto";
import type { ConfirmChannel, ConsumeMessage } from "amqplib";
import { whenOver } from "../../common/deadline";
import { ConnectorError, toConnectorError } from "../../common/errors";
import { eachOnce } from "../../common/once";
import { decode, decodeInSlices } from "../../format/format";
import type { FormatSettings } from "../../format/settings";
import type { Connection } from "../client/connection/connection";
import { REPLY_TO } from "../client/publishing/publish-faults";
import { Publisher, type Outgoing } from "../client/publishing/publisher";
import { givenProperties } from "../client/consuming/queue-message";
import { closeChannel } from "../client/connection/supervised-channel";
import type { Sender } from "./exchange-writer";

/** What a requester needs. The format is that of the answers. */
export interface RequesterOptions extends FormatSettings {
  connection: Connection;
  /** ms after which an unconfirmed request counts as lost. */
  confirmTimeout: number;
  /** ms that an answer may take, counted from the confirm of the request. */
  timeout: number;
  /** The channel is gone. */
  onDown?(): void;
  warn(text: string): void;
}

/** The answer to a request. */
export interface Answer {
  payload: unknown;
  amqp: {
    /** Properties of the answer; but `correlationId` is that of the user's message, if it had one. */
    properties: Record<string, unknown>;
    headers: Record<string, unknown>;
    exchange: string;
    routingKey: string;
  };
}

interface Waiting {
  message: Outgoing;
  finish(error?: ConnectorError, answer?: Answer): void;
  timer: NodeJS.Timeout | undefined;
}

/**
 * Publishes requests and waits for their answers by RabbitMQ's direct reply-to. Answers come without a queue on the channel on which the request was published, and are
 * lost with it.
 */
export class Requester implements Sender<Answer> {
  private readonly publisher: Publisher;
  /** Requests without an answer yet, by the correlation id that was made for each. */
  private readonly waiting = new Map<string, Waiting>();
  private readonly warnOnce: (text: string) => void;
  private closing = false;

  constructor(private readonly options: RequesterOptions) {
    this.warnOnce = eachOnce(options.warn);
    this.publisher = new Publisher({
      connection: options.connection,
      confirmTimeout: options.confirmTimeout,
      onChannel: (channel) => channel.consume(REPLY_TO, (answer) => this.received(channel, answer), { noAck: true }),
      onDown: (error) => this.down(error),
    });
  }

  /** Opens its channel. */
  start(): void {
    this.publisher.start();
  }

  /** Resolves when there is a channel to send on. @throws ConnectorError after `timeout` ms */
  ready(timeout?: number): Promise<void> {
    return this.publisher.ready(timeout);
  }

  /**
   * Sends a request under a correlation id of its own.
   *
   * @param finish called once: with the answer, or an error: REPLY_TIMEOUT, REPLY_LOST (its channel was lost: it may have been worked on),
   *   FORMAT_INVALID (the answer cannot be decoded), FLOW_STOPPED, or one of {@link Publisher.send}
   */
  send(message: Outgoing, finish: (error?: ConnectorError, answer?: Answer) => void): void {
    const correlationId = randomUUID();
    this.waiting.set(correlationId, { message, finish, timer: undefined });
    const { exchange, routingKey, content, options } = message;
    this.publisher.send({ exchange, routingKey, content, options: { ...options, correlationId, replyTo: REPLY_TO } }, (error) => {
      if (!error) this.confirmed(correlationId);
      else if (error.code === "PUBLISH_UNCONFIRMED") this.settle(correlationId, this.lost(error));
      else this.settle(correlationId, error);
    });
  }

  /** Closes the channel; requests without an answer fail with FLOW_STOPPED. */
  async close(): Promise<void> {
    this.closing = true;
    await this.publisher.close();
    this.loseAll();
  }

  private confirmed(correlationId: string): void {
    const waiting = this.waiting.get(correlationId);
    if (!waiting) return; // the answer was quicker than the confirm
    const { timeout } = this.options;
    waiting.timer = whenOver(timeout, () => this.settle(correlationId, new ConnectorError("REPLY_TIMEOUT", `No answer within ${timeout} ms`)));
  }

  private received(channel: ConfirmChannel, answer: ConsumeMessage | null): void {
    if (!answer) return void closeChannel(channel, 2_000); // the broker sends no more answers: another channel follows
    const correlationId = String(answer.properties.correlationId);
    const waiting = this.waiting.get(correlationId);
    if (!waiting) return this.unknown();
    // it is here: neither its time nor its channel matters any more
    this.waiting.delete(correlationId);
    clearTimeout(waiting.timer);
    this.decode(answer, waiting);
  }

  private decode(answer: ConsumeMessage, { message, finish }: Waiting): void {
    const { format, formatOptions } = this.options;
    const { content, properties } = answer;
    const read = (payload: unknown): void => finish(undefined, { payload, amqp: aboutAnswer(answer, message) });
    const failed = (error: unknown): void => {
      const { code, message: text } = toConnectorError(error, "FORMAT_INVALID");
      finish(new ConnectorError(code, `The answer cannot be read: ${text}`, { cause: error }));
    };
    const decoding = decodeInSlices(content, format, properties, formatOptions, () => false);
    if (decoding) return void decoding.then(read, failed);
    let payload: unknown;
    try {
      payload = decode(content, format, properties, formatOptions);
    } catch (error) {
      return failed(error);
    }
    read(payload);
  }

  private unknown(): void {
    this.warnOnce("An answer came that nobody waits for (any more), and is dropped: it was late, or does not carry the correlation id of its request. Further ones are dropped without a word");
  }

  private settle(correlationId: string, error: ConnectorError): void {
    const waiting = this.waiting.get(correlationId);
    if (!waiting) return;
    this.waiting.delete(correlationId);
    clearTimeout(waiting.timer);
    waiting.finish(error);
  }

  private down(error: ConnectorError): void {
    this.options.onDown?.();
    this.loseAll(error);
  }

  /** The channel is gone: fails the requests that the broker has confirmed. The publisher fails the others itself. */
  private loseAll(cause?: ConnectorError): void {
    for (const [correlationId, { timer }] of this.waiting) if (timer || this.closing) this.settle(correlationId, this.lost(cause));
  }

  private lost(cause: ConnectorError | undefined): ConnectorError {
    if (this.closing) return new ConnectorError("FLOW_STOPPED", "The flow was stopped before the answer came; the request may have been worked on", { cause });
    const reason = cause ? `: ${cause.message}` : "";
    return new ConnectorError("REPLY_LOST", `The channel was lost before the answer came${reason}. The request may have been worked on`, { cause });
  }
}

function aboutAnswer(answer: ConsumeMessage, request: Outgoing): Answer["amqp"] {
  const { correlationId: _ours, ...properties } = givenProperties(answer);
  const { correlationId } = request.options;
  if (correlationId !== undefined) properties.correlationId = correlationId;
  const { exchange, routingKey } = answer.fields;
  return { properties, headers: answer.properties.headers ?? {}, exchange, routingKey };
}
