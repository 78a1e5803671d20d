/** What an object needs to be in a {@link LinkedList}; the list alone sets it. */
export interface Linked<T> {
  newer: T | undefined;
  older: T | undefined;
}

/** A list of objects in the order they were added. Taking one out costs the same wherever it stands, and nothing is left of it. */
export class LinkedList<T extends Linked<T>> {
  private oldest: T | undefined;
  private newest: T | undefined;
  private count = 0;

  /** How many there are. */
  get size(): number {
    return this.count;
  }

  /** The one that was added last. */
  get last(): T | undefined {
    return this.newest;
  }

  /** Adds one that is in no list. */
  add(one: T): void {
    one.older = this.newest;
    if (this.newest) this.newest.newer = one;
    else this.oldest = one;
    this.newest = one;
    this.count += 1;
  }

  /** Takes out one that is in this list. */
  remove(one: T): void {
    if (one.newer) one.newer.older = one.older;
    else this.newest = one.older;
    if (one.older) one.older.newer = one.newer;
    else this.oldest = one.newer;
    one.newer = one.older = undefined; // what is gone must keep nothing alive
    this.count -= 1;
  }

  /** From the oldest on. The one that was given last may be taken out meanwhile. */
  *[Symbol.iterator](): Iterator<T> {
    let next = this.oldest;
    while (next) {
      const one = next;
      next = one.newer;
      yield one;
    }
  }
}
