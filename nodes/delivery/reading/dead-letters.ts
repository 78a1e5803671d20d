import { nameOf, type NodeName } from "../outcome";
import type { Room } from "./room";
import type { Failure, Parcel, RowDeliveries } from "./row-deliveries";

/** What `msg.error` says of a dead letter. */
export interface DeadLetterReason {
  code: string;
  message: string;
  /** How often it was tried. */
  attempts: number;
  /** The node at fault, when one is. */
  source?: NodeName;
}

/** A message that has failed for good, and what to call when the flow behind the output for dead letters has finished with it. */
export interface DeadLetter {
  message(): object;
  size: number;
  failure: Failure;
  finished(): void;
}

/** What {@link DeadLetters} needs. */
export interface DeadLettersOptions {
  /** Bounds what is in the flow. Dead letters that wait for another try count in it. */
  room: Room;
  deliveries: () => RowDeliveries;
  /** Which output they go to, from 0. */
  output: number;
  isWired(): boolean;
  /** Told when some cannot go anywhere because nothing is wired, and when none is left that cannot. */
  onStuck(stuck: boolean): void;
  /** ms until a dead letter that has failed again in the flow behind the output is sent again. */
  delay: number;
  warn(text: string): void;
}

/** Sends what has failed for good to an output of its own, again and again until the flow there has finished with it: a dead letter is never given up. */
export class DeadLetters {
  /** Those that wait because nothing is wired to the output. */
  private readonly stuck: DeadLetter[] = [];
  private readonly timers = new Set<NodeJS.Timeout>();

  constructor(private readonly options: DeadLettersOptions) {}

  /** How many wait because nothing is wired to the output. */
  get waiting(): number {
    return this.stuck.length;
  }

  add(letter: DeadLetter): void {
    if (this.options.isWired()) return this.hand(letter);
    this.stuck.push(letter);
    if (this.stuck.length === 1) this.options.warn(`A dead letter goes nowhere, and the node stops until its output for them is wired: ${letter.failure.error.message}`);
    this.options.onStuck(true);
  }

  /** Sends those that wait if something is wired now. To be called when wires may have changed. */
  look(): void {
    if (this.stuck.length === 0 || !this.options.isWired()) return;
    for (const letter of this.stuck.splice(0)) this.hand(letter);
    this.options.onStuck(false);
  }

  close(): void {
    for (const timer of this.timers) clearTimeout(timer);
  }

  private hand(letter: DeadLetter): void {
    const { error, node, attempts } = letter.failure;
    const reason: DeadLetterReason = { code: error.code, message: error.message, attempts, ...(node ? { source: nameOf(node) } : {}) };
    const parcel: Parcel = {
      size: letter.size,
      output: this.options.output,
      message: () => ({ ...letter.message(), error: { ...reason } }),
      accepted: () => {
        letter.finished();
        letter.failure.buried?.();
      },
      failed: ({ error: why }) => {
        this.options.warn(`A dead letter could not be taken, and is tried again: ${why.message}`);
        this.later(letter);
      },
      released: () => undefined, // what it came from is read again after the restart
    };
    this.options.deliveries().hand(parcel);
  }

  private later(letter: DeadLetter): void {
    const { room, delay } = this.options;
    room.take(letter.size);
    const timer = setTimeout(() => {
      this.timers.delete(timer);
      room.leave(letter.size);
      this.add(letter);
    }, delay);
    this.timers.add(timer);
  }
}
