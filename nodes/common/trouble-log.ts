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
  /** Since when all is well, by `performance.now()`. */
  private wellSince: number | undefined;

  /** @param calm ms that all must have been well until the same trouble counts as another one. Default 0 */
  constructor(
    private readonly log: LineLog,
    private readonly calm = 0,
  ) {}

  /** @param error what is wrong now, or `undefined` when all is well: from then on the same trouble is told again */
  told(error: ConnectorError | undefined): void {
    if (!error) {
      this.wellSince ??= performance.now();
      return;
    }
    const text = error.toString();
    const isOver = this.wellSince !== undefined && performance.now() - this.wellSince >= this.calm;
    const isNew = text !== this.last || isOver;
    this.last = text;
    this.wellSince = undefined;
    if (!isNew) return;
    if (needsAHand(error)) this.log.error(text);
    else this.log.warn(text);
  }
}
