/** Before the first try, in ms; twice as long before each other. */
const DELAY = 50;

/** Messages that wait a moment to be stored once more. */
export class RetriesInPlace<Item extends object> {
  private readonly timers = new Map<Item, NodeJS.Timeout>();
  private readonly tries = new WeakMap<Item, number>();

  /**
   * @param again called when an item's time has come
   * @param most tries of an item. Default 3
   */
  constructor(
    private readonly again: (item: Item) => void,
    private readonly most = 3,
  ) {}

  /** @returns false when the item has been tried as often as it may */
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

  /** Takes all out. */
  clear(): Item[] {
    const items = [...this.timers.keys()];
    for (const timer of this.timers.values()) clearTimeout(timer);
    this.timers.clear();
    return items;
  }
}
