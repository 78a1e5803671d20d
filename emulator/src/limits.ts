/** The limits of the org, with what an org of 100 users or so has, and the hours they count over. */
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

/** A limit by its name in `/limits`. */
export type LimitName = keyof typeof LIMITS;

/** How much of a limit is used. */
export interface Usage {
  used: number;
  max: number;
}

interface Counter extends Usage {
  /** ms a use counts. */
  span: number;
  /** When the first use of this span was, in ms; undefined while there was none. */
  since: number | undefined;
}

const HOUR = 3_600_000;

/**
 * The org's limits, counting down. What is used comes back a day (an hour) after the first use; the platform's window rolls, which no client can tell apart.
 */
export class Limits {
  private readonly counters = new Map<LimitName, Counter>();

  /**
   * @param now time of the org, in ms
   * @param maxima limits that differ from an ordinary org's
   */
  constructor(
    private readonly now: () => number,
    private readonly maxima: Partial<Record<LimitName, number>> = {},
  ) {
    this.reset();
  }

  /** Uses up `count`, if there is as much left. Says whether there was. */
  use(name: LimitName, count = 1): boolean {
    const counter = this.counter(name);
    if (counter.used + count > counter.max) return false;
    counter.used += count;
    counter.since ??= this.now();
    return true;
  }

  /** Gives one back that is not in use any more: for limits of what is open at a time. */
  free(name: LimitName): void {
    const counter = this.counter(name);
    counter.used = Math.max(0, counter.used - 1);
  }

  usage(name: LimitName): Usage {
    const { used, max } = this.counter(name);
    return { used, max };
  }

  /** Sets the count, the limit, or both. @throws Error for a name there is not */
  set(name: LimitName, { used, max }: Partial<Usage>): Usage {
    const counter = this.counter(name);
    if (max !== undefined) counter.max = max;
    if (used !== undefined) {
      counter.used = used;
      counter.since = this.now();
    }
    return this.usage(name);
  }

  /** The body of `/limits`. */
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
