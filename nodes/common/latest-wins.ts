/** The next write to a key, and who waits for it. A later value replaces this one. */
interface Wish<T> {
  value: T;
  waiting: { resolve(): void; reject(error: unknown): void }[];
}

/** Serialises writes by key. All values that are put while a write to the key runs are one write, of the last value. */
export class LatestWins<T> {
  private readonly wishes = new Map<string, Wish<T>>();
  private readonly busy = new Set<string>();

  /** @param write stores a value. It is never called twice at a time for one key */
  constructor(private readonly write: (key: string, value: T) => Promise<void>) {}

  /** The value that is being written under the key, or will be next; `undefined` when nothing is. */
  pending(key: string): { value: T } | undefined {
    return this.wishes.get(key);
  }

  /** Writes a value. Resolves when it, or a later one that has replaced it, is written; rejects as that write does. */
  put(key: string, value: T): Promise<void> {
    return new Promise((resolve, reject) => {
      const waiting = this.wishes.get(key)?.waiting ?? [];
      waiting.push({ resolve, reject });
      this.wishes.set(key, { value, waiting });
      if (!this.busy.has(key)) void this.fulfil(key);
    });
  }

  private async fulfil(key: string): Promise<void> {
    this.busy.add(key);
    for (let wish = this.wishes.get(key); wish; wish = this.wishes.get(key)) {
      const { value, waiting } = wish;
      const mine = waiting.splice(0);
      const settle = (end: (each: Wish<T>["waiting"][number]) => void): void => {
        if (this.wishes.get(key)?.waiting.length === 0) this.wishes.delete(key);
        mine.forEach(end);
      };
      try {
        await this.write(key, value);
        settle(({ resolve }) => resolve());
      } catch (error) {
        settle(({ reject }) => reject(error));
      }
    }
    this.busy.delete(key);
  }
}
