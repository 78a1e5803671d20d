import path from "node:path";
import { FileStore } from "./file-store";
import { MemoryStore } from "./memory-store";
import type { SharedStore } from "./store";

/** What a runtime without a user directory keeps: as long as the process lasts. */
const untilTheEnd = new MemoryStore();

/** Where nodes keep what must outlive the process, unless a database is chosen for it: files in Node-RED's user directory. @param userDir of the runtime's settings */
export function userStore(userDir: string | undefined): SharedStore {
  return userDir ? new FileStore(path.join(userDir, "surewire")) : untilTheEnd;
}
