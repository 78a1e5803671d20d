import { systemClock, type Clock } from "../../../common/clock";

/** What {@link ConfirmWatch} needs. */
export interface ConfirmWatchOptions {
  /** ms of silence after which the first channel is given up. */
  timeout: number;
  /** Default: the machine's. */
  clock?: Pick<Clock, "ticks">;
}

/**
 * ms without an answer, at most, that a channel is given after others that were silent. A quorum queue that has lost its majority keeps each copy
 * it is sent, and has them all when the majority is back (RabbitMQ 3.10.8): 240 of each message in an hour with 15 s each time, and so 19.
 * A channel made while the leader was gone may stay silent though it is back: it then takes so long, too, but no longer than it was away.
 */
const LONGEST = 240_000;

/**
 * ms without a confirm, from when on a refusal costs the channel. One that first publishes to a quorum queue just as that has lost its leader
 * may be refused everything for long (RabbitMQ 3.10.8 on a busy machine: 7,491 nacks in two minutes); a new channel asks anew for the leader.
 */
const REFUSING = 10_000;

/** Longer ago than any time, also of a process that has just begun. */
const NEVER = -Infinity;

/** Watches what a publisher's channel confirms, and when. Tells which messages are lost and when the channel must be replaced by another. */
export class ConfirmWatch {
  private readonly clock: Pick<Clock, "ticks">;
  /** When the present channel confirmed a message last. */
  private confirmedAt = NEVER;
  /** When the youngest of its confirmed messages was sent. */
  private confirmedUntil = NEVER;
  /** When the network was last seen to take some of what is to be sent. */
  private movedAt = NEVER;
  /** When a channel was last given up for refusing. */
  private renewedAt = NEVER;
  /** ms of silence that costs the present channel: twice as many after each that has confirmed nothing at all. */
  private patience: number;

  constructor(private readonly options: ConfirmWatchOptions) {
    this.clock = options.clock ?? systemClock;
    this.patience = options.timeout;
  }

  /** Whether the present channel has confirmed anything. */
  get hasConfirmed(): boolean {
    return this.confirmedAt > NEVER;
  }

  /** A new channel. @param reconnected on another connection, maybe to another node of the broker: what was silent before tells nothing of it */
  begin(reconnected: boolean): void {
    this.confirmedAt = this.confirmedUntil = this.movedAt = NEVER;
    if (reconnected) this.patience = this.options.timeout;
  }

  /** A message was confirmed. @param sentAt when it was sent */
  confirmed(sentAt: number): void {
    this.confirmedAt = this.clock.ticks();
    this.patience = this.options.timeout;
    if (sentAt > this.confirmedUntil) this.confirmedUntil = sentAt;
  }

  /** The network takes what is to be sent, so the channel is slow, but not silent. */
  moved(): void {
    this.movedAt = this.clock.ticks();
  }

  /** Whether a message sent at that time is lost while others are confirmed, since its queue has no majority, say. */
  isOvertaken(sentAt: number): boolean {
    return sentAt + this.options.timeout < this.confirmedUntil;
  }

  /** @param oldest when the oldest message without an answer was sent @returns after how many ms of silence the channel is given up, if it is now */
  givesUp(oldest: number): number | undefined {
    const { patience } = this;
    if (this.clock.ticks() - Math.max(oldest, this.confirmedAt, this.movedAt) < patience) return undefined;
    if (!this.hasConfirmed) this.patience = Math.max(patience, Math.min(LONGEST, patience * 2));
    return patience;
  }

  /** A message was refused, and nothing is uncertain. @returns whether the channel is given up for it */
  givesUpRefusing(): boolean {
    const now = this.clock.ticks();
    if (now - Math.max(this.confirmedAt, this.renewedAt) < REFUSING) return false;
    this.renewedAt = now;
    return true;
  }
}
