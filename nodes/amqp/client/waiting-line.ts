/** What {@link WaitingLine} needs. */
export interface WaitingLineOptions<T> {
  /** So many may wait without a look at whether they are still wanted. */
  unseen: number;
  isWanted(item: T): boolean;
  /** It has waited in vain and is forgotten. */
  onUnwanted(item: T): void;
}

/**
 * Who waits for a turn, in order. A broker may block for hours: meanwhile it takes back what waits for its copy, and gives it out again to wait
 * for another. So the line looks, whenever it has doubled, for some that need not wait any longer.
 */
export class WaitingLine<T> {
  private items: T[] = [];
  private lookAbove: number;

  constructor(private readonly options: WaitingLineOptions<T>) {
    this.lookAbove = options.unseen;
  }

  /** How many wait. */
  get size(): number {
    return this.items.length;
  }

  /** Goes to the end. */
  add(item: T): void {
    this.items.push(item);
    if (this.items.length > this.lookAbove) this.tidy();
  }

  /** The first, who waits no more. */
  next(): T | undefined {
    return this.items.shift();
  }

  /** All, who wait no more. */
  clear(): T[] {
    return this.items.splice(0);
  }

  private tidy(): void {
    const { unseen, isWanted, onUnwanted } = this.options;
    const wanted: T[] = [];
    const unwanted: T[] = [];
    for (const item of this.items) (isWanted(item) ? wanted : unwanted).push(item);
    this.items = wanted;
    this.lookAbove = Math.max(unseen, 2 * wanted.length);
    for (const item of unwanted) onUnwanted(item); // at last: they may add to the line
  }
}
