/** The limits of the org, with the values of an org with about 100 users, and the hours over which uses are counted. */
const LIMITS = {
  DailyApiRequests: { max: 1_000_000, hours: 24 },
  DailyAsyncApexExecutions: { max: 250_000, hours: 24 },
  DailyBulkApiBatches: { max: 15_000, hours: 24 },
  DailyBulkV2QueryFileStorageMB: { max: 976_562, hours: 24 },
  DailyBulkV2QueryJobs: { max: 10_000, hours: 24 },
  DailyDeliveredPlatformEvents: { max: 50_000, hours: 24 },
  DailyDurableStreamingApiEvents: { max: 1_000_000, hours: 24 },
  DailyStreamingApiEvents: { max: 1_000_000, hours: 24 },
  DailyWorkflowEmails: { max: 1000, hours: 24 },
  HourlyPublishedPlatformEvents: { max: 50_000, hours: 1 },
  SingleEmail: { max: 5000, hours: 24 },
  StreamingApiConcurrentClients: { max: 2000, hours: Infinity },
} as const;

/** The name of a limit in `/limits`. */
export type LimitName = keyof typeof LIMITS;

/** The use of a limit. */
export interface Usage {
  used: number;
  max: number;
}

interface Counter extends Usage {
  /** How long, in ms, uses are counted. */
  span: number;
  /** Time of the first use in this span, in ms. Undefined if there was none yet. */
  since: number | undefined;
}

const HOUR = 3_600_000;

/**
 * Counts the uses of the org's limits. A count returns to 0 a day (or an hour) after the first use. The platform uses a rolling window instead, but no client can see the
 * difference.
 */
export class Limits {
  private readonly counters = new Map<LimitName, Counter>();

  /**
   * @param now time of the org, in ms
   * @param maxima limits that differ from those of an ordinary org
   */
  constructor(
    private readonly now: () => number,
    private readonly maxima: Partial<Record<LimitName, number>> = {},
  ) {
    this.reset();
  }

  /** Adds `count` uses if the limit allows them. @returns whether it did */
  use(name: LimitName, count = 1): boolean {
    const counter = this.counter(name);
    if (counter.used + count > counter.max) return false;
    counter.used += count;
    counter.since ??= this.now();
    return true;
  }

  /** Takes one use back, for limits of things that are open at the same time. */
  free(name: LimitName): void {
    const counter = this.counter(name);
    counter.used = Math.max(0, counter.used - 1);
  }

  usage(name: LimitName): Usage {
    const { used, max } = this.counter(name);
    return { used, max };
  }

  /** Sets the count, the limit, or both. @throws Error for an unknown name */
  set(name: LimitName, { used, max }: Partial<Usage>): Usage {
    const counter = this.counter(name);
    if (max !== undefined) counter.max = max;
    if (used !== undefined) {
      counter.used = used;
      counter.since = this.now();
    }
    return this.usage(name);
  }

  /** Returns the body of `/limits`. */
  json(): Record<string, { Max: number; Remaining: number }> {
    const entry = (name: LimitName): [string, { Max: number; Remaining: number }] => {
      const { used, max } = this.usage(name);
      return [name, { Max: max, Remaining: Math.max(0, max - used) }];
    };
    return Object.fromEntries([...this.counters.keys()].map(entry));
  }

  reset(): void {
    for (const [name, { max, hours }] of Object.entries(LIMITS) as [LimitName, (typeof LIMITS)[LimitName]][]) {
      this.counters.set(name, { used: 0, max: this.maxima[name] ?? max, span: hours * HOUR, since: undefined });
    }
  }

  private counter(name: LimitName): Counter {
    const counter = this.counters.get(name);
    if (!counter) throw new Error(`there is no limit ${name}; there are ${[...this.counters.keys()].join(", ")}`);
    if (counter.since !== undefined && this.now() >= counter.since + counter.span) {
      counter.used = 0;
      counter.since = undefined;
    }
    return counter;
  }
}
