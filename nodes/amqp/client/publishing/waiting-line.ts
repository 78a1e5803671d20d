/** The options of a {@link WaitingLine}. */
export interface WaitingLineOptions<T> {
  /** How many items may wait before the line checks whether they are still wanted. */
  unseen: number;
  isWanted(item: T): boolean;
  /** Called for an item that is not wanted any more and was removed. */
  onUnwanted(item: T): void;
}

/**
 * Items that wait for their turn, in order. A broker may block for hours. Meanwhile it takes back messages whose copies wait here and delivers them again, so that more
 * copies are added. So each time the line has doubled, it removes the items that are not wanted any more.
 */
export class WaitingLine<T> {
  private items: T[] = [];
  private lookAbove: number;

  constructor(private readonly options: WaitingLineOptions<T>) {
    this.lookAbove = options.unseen;
  }

  /** How many items wait. */
  get size(): number {
    return this.items.length;
  }

  /** Adds an item at the end. */
  add(item: T): void {
    this.items.push(item);
    if (this.items.length > this.lookAbove) this.tidy();
  }

  /** Removes the first item. @returns that item; `undefined` when none waits */
  next(): T | undefined {
    return this.items.shift();
  }

  /** Removes all items. @returns those items */
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
    for (const item of unwanted) onUnwanted(item); // last, because a callback may add to the line
  }
}
