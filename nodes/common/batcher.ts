/** How a {@link Batcher} gathers. */
export interface BatcherOptions<T> {
  /** Most items in one batch. */
  size: number;
  /** How long the first item of a batch waits for others, in ms; 0 means until the end of this turn of the event loop. */
  linger: number;
  /** How many batches may be flushed at the same time, as a number or as a function that is asked each time. Default 1. */
  concurrency?: number | (() => number);
  /** Items with equal keys keep their order: no two of them are in one batch, or in two batches at the same time. `undefined` means that the item has no order to keep. */
  key?: (item: T) => string | undefined;
  /** Works on one batch. It must not reject, and must hand each item of the batch to {@link Batcher.finish} or {@link Batcher.again}. */
  flush: (items: T[]) => Promise<void>;
}

/** Gathers items into batches. A batch is flushed when it is full or its first item has waited long enough; the number of batches at work is bounded, and items of one key keep their order. */
export class Batcher<T> {
  private ready: T[] = [];
  /** Each key of which an item is ready or being flushed, with the items of that key that wait for it. */
  private readonly busy = new Map<string, T[]>();
  /** How many items wait in {@link busy}. */
  private behind = 0;
  /** Batches that are being flushed, in the order they were begun. */
  private readonly atWork: T[][] = [];
  private timer: NodeJS.Timeout | undefined;
  private soon: NodeJS.Immediate | undefined;
  /** What is ready has waited long enough: it goes into the next batch, full or not. */
  private due = false;
  private paused = false;
  /** Nothing waits for company any more: {@link hurry} was called. */
  private hurried = false;

  constructor(private readonly options: BatcherOptions<T>) {}

  /** How many items are in no batch yet. */
  get waiting(): number {
    return this.ready.length + this.behind;
  }

  /** Adds one item. */
  add(item: T): void {
    const key = this.options.key?.(item);
    if (key !== undefined) {
      const line = this.busy.get(key);
      if (line) {
        line.push(item);
        this.behind += 1;
        return;
      }
      this.busy.set(key, []);
    }
    this.ready.push(item);
    this.pump();
  }

  /** The item is done with, so the next one of its key may go. */
  finish(item: T): void {
    const key = this.options.key?.(item);
    if (key === undefined) return;
    const line = this.busy.get(key);
    const next = line?.shift();
    if (next === undefined) {
      this.busy.delete(key);
      return;
    }
    this.behind -= 1;
    this.ready.push(next);
    this.pump();
  }

  /** Puts an item that was flushed into a batch again, ahead of those that wait. Items of the same key go on waiting for it. */
  again(item: T): void {
    this.ready.unshift(item);
    this.pump();
  }

  /**
   * Takes out ready items that can fill up a batch which is tried again. Only the batch that was begun last gets any.
   *
   * @param batch the very array that was given to `flush`
   * @param left how many of its items are still to be worked on
   */
  company(batch: readonly T[], left: number): T[] {
    return this.atWork.at(-1) === batch ? this.ready.splice(0, Math.max(0, this.options.size - left)) : [];
  }

  /** Removes those of `items` that are in no batch. The next item of the same key moves up. */
  remove(items: ReadonlySet<T>): void {
    for (const [key, line] of this.busy) {
      const left = line.filter((item) => !items.has(item));
      this.behind -= line.length - left.length;
      this.busy.set(key, left);
    }
    const out = this.ready.filter((item) => items.has(item));
    if (out.length === 0) return;
    this.ready = this.ready.filter((item) => !items.has(item));
    for (const item of out) this.finish(item);
  }

  /** Begins no new batch until {@link resume} is called. */
  pause(): void {
    this.paused = true;
  }

  /** Begins batches again, the first one at once. */
  resume(): void {
    this.paused = false;
    this.due = true;
    this.pump();
  }

  /** Flushes what is ready without waiting for more, as soon as another batch may begin. */
  go(): void {
    if (this.ready.length > 0) this.due = true;
    this.pump();
  }

  /** From now on nothing waits for more: as {@link go}, for good. */
  hurry(): void {
    this.hurried = true;
    this.due = true;
    this.pump();
  }

  /** Removes and returns all items that are in no batch. */
  clear(): T[] {
    this.stopClock();
    const left = [...this.ready, ...[...this.busy.values()].flat()];
    this.ready = [];
    for (const line of this.busy.values()) line.length = 0;
    this.behind = 0;
    return left;
  }

  /** The items that are in no batch. They stay where they are. */
  *items(): Iterable<T> {
    yield* this.ready;
    for (const line of this.busy.values()) yield* line;
  }

  private pump(): void {
    const { size, concurrency = 1 } = this.options;
    const most = typeof concurrency === "number" ? concurrency : concurrency();
    while (!this.paused && this.ready.length > 0 && this.atWork.length < most && (this.ready.length >= size || this.due)) {
      this.stopClock();
      void this.work(this.ready.splice(0, size));
      this.due = this.hurried;
    }
    if (this.ready.length > 0 && !this.due) this.startClock();
  }

  private async work(batch: T[]): Promise<void> {
    this.atWork.push(batch);
    await this.options.flush(batch);
    this.atWork.splice(this.atWork.indexOf(batch), 1);
    this.pump();
  }

  private startClock(): void {
    if (this.timer ?? this.soon) return;
    const ring = (): void => {
      this.timer = this.soon = undefined;
      this.due = true;
      this.pump();
    };
    if (this.options.linger > 0) this.timer = setTimeout(ring, this.options.linger);
    else this.soon = setImmediate(ring);
  }

  private stopClock(): void {
    clearTimeout(this.timer);
    clearImmediate(this.soon);
    this.timer = this.soon = undefined;
  }
}
