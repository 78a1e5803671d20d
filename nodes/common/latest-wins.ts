/** The next write of a key; a later one replaces its value. */
interface Wish<T> {
  value: T;
  waiting: { resolve(): void; reject(error: unknown): void }[];
}

/** Writes by key: those to one key follow each other, and those that come while one runs are one write, of the last value. */
export class LatestWins<T> {
  private readonly wishes = new Map<string, Wish<T>>();
  private readonly busy = new Set<string>();

  /** @param write stores a value; called once at a time for a key */
  constructor(private readonly write: (key: string, value: T) => Promise<void>) {}

  /** What is being written, or will be, under the key. */
  pending(key: string): { value: T } | undefined {
    return this.wishes.get(key);
  }

  /** Resolves when this value, or a later one, is written; rejects as the write does. */
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
