import { createHash } from "node:crypto";
import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { mkdir, open, readdir, readFile, rename, rm } from "node:fs/promises";
import path from "node:path";
import { chunks } from "./chunks";
import { errorText } from "./errors";
import { InTurn } from "./in-turn";
import { LatestWins } from "./latest-wins";
import type { FencedValue, SharedStore, StoreEntry } from "./store";

/** Longest file name, without its ending: file systems take 255 bytes. */
const MAX_NAME = 240;

const ENDING = ".json";
/** How many files are read at once when all are listed. */
const PAGE = 100;

/** The content of a file. Its first line is the value as JSON, the second the fence, if there is one; the third is the key, if it is too long for a file name. */
interface Kept {
  text: string;
  fence: number;
}

/**
 * A {@link SharedStore} for one process that keeps each key in a file. A value is written to a second file, synced, and renamed into place, so a
 * crash leaves either the old value or the new one. When several plain writes to a key come while one is running, only the last of them is written.
 */
export class FileStore implements SharedStore {
  private readonly writes = new LatestWins<string | undefined>((key, text) => this.turns.run(key, () => this.replace(key, text === undefined ? undefined : { text, fence: 0 })));
  private readonly turns = new InTurn();

  /** @param folder where the files are. It is made with the first write, readable by this user only */
  constructor(private readonly folder: string) {}

  async read(key: string): Promise<unknown> {
    return (await this.readFenced(key))?.value;
  }

  async readFenced(key: string): Promise<FencedValue | undefined> {
    const pending = this.writes.pending(key);
    if (pending) return pending.value === undefined ? undefined : { value: JSON.parse(pending.value), fence: 0 };
    const kept = await this.load(key);
    return kept && { value: this.parse(key, kept.text), fence: kept.fence };
  }

  write(key: string, value: unknown): Promise<void> {
    return this.writes.put(key, JSON.stringify(value));
  }

  writeAtOnce(key: string, value: unknown): void {
    const file = this.fileOf(key);
    const beside = `${file}.last`; // a write that is under way has a file of its own
    mkdirSync(this.folder, { recursive: true, mode: 0o700 });
    writeFileSync(beside, contentOf(file, key, { text: JSON.stringify(value), fence: 0 }), { mode: 0o600 });
    renameSync(beside, file);
  }

  remove(key: string): Promise<void> {
    return this.writes.put(key, undefined);
  }

  writeFenced(key: string, value: unknown, fence: number): Promise<boolean> {
    return this.replaceIf(key, (kept) => !kept || kept.fence <= fence, { text: JSON.stringify(value), fence });
  }

  swap(key: string, value: unknown, fence: number, expected: number | undefined): Promise<boolean> {
    return this.replaceIf(key, (kept) => kept?.fence === expected, { text: JSON.stringify(value), fence });
  }

  removeFenced(key: string, expected: number): Promise<boolean> {
    return this.replaceIf(key, (kept) => !kept || kept.fence === expected, undefined);
  }

  async *entries(prefix: string): AsyncGenerator<StoreEntry[]> {
    const files = ((await unlessMissing(readdir(this.folder))) ?? []).filter((file) => file.endsWith(ENDING));
    for (const page of chunks(files, PAGE)) {
      const found = await Promise.all(page.map((file) => this.entryOf(file, prefix)));
      yield found.filter((entry) => entry !== undefined);
    }
  }

  private replaceIf(key: string, may: (kept: Kept | undefined) => boolean, next: Kept | undefined): Promise<boolean> {
    return this.turns.run(key, async () => {
      if (!may(await this.load(key))) return false;
      await this.replace(key, next);
      return true;
    });
  }

  private async load(key: string): Promise<Kept | undefined> {
    const content = await unlessMissing(readFile(this.fileOf(key), "utf8"));
    if (content === undefined) return undefined;
    const [text = "", fence = "0"] = content.split("\n");
    return { text, fence: Number(fence) };
  }

  private parse(key: string, text: string): unknown {
    try {
      return JSON.parse(text);
    } catch (error) {
      throw new SyntaxError(`${this.fileOf(key)} is not JSON: ${errorText(error)}`, { cause: error });
    }
  }

  private async replace(key: string, next: Kept | undefined): Promise<void> {
    const file = this.fileOf(key);
    if (!next) return rm(file, { force: true });
    const beside = `${file}.new`;
    await mkdir(this.folder, { recursive: true, mode: 0o700 });
    const handle = await open(beside, "w", 0o600);
    try {
      await handle.writeFile(contentOf(file, key, next));
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(beside, file);
    await this.syncFolder();
  }

  /** The renaming, too, must survive a power cut. Windows can neither open a folder nor needs to. */
  private async syncFolder(): Promise<void> {
    const handle = await open(this.folder, "r").catch(() => undefined);
    await handle?.sync().catch(() => undefined);
    await handle?.close();
  }

  private fileOf(key: string): string {
    const name = encodeURIComponent(key).replaceAll("*", "%2A"); // which Windows has no files of
    const short = name.length <= MAX_NAME ? name : `${name.slice(0, MAX_NAME - 65)}.${createHash("sha256").update(key).digest("hex")}`;
    return path.join(this.folder, `${short}${ENDING}`);
  }

  private async entryOf(file: string, prefix: string): Promise<StoreEntry | undefined> {
    const key = await this.keyOf(file);
    const kept = key?.startsWith(prefix) ? await this.readFenced(key) : undefined;
    return key !== undefined && kept ? { key, ...kept } : undefined;
  }

  /** The key that a file holds; `undefined` when the file is not of a store, or was removed just now. */
  private async keyOf(file: string): Promise<string | undefined> {
    if (isCut(file)) {
      const content = await unlessMissing(readFile(path.join(this.folder, file), "utf8"));
      const key = content?.split("\n")[2];
      return key === undefined ? undefined : (JSON.parse(key) as string);
    }
    try {
      return decodeURIComponent(file.slice(0, -ENDING.length));
    } catch {
      return undefined;
    }
  }
}

function contentOf(file: string, key: string, { text, fence }: Kept): string {
  if (isCut(path.basename(file))) return [text, fence, JSON.stringify(key)].join("\n");
  return fence === 0 ? text : [text, fence].join("\n");
}

/** Whether a file name was cut and ends in a hash, since the key is too long for it. */
function isCut(file: string): boolean {
  return file.length === MAX_NAME + ENDING.length && /\.[0-9a-f]{64}\.json$/.test(file);
}

/** What was read, or `undefined` when there is no such file or folder. */
async function unlessMissing<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
