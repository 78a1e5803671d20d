/** The fields that an object in a {@link LinkedList} has. Only the list sets them. */
export interface Linked<T> {
  newer: T | undefined;
  older: T | undefined;
}

/** A list of objects in the order they were added. Removing one costs the same wherever it is. */
export class LinkedList<T extends Linked<T>> {
  private oldest: T | undefined;
  private newest: T | undefined;
  private count = 0;

  /** How many there are. */
  get size(): number {
    return this.count;
  }

  /** The object that was added last. */
  get last(): T | undefined {
    return this.newest;
  }

  /** Adds an object that is in no list. */
  add(one: T): void {
    one.older = this.newest;
    if (this.newest) this.newest.newer = one;
    else this.oldest = one;
    this.newest = one;
    this.count += 1;
  }

  /** Removes an object that is in this list. */
  remove(one: T): void {
    if (one.newer) one.newer.older = one.older;
    else this.newest = one.older;
    if (one.older) one.older.newer = one.newer;
    else this.oldest = one.newer;
    one.newer = one.older = undefined; // a removed object must not keep others from being collected
    this.count -= 1;
  }

  /** The objects from the oldest on. The loop may remove the one it was just given. */
  *[Symbol.iterator](): Iterator<T> {
    let next = this.oldest;
    while (next) {
      const one = next;
      next = one.newer;
      yield one;
    }
  }
}
