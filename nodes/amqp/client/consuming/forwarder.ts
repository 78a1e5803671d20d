import type { ChannelModel } from "amqplib";
import { BackOff } from "../../../common/back-off";
import { type ConnectorError, toConnectorError } from "../../../common/errors";
import { Sleepers } from "../../../common/sleep";
import type { Connection } from "../connection/connection";
import { blockedFor } from "../publishing/publish-faults";
import { giveBack, type Taken } from "./taking-channel";
import { Publisher, type Outgoing } from "../publishing/publisher";
import { ANSWER_TIMEOUT } from "../connection/supervised-channel";
import { serverVersion, type ServerVersion } from "../connection/server-version";
import { ensureQueue, type QueueSpec } from "../topology";

/** A copy that is published in place of a message. */
export interface Forwarding {
  /** Makes the copy. @param plain whether to leave out all that perhaps cannot be sent, see `copyOf` */
  copy(plain?: boolean): Outgoing;
  /** Returns the queue that the copy goes to. If it is missing, it is declared, if {@link ForwarderOptions.declare} allows that. */
  queue(server: ServerVersion): QueueSpec;
  /** Called when the queue is missing and must not be declared: the forwarding ends then. Default: wait until the queue is there. */
  missing?(): void;
}

/** What a forwarder needs. */
export interface ForwarderOptions {
  connection: Connection;
  /** Whether missing queues may be declared. */
  declare: boolean;
  warn(text: string): void;
  /** Called when copies have to wait. @param error why the broker takes a copy not yet; it is published again later. `undefined` when no copy waits any more */
  onForwarding(error: ConnectorError | undefined): void;
  /**
   * For how many ms a copy may wait before its message is given back. Only this message comes again then, while the broker would take back all messages of the channel.
   * `Infinity`: it is never given back.
   */
  longest: number;
}

/** A copy on its way. */
interface Running {
  taken: Taken;
  /** When it began, by `performance.now()`. */
  since: number;
  ended: Promise<void>;
}

/**
 * Replaces messages by copies: publishes the copy, waits for the confirm, and only then acknowledges the message. If anything happens in between, the message stays
 * where it was, and at worst there are two of it.
 */
export class Forwarder {
  private readonly publisher: Publisher;
  /** The copies on their way, the oldest first. */
  private readonly running = new Map<Forwarding, Running>();
  private readonly watch: NodeJS.Timeout | undefined;
  /** Those that {@link ForwarderOptions.onForwarding} was called for and that still wait. */
  private readonly waiting = new Set<Forwarding>();
  /** Missing queues that are being declared, by name, since many copies may go to one queue. */
  private readonly making = new Map<string, Promise<boolean>>();
  private readonly sleepers = new Sleepers();
  private readonly unsubscribe: () => void;
  private closed = false;

  constructor(private readonly options: ForwarderOptions) {
    this.publisher = new Publisher({ connection: options.connection });
    this.unsubscribe = options.connection.subscribe({ state: () => this.tellBlocked(this.running.keys()) });
    if (options.longest < Infinity) this.watch = setInterval(() => this.look(), Math.max(20, options.longest / 30)).unref();
  }

  /** Forwards the message `taken`. The prefetch limits how many are forwarded at the same time. */
  forward(taken: Taken, forwarding: Forwarding): void {
    const ended = this.run(taken, forwarding)
      .catch((error: unknown) => {
        // after an error in our own code the message must not stay here: the broker delivers it again
        this.options.warn(toConnectorError(error).message);
        giveBack(taken);
      })
      .finally(() => {
        this.running.delete(forwarding);
        if (this.waiting.delete(forwarding) && this.waiting.size === 0 && !this.closed) this.options.onForwarding(undefined);
      });
    this.running.set(forwarding, { taken, since: performance.now(), ended });
    this.tellBlocked([forwarding]);
  }

  /** Resolves when nothing is being forwarded. */
  async idle(): Promise<void> {
    while (this.running.size > 0) await Promise.all([...this.running.values()].map(({ ended }) => ended));
  }

  /** Ends all waiting at once. Messages whose copies are not confirmed stay open, and their consumer gives them back. Resolves when the channel is closed. */
  async close(): Promise<void> {
    this.closed = true;
    clearInterval(this.watch);
    this.unsubscribe();
    this.sleepers.wake();
    await this.publisher.close(1_000); // together with the 8 s for the flow, this is less than the 10 s that the config node waits before it closes the connections
    await this.idle();
  }

  private async run(taken: Taken, forwarding: Forwarding): Promise<void> {
    const { window, message } = taken;
    const { deliveryTag } = message.fields;
    // when the broker has taken the message back, it delivers it again: another copy would be a duplicate
    const isWanted = (): boolean => !this.closed && window.holds(deliveryTag);
    let copy = forwarding.copy();
    let plain = false;
    let mended = false;
    const backOff = new BackOff();
    while (isWanted()) {
      try {
        await this.publisher.publish({ ...copy, isWanted });
        window.ack(deliveryTag);
        return;
      } catch (thrown) {
        const error = toConnectorError(thrown);
        if (!isWanted()) return;
        if (error.code === "HEADERS_INVALID" && !plain) {
          copy = forwarding.copy((plain = true));
          continue;
        }
        const again = await this.mend(error, forwarding);
        if (again === "give up") return forwarding.missing?.();
        if (again === "again" && !mended) {
          mended = true; // if declaring the queue did not help, the next attempt waits
          continue;
        }
        this.tell(error, [forwarding]);
        await this.wait(backOff.next());
      }
    }
  }

  private look(): void {
    const due = performance.now() - this.options.longest;
    for (const { taken, since } of this.running.values()) {
      if (since > due) return;
      giveBack(taken);
    }
  }

  private async mend(error: ConnectorError, forwarding: Forwarding): Promise<"again" | "wait" | "give up"> {
    if (error.code !== "PUBLISH_RETURNED") return "wait";
    if (!this.options.declare) {
      this.options.warn(`${error.message}. It is not made, because the node may only use what exists`);
      return forwarding.missing ? "give up" : "wait";
    }
    const { model } = this.options.connection;
    return model && (await this.make(model, forwarding.queue(serverVersion(model)))) ? "again" : "wait";
  }

  /** Declares a missing queue. @returns whether it is there now; false also when the broker does not answer in time, as while it blocks */
  private make(model: ChannelModel, spec: QueueSpec): Promise<boolean> {
    const begun = this.making.get(spec.name);
    if (begun) return begun;
    const made = ensureQueue(model, spec, this.options.warn).then(
      () => true,
      () => false,
    );
    const inTime = Promise.race([made, this.sleepers.sleep(ANSWER_TIMEOUT).then(() => false)]).finally(() => this.making.delete(spec.name));
    this.making.set(spec.name, inTime);
    return inTime;
  }

  /** Reports these copies as waiting if the broker blocks publishing. It does not answer then, so there is no error that would show it. */
  private tellBlocked(forwardings: Iterable<Forwarding>): void {
    const { state } = this.options.connection;
    if (state.kind === "blocked") this.tell(blockedFor(state.reason), forwardings);
  }

  private tell(error: ConnectorError, forwardings: Iterable<Forwarding>): void {
    for (const forwarding of forwardings) this.waiting.add(forwarding);
    if (this.waiting.size > 0) this.options.onForwarding(error);
  }

  /** Waits for `delay` ms, and then until there is a channel. */
  private async wait(delay: number): Promise<void> {
    await this.sleepers.sleep(delay);
    if (!this.closed) await this.publisher.ready().catch(() => undefined);
  }
}
