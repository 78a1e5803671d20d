import { EventEmitter } from "node:events";
import type { LogEntry } from "../runtime";

/** Node-RED's log level for errors (util/lib/log.js). Higher levels are less severe. */
const LEVEL_ERROR = 20;

/**
 * A handler for Node-RED's log that hears errors only. Node-RED emits three metrics for each message at each node to every handler, wanted or not. So `emit`
 * itself drops them, without the cost of an event.
 */
export class ErrorListener extends EventEmitter {
  /** @param heard called with each entry that is an error */
  constructor(private readonly heard: (entry: LogEntry) => void) {
    super();
  }

  override emit(_event: string | symbol, entry?: unknown): boolean {
    if ((entry as LogEntry).level > LEVEL_ERROR) return false;
    this.heard(entry as LogEntry);
    return true;
  }
}
