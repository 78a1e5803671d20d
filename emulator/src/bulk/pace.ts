/** How fast jobs go. */
export interface BulkPace {
  /** ms until a job that is complete begins. Default 0. */
  start?: number;
  /** Rows worked on in one turn of the event loop; at least one chunk of 200. Default 2,000. */
  rows?: number;
  /** ms between two turns. Default 0. */
  interval?: number;
}

/** What is to go wrong with the next jobs. */
export interface BulkFault {
  /** `fail`: ends as Failed; `hang`: stays InProgress until {@link Pace.release}. */
  kind: "fail" | "hang";
  /** Rows that are worked on before. Default 0. */
  after?: number;
  /** Jobs it strikes. Default 1. */
  count?: number;
  /** `errorMessage` of a failed job. */
  message?: string;
}

/** The speed of an org's jobs, and their faults. */
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

  /** Jobs that hang go on, and no more will hang. */
  release(): void {
    this.faults = this.faults.filter(({ kind }) => kind !== "hang");
    for (const resume of this.held.splice(0)) resume();
  }

  /** The fault for a job that begins. */
  take(): BulkFault | undefined {
    const fault = this.faults[0];
    if (fault && --fault.left <= 0) this.faults.shift();
    return fault;
  }

  untilReleased(): Promise<void> {
    return new Promise((resolve) => this.held.push(resolve));
  }
}
