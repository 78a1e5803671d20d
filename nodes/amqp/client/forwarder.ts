import type { ChannelModel } from "amqplib";
import { BackOff } from "../../common/back-off";
import { type ConnectorError, toConnectorError } from "../../common/errors";
import { Sleepers } from "../../common/sleep";
import type { Connection } from "./connection";
import { blockedFor } from "./publish-faults";
import type { Taken } from "./taking-channel";
import { Publisher, type Outgoing } from "./publisher";
import { ANSWER_TIMEOUT } from "./supervised-channel";
import { ensureQueue, serverVersion, type QueueSpec, type ServerVersion } from "./topology";

/** A copy that is to take a message's place. */
export interface Forwarding {
  /** @param plain so that it can be sent whatever the original has on it */
  copy(plain?: boolean): Outgoing;
  /** The queue it goes to: made when it has gone missing, if that is allowed. */
  queue(server: ServerVersion): QueueSpec;
  /** Takes over when the queue is missing and must not be made. Default: wait for it. */
  missing?(): void;
  /** It has waited as long as the message may be kept. Called again and again until it is no longer needed. */
  overdue(): void;
}

/** What a forwarder needs. */
export interface ForwarderOptions {
  connection: Connection;
  /** Whether missing queues may be made. */
  declare: boolean;
  warn(text: string): void;
  /** @param error why a copy is not taken at present, which will be tried again; `undefined` when none has to wait any more */
  onForwarding(error: ConnectorError | undefined): void;
  /** ms that a copy may wait until it is {@link Forwarding.overdue}; `Infinity` for ever. */
  longest: number;
}

/** A copy on its way. */
interface Running {
  /** By the clock that nobody sets. */
  since: number;
  ended: Promise<void>;
}

/**
 * Puts copies in the place of messages: the copy is published, confirmed, and only then the message is acknowledged. Whatever happens
 * between, the message stays where it was, and at worst there are two of it.
 */
export class Forwarder {
  private readonly publisher: Publisher;
  /** The oldest first. */
  private readonly running = new Map<Forwarding, Running>();
  private readonly watch: NodeJS.Timeout | undefined;
  /** Those of which it was said that they wait. */
  private readonly waiting = new Set<Forwarding>();
  /** Missing queues that are being made, by name: many copies may go to one. */
  private readonly making = new Map<string, Promise<boolean>>();
  private readonly sleepers = new Sleepers();
  private readonly unsubscribe: () => void;
  private closed = false;

  constructor(private readonly options: ForwarderOptions) {
    this.publisher = new Publisher({ connection: options.connection });
    this.unsubscribe = options.connection.subscribe({ state: () => this.tellBlocked(this.running.keys()) });
    if (options.longest < Infinity) this.watch = setInterval(() => this.look(), Math.max(20, options.longest / 30)).unref();
  }

  /** Forwards `taken`. At most as many at once as the prefetch lets be taken. */
  forward(taken: Taken, forwarding: Forwarding): void {
    const ended = this.run(taken, forwarding)
      .catch((error: unknown) => {
        // a fault of ours must not keep the message: the broker gives it out again
        this.options.warn(toConnectorError(error).message);
        taken.window.giveBack(taken.message.fields.deliveryTag);
      })
      .finally(() => {
        this.running.delete(forwarding);
        if (this.waiting.delete(forwarding) && this.waiting.size === 0 && !this.closed) this.options.onForwarding(undefined);
      });
    this.running.set(forwarding, { since: performance.now(), ended });
    this.tellBlocked([forwarding]);
  }

  /** Resolves when nothing is being forwarded. */
  async idle(): Promise<void> {
    while (this.running.size > 0) await Promise.all([...this.running.values()].map(({ ended }) => ended));
  }

  /** Stops waiting, at once; what is not confirmed stays open on its window, for its consumer to give back. Resolves when the channel is closed. */
  async close(): Promise<void> {
    this.closed = true;
    clearInterval(this.watch);
    this.unsubscribe();
    this.sleepers.wake();
    await this.publisher.close(1_000); // with the 8 s for the flow, less than the config node waits with closing the connections
    await this.idle();
  }

  private async run(taken: Taken, forwarding: Forwarding): Promise<void> {
    const { window, message } = taken;
    const { deliveryTag } = message.fields;
    // where the broker has taken it back, it gives it out again: another copy would be one too many
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
          mended = true; // where that was of no use, not at once a second time
          continue;
        }
        this.tell(error, [forwarding]);
        await this.wait(backOff.next());
      }
    }
  }

  private look(): void {
    const due = performance.now() - this.options.longest;
    for (const [forwarding, { since }] of this.running) {
      if (since > due) return;
      forwarding.overdue();
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

  /** @returns whether the queue is there; a broker may block, and not answer */
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

  /** What is published while the broker blocks stays unanswered: no error tells of it. */
  private tellBlocked(forwardings: Iterable<Forwarding>): void {
    const { state } = this.options.connection;
    if (state.kind === "blocked") this.tell(blockedFor(state.reason), forwardings);
  }

  private tell(error: ConnectorError, forwardings: Iterable<Forwarding>): void {
    for (const forwarding of forwardings) this.waiting.add(forwarding);
    if (this.waiting.size > 0) this.options.onForwarding(error);
  }

  /** Until there is a channel again, and a moment more. */
  private async wait(delay: number): Promise<void> {
    await this.sleepers.sleep(delay);
    if (!this.closed) await this.publisher.ready().catch(() => undefined);
  }
}
