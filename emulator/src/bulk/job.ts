import { ApiError } from "../api-error";
import { formatDateTime } from "../dates";
import type { Dialect } from "./dialect";

/** `Open → UploadComplete → InProgress → JobComplete | Failed`, or `Aborted`. */
export type JobState = "Open" | "UploadComplete" | "InProgress" | "JobComplete" | "Failed" | "Aborted";

/** The options of a {@link Job}. */
export interface JobOptions {
  id: string;
  operation: string;
  userId: string;
  version: number;
  dialect: Dialect;
  now: () => number;
}

/** The base class of ingest and query jobs. */
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

  /** Whether the job has ended. */
  get over(): boolean {
    return this.state === "JobComplete" || this.state === "Failed" || this.state === "Aborted";
  }

  move(state: JobState): void {
    this.state = state;
    this.modified = formatDateTime(this.now());
    if (state === "InProgress") this.began = performance.now();
    else if (this.began > 0) this.took = Math.round(performance.now() - this.began);
  }

  /** Ends the job as failed. @param text for example `InvalidBatch : Field name not found : Foo__c` */
  fail(text: string): void {
    this.errorMessage = text;
    this.move("Failed");
  }

  /** Checks that the job is in one of these states. @throws ApiError `INVALIDJOBSTATE` if not */
  need(...states: JobState[]): void {
    if (states.includes(this.state)) return;
    throw new ApiError("INVALIDJOBSTATE", `The job is in state ${this.state}; this needs ${states.join(" or ")}`);
  }

  /** Returns the job as in the answer to its creation and in lists. */
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

  /** Returns the job as in the answer to `GET /{id}`. */
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
