/** How a {@link Batcher} gathers. */
export interface BatcherOptions<T> {
  /** Most items in one batch. */
  size: number;
  /** How long the first item of a batch waits for company, in ms; 0 for the end of the turn. */
  linger: number;
  /** Most batches at work at once, or what gives it at present. Default 1. */
  concurrency?: number | (() => number);
  /** Items with equal keys are never in two batches at once, nor twice in one, and keep their order. `undefined` for no order. */
  key?: (item: T) => string | undefined;
  /** Works on a batch. Must not reject; each of its items must be given to {@link Batcher.finish} or {@link Batcher.again}. */
  flush: (items: T[]) => Promise<void>;
}

/** Gathers items that arrive together into batches: by size or linger, a bounded number at work, in order per key. */
export class Batcher<T> {
  private ready: T[] = [];
  /** Keys at work or ready, each with the items that wait behind. */
  private readonly busy = new Map<string, T[]>();
  private behind = 0;
  /** Batches at work, in the order they were begun. */
  private readonly atWork: T[][] = [];
  private timer: NodeJS.Timeout | undefined;
  private soon: NodeJS.Immediate | undefined;
  /** The linger of what is ready is over: it goes with the next free slot, full or not. */
  private due = false;
  private paused = false;
  private hurried = false;

  constructor(private readonly options: BatcherOptions<T>) {}

  /** Items that are in no batch yet. */
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

  /** The item is done with: the next of its key may go. */
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

  /** The item goes into a batch once more, before those that wait; its key stays busy. */
  again(item: T): void {
    this.ready.unshift(item);
    this.pump();
  }

  /**
   * Takes out what may go along with a batch that is tried again: what waits behind the latest one.
   *
   * @param batch as it was given to `flush`
   * @param left how many of it are left
   */
  company(batch: readonly T[], left: number): T[] {
    return this.atWork.at(-1) === batch ? this.ready.splice(0, Math.max(0, this.options.size - left)) : [];
  }

  /** Takes out those of `items` that are in no batch; what waits behind one of them for its key moves up. */
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

  /** No new batch until {@link resume}. */
  pause(): void {
    this.paused = true;
  }

  /** New batches again. */
  resume(): void {
    this.paused = false;
    this.due = true;
    this.pump();
  }

  /** What is there lingers no longer: it goes with the next free slot. */
  go(): void {
    if (this.ready.length > 0) this.due = true;
    this.pump();
  }

  /** From now on nothing lingers. */
  hurry(): void {
    this.hurried = true;
    this.due = true;
    this.pump();
  }

  /** Takes out what is in no batch, and stops the clock. */
  clear(): T[] {
    this.stopClock();
    const left = [...this.ready, ...[...this.busy.values()].flat()];
    this.ready = [];
    for (const line of this.busy.values()) line.length = 0;
    this.behind = 0;
    return left;
  }

  /** The items that are in no batch, without taking them out. */
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
