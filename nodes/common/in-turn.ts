/** Runs work by key: pieces of work of one key run one after the other, in the order they were given; those of different keys do not wait for each other. */
export class InTurn {
  private readonly last = new Map<string, Promise<unknown>>();

  /** Runs `work` once all earlier work of the key has ended, well or not. Resolves and rejects as `work` does. */
  run<T>(key: string, work: () => Promise<T>): Promise<T> {
    const done = (this.last.get(key) ?? Promise.resolve()).then(work);
    const settled = done
      .catch(() => undefined)
      .finally(() => {
        if (this.last.get(key) === settled) this.last.delete(key);
      });
    this.last.set(key, settled);
    return done;
  }
}
