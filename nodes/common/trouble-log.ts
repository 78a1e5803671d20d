import { type ConnectorError, needsAHand } from "./errors";

/** Where trouble is told; a node of Node-RED fits. */
export interface LineLog {
  warn(text: string): void;
  error(text: string): void;
}

/**
 * Logs what keeps a node from its work, whole: a status shows but its beginning. Each trouble once, however often it is tried: as an error when it needs a hand, as a
 * warning when it ends by itself.
 */
export class TroubleLog {
  private last: string | undefined;

  constructor(private readonly log: LineLog) {}

  /** @param error what is wrong now, or `undefined` when all is well: from then on the same trouble is told again */
  told(error: ConnectorError | undefined): void {
    const text = error?.toString();
    const isNew = text !== this.last;
    this.last = text;
    if (!error || text === undefined || !isNew) return;
    if (needsAHand(error)) this.log.error(text);
    else this.log.warn(text);
  }
}
