import type { Store } from "./store";

/** A {@link Store} that lasts as long as the process: for a runtime that has no place for files. */
export class MemoryStore implements Store {
  private readonly values = new Map<string, string>();

  read(key: string): Promise<unknown> {
    const text = this.values.get(key);
    return Promise.resolve(text === undefined ? undefined : JSON.parse(text));
  }

  write(key: string, value: unknown): Promise<void> {
    this.values.set(key, JSON.stringify(value));
    return Promise.resolve();
  }

  remove(key: string): Promise<void> {
    this.values.delete(key);
    return Promise.resolve();
  }
}
