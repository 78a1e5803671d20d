/** Counts the rows in the flow, and lets readers wait until there is room for more. */
export class Room {
  private count = 0;
  private closed = false;
  private readonly waiting = new Set<() => void>();

  /** @param most how many rows may be in the flow at once. A batch that is larger may go when there are no others */
  constructor(private readonly most: number) {}

  /** How many rows are in the flow. */
  get taken(): number {
    return this.count;
  }

  /** How many more rows fit at present. */
  get free(): number {
    return Math.max(0, this.most - this.count);
  }

  /** So many rows went into the flow. */
  take(rows: number): void {
    this.count += rows;
  }

  /** So many rows have left the flow. */
  leave(rows: number): void {
    this.count -= rows;
    this.wake();
  }

  /** Whether so many rows may go into the flow now. Once closed, any number may. */
  fits(rows: number): boolean {
    return this.closed || this.count === 0 || this.count + rows <= this.most;
  }

  /** Resolves when so many rows may go, or when the room is closed. */
  async until(rows: number): Promise<void> {
    while (!this.fits(rows)) await this.change();
  }

  /** Resolves when rows have left, or when {@link wake} was called for another reason to look again. */
  change(): Promise<void> {
    return new Promise((resolve) => this.waiting.add(resolve));
  }

  /** Makes all who wait look again. */
  wake(): void {
    for (const resolve of this.waiting) resolve();
    this.waiting.clear();
  }

  /** Ends all waits. */
  close(): void {
    this.closed = true;
    this.wake();
  }
}
