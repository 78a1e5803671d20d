/** How fast jobs run. */
export interface BulkPace {
  /** ms before a job begins, from its creation for a query job, from the end of its upload for an ingest job. Default 0. */
  start?: number;
  /** Rows that are processed in one turn of the event loop. Ingest jobs process at least a chunk of 200. Default 2,000. */
  rows?: number;
  /** ms between two turns. Default 0. */
  interval?: number;
}

/** What goes wrong with the next jobs. */
export interface BulkFault {
  /** `fail`: the job ends as Failed. `hang`: the job stays InProgress until {@link Pace.release}. */
  kind: "fail" | "hang";
  /** How many rows are processed before that. Default 0. */
  after?: number;
  /** How many jobs it hits. Default 1. */
  count?: number;
  /** The `errorMessage` of the failed job. */
  message?: string;
}

/** The speed of an org's jobs, and the faults of the next jobs. */
export class Pace {
  private settings: Required<BulkPace> = { start: 0, rows: 2000, interval: 0 };
  private faults: (BulkFault & { left: number })[] = [];
  private held: (() => void)[] = [];

  get start(): number {
    return this.settings.start;
  }

  get rows(): number {
    return this.settings.rows;
  }

  get interval(): number {
    return this.settings.interval;
  }

  set(pace: BulkPace): void {
    for (const [name, value] of Object.entries(pace)) if (!Number.isFinite(value) || value < 0) throw new Error(`${name} must be a number of at least 0`);
    this.settings = { ...this.settings, ...pace };
  }

  strike(fault: BulkFault): void {
    if (fault.kind !== "fail" && fault.kind !== "hang") throw new Error("kind must be fail or hang");
    this.faults.push({ ...fault, left: fault.count ?? 1 });
  }

  /** Lets jobs that hang go on. No more jobs will hang. */
  release(): void {
    this.faults = this.faults.filter(({ kind }) => kind !== "hang");
    for (const resume of this.held.splice(0)) resume();
  }

  /** Returns the fault for a job that begins, and counts it. */
  take(): BulkFault | undefined {
    const fault = this.faults[0];
    if (fault && --fault.left <= 0) this.faults.shift();
    return fault;
  }

  untilReleased(): Promise<void> {
    return new Promise((resolve) => this.held.push(resolve));
  }
}
