import { ApiError } from "../api-error";
import { formatDateTime } from "../dates";
import type { Dialect } from "./dialect";

/** `Open → UploadComplete → InProgress → JobComplete | Failed`, or `Aborted`. */
export type JobState = "Open" | "UploadComplete" | "InProgress" | "JobComplete" | "Failed" | "Aborted";

/** What is known of a job when it is made. */
export interface JobOptions {
  id: string;
  operation: string;
  userId: string;
  version: number;
  dialect: Dialect;
  now: () => number;
}

/** What ingest and query jobs have in common. */
export abstract class Job {
  abstract readonly jobType: "V2Ingest" | "V2Query";
  /** API name of the object. */
  abstract readonly object: string;
  state: JobState = "Open";
  processed = 0;
  errorMessage: string | undefined;
  readonly id: string;
  readonly operation: string;
  readonly version: number;
  readonly dialect: Dialect;
  readonly userId: string;
  private readonly now: () => number;
  private readonly created: string;
  private modified: string;
  private began = 0;
  private took = 0;

  constructor({ id, operation, userId, version, dialect, now }: JobOptions) {
    this.id = id;
    this.operation = operation;
    this.userId = userId;
    this.version = version;
    this.dialect = dialect;
    this.now = now;
    this.created = this.modified = formatDateTime(now());
  }

  /** Nothing more becomes of it. */
  get over(): boolean {
    return this.state === "JobComplete" || this.state === "Failed" || this.state === "Aborted";
  }

  move(state: JobState): void {
    this.state = state;
    this.modified = formatDateTime(this.now());
    if (state === "InProgress") this.began = performance.now();
    else if (this.began > 0) this.took = Math.round(performance.now() - this.began);
  }

  /** Ends as failed. @param text for example `InvalidBatch : Field name not found : Foo__c` */
  fail(text: string): void {
    this.errorMessage = text;
    this.move("Failed");
  }

  /** @throws ApiError `INVALIDJOBSTATE` in any other state */
  need(...states: JobState[]): void {
    if (states.includes(this.state)) return;
    throw new ApiError("INVALIDJOBSTATE", `The job is in state ${this.state}; this needs ${states.join(" or ")}`);
  }

  /** As a create answers, and lists. */
  summary(): Record<string, unknown> {
    const { id, operation, object, userId, state, version, dialect } = this;
    return {
      id,
      operation,
      object,
      createdById: userId,
      createdDate: this.created,
      systemModstamp: this.modified,
      state,
      concurrencyMode: "Parallel",
      contentType: "CSV",
      apiVersion: version,
      lineEnding: dialect.lineEnding,
      columnDelimiter: dialect.columnDelimiter,
    };
  }

  /** As `GET /{id}` answers. */
  info(): Record<string, unknown> {
    return {
      ...this.summary(),
      jobType: this.jobType,
      retries: 0,
      totalProcessingTime: this.took,
      numberRecordsProcessed: this.processed,
      ...(this.errorMessage === undefined ? {} : { errorMessage: this.errorMessage }),
    };
  }
}
