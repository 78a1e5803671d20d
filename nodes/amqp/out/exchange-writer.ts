import { ConnectorError, isConnectorError, toConnectorError } from "../../common/errors";
import { BackOff } from "../../common/back-off";
import type { ItemResult } from "../../delivery/sink";
import type { Connection } from "../client/connection";
import { Publisher, type Outgoing } from "../client/publisher";
import { ensureExchange } from "../client/topology";

/** What a writer needs. */
export interface ExchangeWriterOptions {
  connection: Connection;
  /** ms until an unconfirmed message counts as lost. */
  confirmTimeout: number;
  /** Type with which a missing exchange is made, or `undefined` to make none. */
  declareAs?: string;
  /** Whether all messages go to the same exchange: its absence is then nobody's own fault, and everything waits for it. */
  fixedExchange: boolean;
  warn(text: string): void;
}

/** Publishes batches for a sink. A batch that was cut off is written again, without what was confirmed already. */
export class ExchangeWriter {
  private readonly publisher: Publisher;
  private readonly confirmed = new WeakSet<Outgoing>();
  private known = new Set<string>();
  private readonly backOff = new BackOff();

  constructor(private readonly options: ExchangeWriterOptions) {
    this.publisher = new Publisher({
      connection: options.connection,
      confirmTimeout: options.confirmTimeout,
      onDown: () => (this.known = new Set()),
    });
  }

  /** Opens its channel. */
  start(): void {
    this.publisher.start();
  }

  /**
   * Publishes all and waits for every confirm. One result per message, in order.
   *
   * @throws ConnectorError of scope system when the connection, or the one exchange of all, was not there for some of them
   */
  async write(messages: Outgoing[]): Promise<ItemResult<undefined>[]> {
    if (this.options.declareAs !== undefined) await this.declare(messages, this.options.declareAs);
    const results = await Promise.all(messages.map((message) => this.publish(message)));
    const system = results.find((result) => !result.ok && result.error.scope === "system");
    if (system && !system.ok) throw system.error;
    this.backOff.reset();
    return results;
  }

  /** Resolves when writing can work again. */
  async untilReady(error: ConnectorError): Promise<void> {
    if (error.code === "EXCHANGE_UNAVAILABLE") await this.pause(this.backOff.next());
    await this.publisher.ready();
  }

  async close(): Promise<void> {
    this.wake?.();
    await this.publisher.close();
  }

  private wake: (() => void) | undefined;

  private pause(delay: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, delay);
      this.wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  private async publish(message: Outgoing): Promise<ItemResult<undefined>> {
    if (this.confirmed.has(message)) return { ok: true, value: undefined };
    try {
      await this.publisher.publish(message);
      this.confirmed.add(message);
      return { ok: true, value: undefined };
    } catch (error) {
      return { ok: false, error: this.judge(toConnectorError(error)) };
    }
  }

  private judge(error: ConnectorError): ConnectorError {
    if (error.code !== "EXCHANGE_UNAVAILABLE" || this.options.fixedExchange) return error;
    return new ConnectorError(error.code, error.message, { scope: "message", retryable: true, details: error.details, cause: error.cause });
  }

  private async declare(messages: Outgoing[], type: string): Promise<void> {
    for (const { exchange } of messages) {
      if (exchange === "" || this.known.has(exchange)) continue;
      await this.publisher.ready(1_000);
      const { model } = this.options.connection;
      if (!model) throw new ConnectorError("BROKER_UNAVAILABLE", "Not connected to the broker");
      const { known } = this;
      try {
        await ensureExchange(model, exchange, type, this.options.warn);
      } catch (error) {
        // publishing to it fails this message alone, if it must
        if (isConnectorError(error) && error.code === "EXCHANGE_UNAVAILABLE" && !this.options.fixedExchange) continue;
        throw error;
      }
      known.add(exchange);
    }
  }
}
