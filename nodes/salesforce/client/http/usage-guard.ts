import { ConnectorError } from "../../../common/errors";

/** How much of the org's daily API calls is used, as its last answer said (`Sforce-Limit-Info`). */
export interface ApiUsage {
  used: number;
  limit: number;
}

/** Settings of a {@link UsageGuard}. Times in ms. */
export interface UsageGuardOptions {
  /** Percent of the day's calls from which on the org's calls are spaced; 0: never. Default 80. */
  threshold?: number;
  /** Longest gap between two calls, just below 100 %. Default 30000. */
  maxGap?: number;
  /** How long nothing is sent once all calls are used. Default 10 minutes. */
  hold?: number;
  /** The whole percent of the day's calls that are used changed, or spacing began or ended. */
  onChange?(percent: number, spaced: boolean): void;
}

/** Gap when the threshold is just reached, in ms. */
const SMALLEST_GAP = 250;

/** Spacing ends so many points below the threshold, so that it does not begin and end with every other call. */
const MARGIN = 2;

/**
 * Leaves the last API calls of the day to others: from the threshold on calls go out one by one, with gaps that grow from
 * {@link SMALLEST_GAP} to `maxGap`; once all are used none goes out for a time, and then one to look again.
 */
export class UsageGuard {
  private readonly threshold: number;
  private readonly maxGap: number;
  private readonly hold: number;
  private current: ApiUsage | undefined;
  private percent: number | undefined;
  private spaced: number | undefined;
  private heldUntil = 0;
  private lastCall = -Infinity;
  private turns: Promise<void> = Promise.resolve();
  private waiting: { end: () => void } | undefined;
  private closed = false;

  constructor(private readonly options: UsageGuardOptions = {}) {
    this.threshold = options.threshold ?? 80;
    this.maxGap = options.maxGap ?? 30_000;
    this.hold = options.hold ?? 600_000;
  }

  /** As the org said last. */
  get usage(): ApiUsage | undefined {
    return this.current;
  }

  /**
   * Resolves when a call may go out; at once below the threshold.
   *
   * @throws ConnectorError `ORG_LIMIT` while all calls are used
   */
  turn(): Promise<void> | undefined {
    if (this.spaced === undefined) return undefined;
    const left = this.heldUntil - performance.now();
    if (left > 0) return Promise.reject(this.allUsed(left));
    if (this.heldUntil) this.heldUntil = performance.now() + this.hold; // this one looks again; the others wait for what it finds
    this.turns = this.turns.then(() => this.pause());
    return this.turns;
  }

  /** Reads `Sforce-Limit-Info`, which stands on the org's answers. */
  note(headers: Record<string, string>): void {
    const match = /api-usage=(\d+)\/(\d+)/.exec(headers["sforce-limit-info"] ?? "");
    if (!match) return;
    this.current = { used: Number(match[1]), limit: Number(match[2]) };
    if (this.current.limit <= 0) return;
    const percent = Math.floor((this.current.used / this.current.limit) * 100);
    const guards = this.threshold > 0;
    this.heldUntil = guards && percent >= 100 ? performance.now() + this.hold : 0;
    const spaced = guards && percent >= this.threshold - (this.spaced === undefined ? 0 : MARGIN) ? percent : undefined;
    if (spaced === this.spaced && percent === this.percent) return;
    this.percent = percent;
    this.spaced = spaced;
    if (spaced === undefined) this.waiting?.end();
    this.options.onChange?.(percent, spaced !== undefined);
  }

  /** Lets everyone who waits go. */
  close(): void {
    this.closed = true;
    this.waiting?.end();
  }

  private pause(): Promise<void> {
    const gap = this.gap();
    const ms = this.lastCall + gap - performance.now();
    const begin = (): void => void (this.lastCall = performance.now());
    if (this.closed || ms <= 0) return Promise.resolve(begin());
    return new Promise((resolve) => {
      const end = (): void => {
        clearTimeout(timer);
        this.waiting = undefined;
        begin();
        resolve();
      };
      const timer = setTimeout(end, ms);
      this.waiting = { end };
    });
  }

  /** Grows with the square of what is used above the threshold. */
  private gap(): number {
    if (this.spaced === undefined) return 0;
    const part = Math.min(1, Math.max(0, (this.spaced - this.threshold) / Math.max(1, 100 - this.threshold)));
    return Math.min(this.maxGap, SMALLEST_GAP + part ** 2 * this.maxGap);
  }

  private allUsed(retryAfter: number): ConnectorError {
    const { used = 0, limit = 0 } = this.current ?? {};
    return new ConnectorError("ORG_LIMIT", `All of the org's API calls of the last 24 hours are used (${used} of ${limit})`, { details: { retryAfter } });
  }
}
