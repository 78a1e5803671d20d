/** ms before the first repetition; the delay doubles with each. */
const DELAY = 50;

/** Items that have failed and wait a moment until they are tried again. */
export class RetriesInPlace<Item extends object> {
  private readonly timers = new Map<Item, NodeJS.Timeout>();
  private readonly tries = new WeakMap<Item, number>();

  /**
   * @param again called with an item when it is to be tried again
   * @param most how often one item is tried again. Default 3
   */
  constructor(
    private readonly again: (item: Item) => void,
    private readonly most = 3,
  ) {}

  /** Tries an item again in a moment. @returns false if it was tried as often as it may be */
  add(item: Item): boolean {
    const tries = this.tries.get(item) ?? 0;
    if (tries >= this.most) return false;
    this.tries.set(item, tries + 1);
    const timer = setTimeout(() => {
      this.timers.delete(item);
      this.again(item);
    }, DELAY * 2 ** tries);
    this.timers.set(item, timer);
    return true;
  }

  /** Removes and returns all items that wait. */
  clear(): Item[] {
    const items = [...this.timers.keys()];
    for (const timer of this.timers.values()) clearTimeout(timer);
    this.timers.clear();
    return items;
  }
}
