import path from "node:path";
import { FileStore } from "./file-store";
import { MemoryStore } from "./memory-store";
import type { SharedStore } from "./store";

/** What a runtime without a user directory keeps: as long as the process lasts. */
const untilTheEnd = new MemoryStore();

/** By their folders: two nodes that write to one key take turns, and a node that closes late is heard before the one in its place reads. */
const folders = new Map<string, SharedStore>();

/** Where nodes keep what must outlive the process, unless a database is chosen for it: files in Node-RED's user directory. @param userDir of the runtime's settings */
export function userStore(userDir: string | undefined): SharedStore {
  if (!userDir) return untilTheEnd;
  const folder = path.resolve(userDir, "surewire");
  const store = folders.get(folder) ?? new FileStore(folder);
  folders.set(folder, store);
  return store;
}
