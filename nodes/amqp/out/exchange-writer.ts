import { BackOff } from "../../common/back-off";
import { within } from "../../common/deadline";
import { ConnectorError, isConnectorError, type ErrorCode, type ErrorScope } from "../../common/errors";
import { Sleepers } from "../../common/sleep";
import type { ItemResult } from "../../delivery/sink/sink";
import type { Connection } from "../client/connection/connection";
import { isOverAMessage } from "../client/publishing/publish-faults";
import type { Outgoing } from "../client/publishing/publisher";
import { messagesIn } from "../client/queue-info";
import { ensureExchange } from "../client/topology";
import { RefusedExchanges } from "./refused-exchanges";

/** Sends messages: a publisher, or a requester, whose result is the answer. */
export interface Sender<R> {
  start(): void;
  /** @param finish called once, with the error or the result */
  send(message: Outgoing, finish: (error?: ConnectorError, result?: R) => void): void;
  /** Resolves when sending can work. @throws ConnectorError after `timeout` ms */
  ready(timeout?: number): Promise<void>;
  close(): Promise<void>;
}

/** What a writer needs. */
export interface ExchangeWriterOptions<R> {
  connection: Connection;
  /** Makes the sender. @param onDown the sender must call it when its channel is gone */
  sender(onDown: () => void): Sender<R>;
  /** Type of exchanges that are made when they are missing; `undefined` to make none. */
  declareAs?: string;
  /** Whether all messages go to the same exchange. Then, if it is missing, all wait for it, and no message fails for that. */
  fixedExchange: boolean;
  /** Whether all go to the same queue. Then, if it is missing or full, all wait for that, too. Default false. */
  fixedQueue?: boolean;
  /** ms that the broker may take for an answer. Default 30000. */
  answerTimeout?: number;
  warn(text: string): void;
}

/** Errors of an exchange or a queue. Nobody tells when these are over, so writing is tried again after a back-off; of other errors the connection tells. */
const OF_THE_PLACE: ReadonlySet<ErrorCode> = new Set(["EXCHANGE_UNAVAILABLE", "PUBLISH_RETURNED", "PUBLISH_REJECTED"]);

/** ms that declaring an exchange waits for a connection. */
const GRACE = 1_000;

/**
 * Writes batches of messages for a sink, with a result for each message. Batches begin in the order in which they come, and several may run at the same time.
 */
export class ExchangeWriter<R> {
  private readonly sender: Sender<R>;
  /** Exchanges that were declared since the channel was opened. */
  private known = new Set<string>();
  private readonly refused = new RefusedExchanges();
  private readonly backOff = new BackOff();
  /** How many messages are to be sent one by one: as many as were unconfirmed when the broker closed the channel over one of them without telling which. */
  private suspects = 0;
  /** The beginning of the last batch that had to wait; later batches wait for it, so that they do not overtake it. */
  private line: Promise<unknown> | undefined;
  private readonly sleepers = new Sleepers();
  /** Whether {@link withoutTooLarge} is testing a message. One at a time, since another could fill the queue meanwhile. */
  private looking = false;

  constructor(private readonly options: ExchangeWriterOptions<R>) {
    this.sender = options.sender(() => (this.known = new Set()));
  }

  /** Opens the channel. */
  start(): void {
    this.sender.start();
  }

  /** Sends messages. @returns one result for each, in order @throws ConnectorError when the exchange cannot be declared; then none was sent */
  write(messages: Outgoing[]): Promise<ItemResult<R>[]> {
    const written = this.refused.any ? this.writeOthers(messages) : this.writeAll(messages);
    return this.options.fixedQueue ? written.then((results) => this.withoutTooLarge(messages, results)) : written;
  }

  /** Sends all messages but those to an exchange that was refused a moment ago, which fail. */
  private async writeOthers(messages: Outgoing[]): Promise<ItemResult<R>[]> {
    const errors = messages.map(({ exchange }) => this.refused.errorOf(exchange));
    const others = messages.filter((_message, index) => !errors[index]);
    const results = others.length > 0 ? await this.writeAll(others) : [];
    let next = 0;
    return errors.map((error) => (error ? { ok: false, error } : (results[next++] as ItemResult<R>)));
  }

  private writeAll(messages: Outgoing[]): Promise<ItemResult<R>[]> {
    if (!this.line && this.suspects === 0 && this.isKnown(messages)) return this.sendAll(messages);
    const begun = (this.line ?? Promise.resolve()).then(() => this.begin(messages));
    const line = begun.catch(() => undefined).finally(() => this.line === line && (this.line = undefined));
    this.line = line;
    return begun.then(({ results }) => results);
  }

  /** Resolves when writing can work again. */
  async untilReady(error: ConnectorError): Promise<void> {
    if (OF_THE_PLACE.has(error.code)) await this.sleepers.sleep(this.backOff.next());
    await this.sender.ready();
  }

  async close(): Promise<void> {
    this.sleepers.wake();
    await this.sender.close();
  }

  /** Begins a batch. @returns the promise of the results in an object, so that the next batch waits for the beginning only, and not for the results */
  private async begin(messages: Outgoing[]): Promise<{ results: Promise<ItemResult<R>[]> }> {
    if (!this.isKnown(messages)) await this.declare(messages);
    if (this.suspects === 0) return { results: this.sendAll(messages) };
    return { results: Promise.resolve(await this.sendOneByOne(messages)) };
  }

  private sendAll(messages: Outgoing[]): Promise<ItemResult<R>[]> {
    return new Promise((resolve) => {
      const results = new Array<ItemResult<R>>(messages.length);
      let open = messages.length;
      messages.forEach((message, index) =>
        this.sender.send(message, (error, value) => {
          results[index] = error ? this.failed(error, message) : this.sent(value as R);
          open -= 1;
          if (open === 0) resolve(results);
        }),
      );
    });
  }

  /** Sends each message when the one before is done, so that only the message at fault is on the channel when the broker closes it. */
  private async sendOneByOne(messages: Outgoing[]): Promise<ItemResult<R>[]> {
    const results: ItemResult<R>[] = [];
    let away: ItemResult<R> | undefined;
    for (const message of messages) {
      const [result] = away ? [away] : await this.sendAll([message]);
      if (!result) continue;
      results.push(result);
      if (!result.ok && result.error.scope === "system") away = result;
      else this.suspects = Math.max(0, this.suspects - 1);
    }
    return results;
  }

  /**
   * Finds a message that is larger than the limit in bytes of its queue. Such a queue refuses it for ever (RabbitMQ 3.10.8, classic), and all others would wait behind
   * it. So the first refused message is sent once more when the queue is empty. If it is refused again, it is too large, and fails alone.
   */
  private async withoutTooLarge(messages: Outgoing[], results: ItemResult<R>[]): Promise<ItemResult<R>[]> {
    const first = results.findIndex(isRefused);
    const message = messages[first];
    if (!message || this.looking) return results;
    this.looking = true;
    try {
      if (!(await this.isEmpty(message.routingKey))) return results;
      const [result] = await this.sendAll([message]);
      if (result) results[first] = isRefused(result) ? { ok: false, error: ofScope("message", result.error) } : result;
    } finally {
      this.looking = false;
    }
    return results;
  }

  private async isEmpty(queue: string): Promise<boolean> {
    const { model } = this.options.connection;
    const waiting = model && (await within(messagesIn(model, queue), GRACE).catch(() => undefined));
    return waiting === 0;
  }

  private sent(value: R): ItemResult<R> {
    this.backOff.reset();
    return { ok: true, value };
  }

  private failed(error: ConnectorError, message: Outgoing): ItemResult<R> {
    const { exchange } = message;
    if (error.code === "PUBLISH_UNCONFIRMED" && isOverAMessage(error.cause as ConnectorError | undefined)) this.suspects += 1;
    if (this.options.fixedQueue && isOverTheQueue(error, message)) return { ok: false, error: ofScope("system", error) };
    if (error.code !== "EXCHANGE_UNAVAILABLE" || this.options.fixedExchange) return { ok: false, error };
    const own = ofScope("message", error);
    this.refused.add(exchange, own);
    return { ok: false, error: own };
  }

  private isKnown(messages: Outgoing[]): boolean {
    if (this.options.declareAs === undefined) return true;
    for (const { exchange } of messages) if (exchange !== "" && !this.known.has(exchange)) return false;
    return true;
  }

  private async declare(messages: Outgoing[]): Promise<void> {
    for (const { exchange } of messages) {
      if (exchange === "" || this.known.has(exchange)) continue;
      await this.sender.ready(GRACE);
      const { model } = this.options.connection;
      if (!model) throw new ConnectorError("BROKER_UNAVAILABLE", "Not connected to the broker");
      const { known } = this;
      try {
        await ensureExchange(model, exchange, this.options.declareAs ?? "topic", this.options.warn, this.options.answerTimeout);
      } catch (error) {
        // then publishing to it may fail, for this message alone
        if (isConnectorError(error) && error.code === "EXCHANGE_UNAVAILABLE" && !this.options.fixedExchange) continue;
        throw error;
      }
      known.add(exchange);
    }
  }
}

/**
 * Whether the queue would take no other message either: it is missing, on a node of the broker that is down, or full. Not for messages with copies for further queues
 * (CC): it is not known which queue refused, and with each try the others would get the message again.
 */
function isOverTheQueue({ code, scope, retryable }: ConnectorError, { options }: Outgoing): boolean {
  const { CC, BCC } = (options.headers ?? {}) as { CC?: unknown; BCC?: unknown };
  return OF_THE_PLACE.has(code) && scope === "message" && retryable && CC === undefined && BCC === undefined;
}

/** Whether the message was refused by the one queue, as too full. */
function isRefused<R>(result: ItemResult<R>): result is { ok: false; error: ConnectorError } {
  return !result.ok && result.error.code === "PUBLISH_REJECTED" && result.error.scope === "system";
}

function ofScope(scope: ErrorScope, { code, message, details, cause }: ConnectorError): ConnectorError {
  return new ConnectorError(code, message, { scope, retryable: true, details, cause });
}
