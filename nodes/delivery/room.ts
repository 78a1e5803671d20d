/** How many rows are in the flow, and the wait for room for more. */
export class Room {
  private count = 0;
  private closed = false;
  private readonly waiting = new Set<() => void>();

  /** @param most rows in the flow at once; a batch that is larger goes alone */
  constructor(private readonly most: number) {}

  /** Rows in the flow. */
  get taken(): number {
    return this.count;
  }

  /** How many rows fit at present. */
  get free(): number {
    return Math.max(0, this.most - this.count);
  }

  take(rows: number): void {
    this.count += rows;
  }

  leave(rows: number): void {
    this.count -= rows;
    this.wake();
  }

  /** Whether so many rows may go. */
  fits(rows: number): boolean {
    return this.closed || this.count === 0 || this.count + rows <= this.most;
  }

  /** Resolves when so many rows may go, or there is nothing to wait for any more. */
  async until(rows: number): Promise<void> {
    while (!this.fits(rows)) await this.change();
  }

  /** Resolves when it is worth to look again. */
  change(): Promise<void> {
    return new Promise((resolve) => this.waiting.add(resolve));
  }

  /** Who waits looks again. */
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
