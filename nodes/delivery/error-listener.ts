import { EventEmitter } from "node:events";
import type { LogEntry } from "./runtime";

/** Node-RED's log level for errors (util/lib/log.js); those above it are less. */
const LEVEL_ERROR = 20;

/**
 * A handler for Node-RED's log that hears errors. Node-RED logs three metrics for each message at each node, wanted or not, and gives
 * them to every handler: here they end before an event is made of them.
 */
export class ErrorListener extends EventEmitter {
  /** @param heard told of each entry that is an error */
  constructor(private readonly heard: (entry: LogEntry) => void) {
    super();
  }

  override emit(_event: string | symbol, entry?: unknown): boolean {
    if ((entry as LogEntry).level > LEVEL_ERROR) return false;
    this.heard(entry as LogEntry);
    return true;
  }
}
