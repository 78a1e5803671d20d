/** Work by key: what concerns one key is done in the order it was asked for, one at a time; keys do not wait for each other. */
export class InTurn {
  private readonly last = new Map<string, Promise<unknown>>();

  /** Does `work` when all that was asked for under the key before is done, or has failed. Resolves and rejects as `work` does. */
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
