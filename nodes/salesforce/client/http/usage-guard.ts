import { ConnectorError } from "../../../common/errors";

/** How many of the org's daily API calls are used, as its last answer said (`Sforce-Limit-Info`). */
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
  /** Told when the used part of the day's calls has changed by a whole percent, or when spacing has begun or ended. */
  onChange?(percent: number, spaced: boolean): void;
}

/** Gap between two calls when the threshold is just reached, in ms. */
const SMALLEST_GAP = 250;

/** Spacing ends only so many percentage points below the threshold, so that it does not begin and end with every other call. */
const MARGIN = 2;

/**
 * Leaves the last API calls of the day to others. From the threshold on, calls go out one by one, with gaps that grow from {@link SMALLEST_GAP} to `maxGap`.
 * Once all are used, no call goes out for `hold` ms, and then one, to see whether the org takes calls again.
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

  /** The usage, as the org said it last. */
  get usage(): ApiUsage | undefined {
    return this.current;
  }

  /**
   * To be awaited before a call goes out; `undefined` when it may go out at once.
   *
   * @throws ConnectorError `ORG_LIMIT` while all calls are used
   */
  turn(): Promise<void> | undefined {
    if (this.spaced === undefined) return undefined;
    const left = this.heldUntil - performance.now();
    if (left > 0) return Promise.reject(this.allUsed(left));
    if (this.heldUntil) this.heldUntil = performance.now() + this.hold; // this call finds out whether the org takes calls again; the others wait for that
    this.turns = this.turns.then(() => this.pause());
    return this.turns;
  }

  /** Reads the usage from the header `Sforce-Limit-Info` of an answer. */
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

  /** Ends all waits. */
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

  /** Gap between two calls, in ms: grows with the square of the part used above the threshold. */
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
