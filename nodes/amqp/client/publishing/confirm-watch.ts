import { systemClock, type Clock } from "../../../common/clock";
import type { Outgoing } from "./publisher-options";

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
 * The same happens for a single queue, without end, once the policy that limited a full quorum queue is deleted (3.10.8).
 */
const REFUSING = 10_000;

/** For how many destinations the start of their refusals is remembered. When there are more, all are forgotten. */
const MOST_REFUSING = 100;

/** The destination of a message. */
type Place = Pick<Outgoing, "exchange" | "routingKey">;

const keyOf = ({ exchange, routingKey }: Place): string => JSON.stringify([exchange, routingKey]);

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
  /** Since when a destination has refused all that it was sent on the present channel. */
  private readonly refusing = new Map<string, number>();
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
    this.refusing.clear();
    if (reconnected) this.patience = this.options.timeout;
  }

  /** A message was confirmed. @param sentAt when it was sent */
  confirmed(sentAt: number, place: Place): void {
    if (this.refusing.size > 0) this.refusing.delete(keyOf(place));
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

  /** Notes that a message was refused. */
  refused(place: Place): void {
    const key = keyOf(place);
    if (this.refusing.has(key)) return;
    if (this.refusing.size >= MOST_REFUSING) this.refusing.clear();
    this.refusing.set(key, this.clock.ticks());
  }

  /** Whether the channel is given up because it has refused everything, or everything for this destination, for long. To be called after {@link refused}, when nothing is uncertain. */
  givesUpRefusing(place: Place): boolean {
    const now = this.clock.ticks();
    const since = Math.min(this.confirmedAt, this.refusing.get(keyOf(place)) ?? now);
    if (now - Math.max(since, this.renewedAt) < REFUSING) return false;
    this.renewedAt = now;
    return true;
  }
}
