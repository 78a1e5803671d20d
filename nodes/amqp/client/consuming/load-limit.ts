import { getHeapStatistics } from "node:v8";
import type { AckTarget } from "./ack-window";

/** Messages with more bytes of content are large. Of smaller ones, the prefetch lets few enough be here: 400 are 25 MB. */
const LARGE = 64 * 1024;

/** How many bytes of large messages may be open at once: an eighth of the memory that Node-RED may use, since in the flow each is decoded, and copied, too. */
const MOST_BYTES = getHeapStatistics().heap_size_limit / 8;

/** After so many small messages in a row the limit ends: the large ones of one night must not slow a node down for months. */
const PASSED = 1_000;

/**
 * Keeps large messages from filling the memory. A broker limits what it sends by number only, so when the open messages are too many bytes, the number is
 * halved, until only small messages come. Costs nothing where messages are small.
 */
export class LoadLimit {
  /** Bytes of each large message that is open, by its delivery tag, in order. */
  private readonly open = new Map<number, number>();
  private bytes = 0;
  private most = Infinity;
  private smallInARow = 0;
  private isTooMuch = false;

  /** @param mostBytes how many bytes of large messages may be open at once */
  constructor(private readonly mostBytes = MOST_BYTES) {}

  /** How many messages the broker may send at once. */
  get count(): number {
    return this.most;
  }

  /** How many bytes of large messages there is always room for. */
  get room(): number {
    return this.mostBytes / 2;
  }

  /** Whether there were too many bytes and still are more than half as many as there may be, so that more messages might be too much again. */
  get tooMuch(): boolean {
    return this.isTooMuch;
  }

  /** A message came. This may change {@link count}. @param tag its delivery tag @param size bytes of content @param open how many messages are open, this one included */
  take(tag: number, size: number, open: number): void {
    if (size <= LARGE) return this.tookSmall();
    this.smallInARow = 0;
    this.open.set(tag, size);
    this.bytes += size;
    if (this.bytes <= this.mostBytes) return;
    this.isTooMuch = true;
    const [first = tag] = this.open.keys();
    // counted from the first large one on: if small ones that came before are slow, they say nothing of how many large ones are too many
    this.most = Math.max(1, Math.floor(Math.min(this.most, open, tag - first + 1) / 2));
  }

  /** Messages were answered. @param tag delivery tag; with `multiple`, 0 stands for all @param multiple whether all before it were answered, too */
  answered(tag: number, multiple: boolean): void {
    if (this.open.size === 0) return;
    if (!multiple) return this.forget(tag);
    for (const each of this.open.keys()) {
      if (tag > 0 && each > tag) return;
      this.forget(each);
    }
  }

  /** Wraps the way of answers to the broker, and takes note of each. @param then called after each answer */
  watching(broker: AckTarget, then?: () => void): AckTarget {
    return {
      ack: (tag, multiple) => {
        broker.ack(tag, multiple);
        this.answered(tag, multiple);
        then?.();
      },
      nack: (tag, multiple, requeue) => {
        broker.nack(tag, multiple, requeue);
        this.answered(tag, multiple);
        then?.();
      },
    };
  }

  /** The channel is lost, and with it all open messages. */
  clear(): void {
    this.open.clear();
    this.bytes = 0;
    this.isTooMuch = false;
  }

  private tookSmall(): void {
    if (this.most === Infinity) return;
    this.smallInARow += 1;
    if (this.smallInARow >= PASSED) this.most = Infinity;
  }

  private forget(tag: number): void {
    this.bytes -= this.open.get(tag) ?? 0;
    this.open.delete(tag);
    if (this.bytes * 2 < this.mostBytes) this.isTooMuch = false;
  }
}
