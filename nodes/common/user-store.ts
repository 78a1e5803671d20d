import path from "node:path";
import { FileStore } from "./file-store";
import { MemoryStore } from "./memory-store";
import type { SharedStore } from "./store";

/** The store of a runtime without a user directory. */
const untilTheEnd = new MemoryStore();

/** One store for each folder, so that nodes which use the same key take turns, and a node reads what the one it replaces has written while it closed. */
const folders = new Map<string, SharedStore>();

/** The store that nodes use unless they are set to a database: files in Node-RED's user directory. @param userDir that of the runtime's settings */
export function userStore(userDir: string | undefined): SharedStore {
  if (!userDir) return untilTheEnd;
  const folder = path.resolve(userDir, "surewire");
  const store = folders.get(folder) ?? new FileStore(folder);
  folders.set(folder, store);
  return store;
}
