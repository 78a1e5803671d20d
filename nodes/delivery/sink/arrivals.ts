/** A line of values, some of which are still being evaluated. They are passed on one after the other, in the order they came. */
export class Arrivals {
  private last: Promise<void> | undefined;

  /** Whether any value is still in the line, so that what comes now must go behind it. */
  get waiting(): boolean {
    return this.last !== undefined;
  }

  /** Adds a value. When all before it are through, calls `enter` with it, or `fail` with the error if it was rejected. */
  add<V>(value: V | Promise<V>, enter: (value: V) => void, fail: (error: unknown) => void): void {
    if (value instanceof Promise) value.catch(() => undefined); // handled in advance: it is awaited only when those before it are through
    const turn = (this.last ?? Promise.resolve())
      .then(() => value)
      .then(enter, fail)
      .finally(() => {
        if (this.last === turn) this.last = undefined;
      });
    this.last = turn;
  }

  /** Calls `then` when all values that are in the line now are through, or at once if there are none. */
  after(then: () => void): void {
    if (this.last) void this.last.then(then);
    else then();
  }
}
