/** Values that are still being evaluated, and those behind them: they go on one after the other, in the order they came. */
export class Arrivals {
  private last: Promise<void> | undefined;

  /** Whether there are any: what comes now stands behind them. */
  get waiting(): boolean {
    return this.last !== undefined;
  }

  /** Calls `enter` with the value, or `fail` with what it was rejected with, when those before it are through. */
  add<V>(value: V | Promise<V>, enter: (value: V) => void, fail: (error: unknown) => void): void {
    if (value instanceof Promise) value.catch(() => undefined); // it is looked at only when those before it are through
    const turn = (this.last ?? Promise.resolve())
      .then(() => value)
      .then(enter, fail)
      .finally(() => {
        if (this.last === turn) this.last = undefined;
      });
    this.last = turn;
  }

  /** Calls `then` when all that have come are through: at once when there are none. */
  after(then: () => void): void {
    if (this.last) void this.last.then(then);
    else then();
  }
}
