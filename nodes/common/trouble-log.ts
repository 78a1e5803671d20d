import { type ConnectorError, needsAHand } from "./errors";

/** Where trouble is logged; a node of Node-RED fits. */
export interface LineLog {
  warn(text: string): void;
  error(text: string): void;
}

/**
 * Logs what keeps a node from its work, in full, since a status shows only the beginning. The same trouble is logged once, however often the work is tried
 * again: as an error if somebody must fix it, as a warning if it passes by itself.
 */
export class TroubleLog {
  private last: string | undefined;
  /** Since when there is no trouble, by `performance.now()`; `undefined` while there is. */
  private wellSince: number | undefined;

  /** @param calm ms without trouble after which the same trouble is logged again. Default 0 */
  constructor(
    private readonly log: LineLog,
    private readonly calm = 0,
  ) {}

  /** Takes note of the present state. @param error what is wrong now, or `undefined` when nothing is */
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
