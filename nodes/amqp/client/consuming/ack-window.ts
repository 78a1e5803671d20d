/** The part of a channel that the window uses. */
export interface AckTarget {
  ack(tag: number, multiple: boolean): void;
  nack(tag: number, multiple: boolean, requeue: boolean): void;
}

const OPEN = 0;
const TO_ACK = 1;
const SENT = 2;

/** How many states are kept. With more, open deliveries among the oldest are set apart: one that stays open for 25 min at 10,000/s would otherwise cost 15 million states. */
const MAX_STATES = 16_384;

/**
 * Acknowledges the deliveries of one channel with as few frames as possible. At the end of the turn, all that are settled, from the oldest up to the first open
 * one, are acknowledged by one ack(multiple); those behind an open one by an ack each. This took a flow from a queue to a table from half the throughput of a
 * hand-written script to about the same.
 *
 * A window belongs to one channel. Once closed it sends nothing, so that no tag of a lost channel is sent on a new one: the broker would answer 406 and close that
 * one, too.
 */
export class AckWindow {
  /** States of the tags from `first` on. The broker numbers deliveries by tags that rise by one. */
  private states: number[] = [];
  private first = 1;
  /** Open tags below `first`. While there are any, ack(multiple) is not used, since it would acknowledge them, too. */
  private readonly apart = new Set<number>();
  private settled: number[] = [];
  private scheduled: NodeJS.Immediate | undefined;
  private open = true;
  private openTags = 0;

  constructor(private readonly target: AckTarget) {}

  /** How many deliveries are not settled yet. */
  get outstanding(): number {
    return this.openTags;
  }

  /** Whether the channel is gone, and its deliveries with it. */
  get closed(): boolean {
    return !this.open;
  }

  /** Whether a delivery is still open: neither settled nor lost with its channel. */
  holds(tag: number): boolean {
    return this.open && (tag < this.first ? this.apart.has(tag) : this.states[tag - this.first] === OPEN);
  }

  /** A delivery has arrived. Its tag is the highest so far. */
  take(tag: number): void {
    if (this.states.length === 0) this.first = tag;
    this.states.push(OPEN);
    this.openTags += 1;
  }

  /** Acknowledges a delivery, at the end of this turn of the event loop. */
  ack(tag: number): void {
    if (!this.mark(tag, TO_ACK)) return;
    if (tag < this.first) return this.target.ack(tag, false);
    this.settled.push(tag);
    this.scheduled ??= setImmediate(() => this.flush());
  }

  /** Gives a delivery back to the queue, at once. */
  giveBack(tag: number): void {
    if (!this.mark(tag, SENT)) return;
    this.target.nack(tag, false, true);
  }

  /** Gives back all open deliveries with tags up to `last`, by one nack, after sending the acks that wait. @returns how many */
  giveBackUpTo(last: number): number {
    this.flush();
    if (!this.open) return 0;
    const given = [...this.apart].filter((tag) => tag <= last); // in their order
    for (const tag of given) this.apart.delete(tag);
    for (let index = 0; index < this.states.length && this.first + index <= last; index += 1) {
      if (this.states[index] !== OPEN) continue;
      this.states[index] = SENT;
      given.push(this.first + index);
    }
    this.openTags -= given.length;
    // not `last` itself, since the broker would treat a tag that is not open as an error
    const highest = given.at(-1);
    if (highest !== undefined) this.target.nack(highest, given.length > 1, true);
    return given.length;
  }

  /** Gives everything back that is still open, after sending the acks that wait. */
  giveBackAll(): void {
    this.flush();
    if (!this.open || this.openTags === 0) return;
    this.openTags = 0;
    this.states = [];
    this.apart.clear();
    this.target.nack(0, true, true);
  }

  /** Sends the acks that wait. */
  flush(): void {
    if (this.scheduled) clearImmediate(this.scheduled);
    this.scheduled = undefined;
    if (!this.open || this.settled.length === 0) return;
    const settled = this.settled;
    this.settled = [];

    const run = this.takeSettledRun();
    const together = this.apart.size === 0;
    if (together && run.count > 0) this.target.ack(run.last, run.count > 1);
    for (const tag of settled) {
      if (tag <= run.last && together) continue;
      if (tag >= this.first) this.states[tag - this.first] = SENT;
      this.target.ack(tag, false);
    }
    if (this.states.length > MAX_STATES) this.setApart(MAX_STATES / 2);
  }

  /** The channel is gone: nothing is sent any more. */
  close(): void {
    this.open = false;
    if (this.scheduled) clearImmediate(this.scheduled);
    this.states = [];
    this.apart.clear();
    this.settled = [];
    this.openTags = 0;
  }

  private mark(tag: number, state: number): boolean {
    if (!this.open) return false;
    if (tag < this.first) {
      if (!this.apart.delete(tag)) return false;
    } else {
      if (this.states[tag - this.first] !== OPEN) return false;
      this.states[tag - this.first] = state;
    }
    this.openTags -= 1;
    return true;
  }

  /** Drops the states of all but the newest `kept` tags, and keeps the tags of the open ones among them in {@link apart}. To be called when all acks are sent. */
  private setApart(kept: number): void {
    const old = this.states.splice(0, this.states.length - kept);
    old.forEach((state, index) => state === OPEN && this.apart.add(this.first + index));
    this.first += old.length;
  }

  /** Moves `first` to the oldest open tag. @returns `last`: the highest tag before it whose ack is not sent yet; `count`: how many such tags there are */
  private takeSettledRun(): { last: number; count: number } {
    let length = 0;
    let last = 0;
    let count = 0;
    while (length < this.states.length && this.states[length] !== OPEN) {
      if (this.states[length] === TO_ACK) {
        last = this.first + length;
        count += 1;
      }
      length += 1;
    }
    this.states.splice(0, length);
    this.first += length;
    return { last, count };
  }
}
