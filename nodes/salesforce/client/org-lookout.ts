import { BackOff, type BackOffOptions } from "../../common/back-off";
import type { ConnectorError } from "../../common/errors";

/** What an {@link OrgLookout} knows of its org. */
export interface OrgLookoutOptions {
  /** Why the org is waited for; undefined when it is not. */
  trouble(): ConnectorError | undefined;
  /** Whether somebody waits who will call it again anyway. */
  isAwaited(): boolean;
  /** Calls it once, so that it is seen how it stands. */
  look(trouble: ConnectorError): Promise<unknown>;
  /** Between looks. */
  backOff?: BackOffOptions;
}

/**
 * Looks at an org again after a call has failed that nobody repeats – a create whose answer was lost, a form's question –, for its status would
 * stay so until the next message.
 */
export class OrgLookout {
  private readonly backOff: BackOff;
  private timer: NodeJS.Timeout | undefined;
  private closed = false;

  constructor(private readonly options: OrgLookoutOptions) {
    this.backOff = new BackOff(options.backOff);
  }

  /** A call has failed. */
  alarm(): void {
    const { trouble } = this.options;
    const { retryAfter } = trouble()?.details ?? {};
    if (this.closed || this.timer) return;
    this.timer = setTimeout(() => {
      this.timer = undefined;
      void this.watch().then((again) => (again ? this.alarm() : this.backOff.reset()));
    }, Math.max(this.backOff.next(), typeof retryAfter === "number" ? retryAfter : 0)).unref();
  }

  close(): void {
    this.closed = true;
    clearTimeout(this.timer);
  }

  /** @returns whether it is to be looked at again */
  private async watch(): Promise<boolean> {
    const { trouble, isAwaited, look } = this.options;
    const seen = trouble();
    if (seen && !isAwaited()) await look(seen).catch(() => undefined);
    return trouble() !== undefined;
  }
}
