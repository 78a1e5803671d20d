import { createHash } from "node:crypto";
import { mkdir, open, readFile, rename, rm } from "node:fs/promises";
import path from "node:path";
import { LatestWins } from "./latest-wins";
import type { Store } from "./store";

/** File systems take 255 bytes, and the endings need some. */
const MAX_NAME = 240;

/**
 * A {@link Store} of files, one a key, for one process. A value is written to a file beside, synced, and renamed into place, so that a
 * crash leaves the old value or the new one. Writes to one key follow each other; those that come while one runs are one write.
 */
export class FileStore implements Store {
  private readonly writes = new LatestWins<string | undefined>((key, text) =>
    text === undefined ? rm(this.fileOf(key), { force: true }) : this.replace(this.fileOf(key), text),
  );

  /** @param folder made when first written to, for this user only */
  constructor(private readonly folder: string) {}

  async read(key: string): Promise<unknown> {
    const pending = this.writes.pending(key);
    if (pending) return pending.value === undefined ? undefined : JSON.parse(pending.value);
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
    return this.writes.put(key, JSON.stringify(value));
  }

  remove(key: string): Promise<void> {
    return this.writes.put(key, undefined);
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
