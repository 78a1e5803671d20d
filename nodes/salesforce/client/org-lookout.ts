import { BackOff, type BackOffOptions } from "../../common/back-off";
import type { ConnectorError } from "../../common/errors";

/** What {@link OrgLookout} needs. */
export interface OrgLookoutOptions {
  /** Why the org is waited for; `undefined` when it is not. */
  trouble(): ConnectorError | undefined;
  /** Whether a caller waits for the org that will call it again anyway. */
  isAwaited(): boolean;
  /** Makes one call to the org, so that its state is known again. */
  look(trouble: ConnectorError): Promise<unknown>;
  /** Pauses between looks. */
  backOff?: BackOffOptions;
}

/**
 * Calls an org again after a failed call that is not repeated (a create whose answer was lost, a question of a form). Without that, the status would show the
 * failure until the next message.
 */
export class OrgLookout {
  private readonly backOff: BackOff;
  private timer: NodeJS.Timeout | undefined;
  private closed = false;

  constructor(private readonly options: OrgLookoutOptions) {
    this.backOff = new BackOff(options.backOff);
  }

  /** To be called when a call has failed. */
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

  /** Looks at the org, unless a caller will call it anyway. @returns whether to look again later */
  private async watch(): Promise<boolean> {
    const { trouble, isAwaited, look } = this.options;
    const seen = trouble();
    if (seen && !isAwaited()) await look(seen).catch(() => undefined);
    return trouble() !== undefined;
  }
}
