import { createHash } from "node:crypto";
import { mkdir, open, readFile, rename, rm } from "node:fs/promises";
import path from "node:path";
import type { Store } from "./store";

/** File systems take 255 bytes, and the endings need some. */
const MAX_NAME = 240;

/** What is to be done with a key's file next; a later wish replaces it. */
interface Wish {
  text: string | undefined;
  waiting: { resolve(): void; reject(error: unknown): void }[];
}

/**
 * A {@link Store} of files, one a key, for one process. A value is written to a file beside, synced, and renamed into place, so that a
 * crash leaves the old value or the new one. Writes to one key follow each other; those that come while one runs are one write.
 */
export class FileStore implements Store {
  private readonly wishes = new Map<string, Wish>();
  private readonly busy = new Set<string>();

  /** @param folder made when first written to, for this user only */
  constructor(private readonly folder: string) {}

  async read(key: string): Promise<unknown> {
    const wish = this.wishes.get(key);
    if (wish) return wish.text === undefined ? undefined : JSON.parse(wish.text);
    let text: string;
    try {
      text = await readFile(this.fileOf(key), "utf8");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw error;
    }
    return JSON.parse(text);
  }

  write(key: string, value: unknown): Promise<void> {
    return this.wish(key, JSON.stringify(value));
  }

  remove(key: string): Promise<void> {
    return this.wish(key, undefined);
  }

  private wish(key: string, text: string | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const waiting = this.wishes.get(key)?.waiting ?? [];
      waiting.push({ resolve, reject });
      this.wishes.set(key, { text, waiting });
      if (!this.busy.has(key)) void this.fulfil(key);
    });
  }

  private async fulfil(key: string): Promise<void> {
    this.busy.add(key);
    for (let wish = this.wishes.get(key); wish; wish = this.wishes.get(key)) {
      const { text, waiting } = wish;
      const mine = waiting.splice(0);
      try {
        await (text === undefined ? rm(this.fileOf(key), { force: true }) : this.replace(this.fileOf(key), text));
        if (this.wishes.get(key)?.waiting.length === 0) this.wishes.delete(key);
        for (const { resolve } of mine) resolve();
      } catch (error) {
        if (this.wishes.get(key)?.waiting.length === 0) this.wishes.delete(key);
        for (const { reject } of mine) reject(error);
      }
    }
    this.busy.delete(key);
  }

  private async replace(file: string, text: string): Promise<void> {
    const beside = `${file}.new`;
    await mkdir(this.folder, { recursive: true, mode: 0o700 });
    const handle = await open(beside, "w", 0o600);
    try {
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(beside, file);
    await this.syncFolder();
  }

  /** The new name, too, must survive a power cut. Windows cannot open a folder, and needs no such thing. */
  private async syncFolder(): Promise<void> {
    const handle = await open(this.folder, "r").catch(() => undefined);
    await handle?.sync().catch(() => undefined);
    await handle?.close();
  }

  private fileOf(key: string): string {
    const name = encodeURIComponent(key).replaceAll("*", "%2A"); // which Windows has no files of
    const short = name.length <= MAX_NAME ? name : `${name.slice(0, MAX_NAME - 65)}.${createHash("sha256").update(key).digest("hex")}`;
    return path.join(this.folder, `${short}.json`);
  }
}
