import { getHeapStatistics } from "node:v8";
import type { AckTarget } from "./ack-window";

/** Bytes of content. Of what is smaller the prefetch lets few enough be here: 400 are 25 MB. */
const LARGE = 64 * 1024;

/** Bytes of large messages that may be open at once: an eighth of what Node-RED may use, since in the flow each is a value, too, and copies of it. */
const MOST_BYTES = getHeapStatistics().heap_size_limit / 8;

/** When so many small ones have come in a row, the large ones have passed: one night's must not slow a node down for months. */
const PASSED = 1_000;

/**
 * Sees to it that large messages do not fill the memory. A broker limits what it sends by number only, and sends that many at once: the number is halved
 * when they are too much, until they have passed. Costs nothing where messages are small.
 */
export class LoadLimit {
  /** Bytes of the open ones by delivery tag, in order. */
  private readonly open = new Map<number, number>();
  private bytes = 0;
  private most = Infinity;
  private smallInARow = 0;
  private isTooMuch = false;

  /** @param mostBytes of all that is open */
  constructor(private readonly mostBytes = MOST_BYTES) {}

  /** How many messages may be sent at once. */
  get count(): number {
    return this.most;
  }

  /** Bytes of large messages that there is always room for. */
  get room(): number {
    return this.mostBytes / 2;
  }

  /** They were too much, and half of that is here still: the next might be too much again. */
  get tooMuch(): boolean {
    return this.isTooMuch;
  }

  /** A message came: fewer, or as many as there may be, may be sent from now on. @param tag one more than that of the last @param open how many are, with this one */
  take(tag: number, size: number, open: number): void {
    if (size <= LARGE) return this.tookSmall();
    this.smallInARow = 0;
    this.open.set(tag, size);
    this.bytes += size;
    if (this.bytes <= this.mostBytes) return;
    this.isTooMuch = true;
    const [first = tag] = this.open.keys();
    // many small ones that came before and are slow would make it look as if there could be as many large ones
    this.most = Math.max(1, Math.floor(Math.min(this.most, open, tag - first + 1) / 2));
  }

  /** The broker has an answer. @param tag 0 for all @param multiple whether it is for those before, too */
  answered(tag: number, multiple: boolean): void {
    if (this.open.size === 0) return;
    if (!multiple) return this.forget(tag);
    for (const each of this.open.keys()) {
      if (tag > 0 && each > tag) return;
      this.forget(each);
    }
  }

  /** What tells of each answer to the broker. @param then told, too */
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

  /** The channel is gone, and all with it. */
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
