import type { FencedValue, SharedStore, StoreEntry } from "./store";

/** A {@link SharedStore} that lasts as long as the process, for a runtime without a user directory. */
export class MemoryStore implements SharedStore {
  private readonly kept = new Map<string, { text: string; fence: number }>();

  async read(key: string): Promise<unknown> {
    return (await this.readFenced(key))?.value;
  }

  readFenced(key: string): Promise<FencedValue | undefined> {
    const kept = this.kept.get(key);
    return Promise.resolve(kept && { value: JSON.parse(kept.text) as unknown, fence: kept.fence });
  }

  write(key: string, value: unknown): Promise<void> {
    this.kept.set(key, { text: JSON.stringify(value), fence: 0 });
    return Promise.resolve();
  }

  writeFenced(key: string, value: unknown, fence: number): Promise<boolean> {
    const kept = this.kept.get(key);
    return this.writeIf(!kept || kept.fence <= fence, key, value, fence);
  }

  swap(key: string, value: unknown, fence: number, expected: number | undefined): Promise<boolean> {
    return this.writeIf(this.kept.get(key)?.fence === expected, key, value, fence);
  }

  removeFenced(key: string, expected: number): Promise<boolean> {
    if (this.kept.get(key)?.fence === expected) this.kept.delete(key);
    return Promise.resolve(!this.kept.has(key));
  }

  remove(key: string): Promise<void> {
    this.kept.delete(key);
    return Promise.resolve();
  }

  async *entries(prefix: string): AsyncGenerator<StoreEntry[]> {
    yield [...this.kept].filter(([key]) => key.startsWith(prefix)).map(([key, { text, fence }]) => ({ key, value: JSON.parse(text) as unknown, fence }));
  }

  private writeIf(may: boolean, key: string, value: unknown, fence: number): Promise<boolean> {
    if (may) this.kept.set(key, { text: JSON.stringify(value), fence });
    return Promise.resolve(may);
  }
}
