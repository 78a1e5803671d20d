/** What {@link Patience} asks and tells. */
export interface PatienceOptions<T> {
  /** ms that an item may wait. */
  limit: number;
  /** Whether an item must not be given up right now. */
  busy(item: T): boolean;
  /** Told of items that have waited too long, longest first. They are forgotten here. */
  onOver(items: T[]): void;
}

/** Least ms between two looks. Items are given up together, for giving up costs whoever is told a look through all that it has. */
const STEP = 50;

/** Gives up items that wait too long, with a single timer for the one that waits longest. */
export class Patience<T> {
  /** Since when they wait, longest first. */
  private readonly since = new Map<T, number>();
  private timer: NodeJS.Timeout | undefined;
  private closed = false;

  constructor(private readonly options: PatienceOptions<T>) {}

  /** An item begins to wait. */
  add(item: T): void {
    if (this.closed) return;
    this.since.set(item, performance.now()); // no clock that may be set
    this.timer ??= setTimeout(() => this.look(), this.options.limit);
  }

  /** An item waits no more. */
  delete(item: T): void {
    this.since.delete(item);
  }

  /** Gives up nothing any more. */
  close(): void {
    this.closed = true;
    clearTimeout(this.timer);
    this.since.clear();
  }

  private look(): void {
    const { limit, busy, onOver } = this.options;
    this.timer = undefined;
    const now = performance.now();
    const over: T[] = [];
    for (const [item, since] of this.since) {
      if (now - since < limit) break;
      if (!busy(item)) over.push(item);
    }
    for (const item of over) this.since.delete(item);
    if (over.length > 0) onOver(over);
    const next = this.since.values().next().value;
    if (next !== undefined) this.timer ??= setTimeout(() => this.look(), Math.max(STEP, next + limit - now));
  }
}
