import { ConnectorError, isConnectorError } from "../../../common/errors";
import { contentKey, type JobBook } from "./bulk-book";
import { type BulkJobs, isUsedUp, type JobInfo, JOBS_USED_UP, type QueryJobRequest, type QueryPage } from "./bulk-jobs";
import { type PollOptions, untilOver } from "./bulk-poll";

/** One row: values by column name, null where the cell is empty. */
export type BulkRecord = Record<string, string | null>;

/** Settings of a {@link BulkQuery}. */
export interface BulkQueryOptions {
  jobs: BulkJobs;
  book: JobBook;
  poll: Omit<PollOptions, "onProgress">;
  onProgress?: (processed: number) => void;
  /** Makes a call, and may replace the error it fails with. Default: errors stay as they are. */
  guarded?: Guarded;
}

/** @param subject tells the call from others; must be the same object at every try of the call */
type Guarded = <T>(subject: object, ask: () => Promise<T>) => Promise<T>;

const asItIs: Guarded = (_subject, ask) => ask();

/** How many rows are asked for at once. Every page counts towards the day's limit of API calls. */
const PAGE_SIZE = 10_000;
/** Error messages of jobs that fail because of their query. */
const QUERY_AT_FAULT = /^\s*(InvalidBatch|ClientInputError|InvalidJob|MALFORMED_QUERY|INVALID_)/i;
/** An unfinished job is taken up again if it is no older than so many ms. The rows of an older one would be out of date. */
const WORTH = 24 * 3_600_000;

/** Runs each query by a job. A job that was left unfinished, by a timeout or a restart, is taken up when the same query is run again. */
export class BulkQuery {
  constructor(private readonly options: BulkQueryOptions) {}

  /**
   * Runs a query until its rows are there.
   *
   * @param subject the same object at every try
   * @throws ConnectorError as {@link untilOver}; `ORG_REFUSED` when the job fails because of the query, `ORG_LIMIT` or `ORG_BUSY` when it fails for another reason
   */
  async run(request: QueryJobRequest, subject: object = request): Promise<BulkPages> {
    const { jobs, book, guarded = asItIs } = this.options;
    const key = contentKey("query", request.operation, request.columnDelimiter, request.lineEnding, request.query);
    const known = await book.find(key);
    const before = known && Date.now() - known.at < WORTH ? known.jobs[0] : undefined;
    const id = before ?? (await guarded(subject, () => jobs.createQueryJob(request))).id;
    if (before === undefined) await book.put(key, { at: Date.now(), jobs: [id] });
    try {
      return await this.pages(id, subject, () => book.remove(key));
    } catch (error) {
      // a job that will never have rows must not be taken up again
      const isLost = isConnectorError(error) && error.code === "ORG_REFUSED" && !error.retryable;
      if (isLost) await book.remove(key);
      // it is gone, or was made with another API version: a new one gives the rows
      if (isLost && before !== undefined && error.details.state === undefined) return this.run(request, subject);
      throw byOrg(error);
    }
  }

  /** Waits for an existing job, and gives its rows. @param subject the same object at every try @param onRead awaited before the first rows are read */
  async pages(id: string, subject: object, onRead?: () => Promise<void>): Promise<BulkPages> {
    const { jobs, poll, onProgress, guarded = asItIs } = this.options;
    const look = (one: string): Promise<JobInfo> => guarded(subject, () => jobs.getQueryJobInfo(one));
    const job = await untilOver(id, look, { ...poll, onProgress: (info) => onProgress?.(info.numberRecordsProcessed ?? 0) });
    if (job.state === "JobComplete") return new BulkPages(jobs, job, PAGE_SIZE, guarded, onRead);
    const why = job.state === "Aborted" ? "was aborted" : `failed: ${job.errorMessage ?? "the org does not say why"}`;
    throw new ConnectorError("ORG_REFUSED", `The query job ${id} ${why}`, { details: { jobId: id, state: job.state, errorMessage: job.errorMessage } });
  }
}

/** Makes the failure of a job for a reason of the org (too many retries, no time, no more batches) an error that is tried again. That is safe, as no rows were read yet. */
function byOrg(error: unknown): unknown {
  if (!isConnectorError(error) || error.details.state !== "Failed" || QUERY_AT_FAULT.test(String(error.details.errorMessage))) return error;
  if (isUsedUp(error.details.errorMessage)) return new ConnectorError("ORG_LIMIT", error.message, { details: { ...error.details, retryAfter: JOBS_USED_UP }, cause: error });
  return new ConnectorError("ORG_BUSY", error.message, { details: error.details, cause: error });
}

/** The rows of a query job. Each page is read when it is asked for. */
export class BulkPages {
  /** Whether a page whose answer was lost can be asked for again. */
  readonly resumes = true;
  private locator: string | undefined;
  private over = false;
  private read = 0;

  constructor(
    private readonly jobs: BulkJobs,
    readonly job: JobInfo,
    private pageSize: number,
    private readonly guarded: Guarded = asItIs,
    private onRead?: () => Promise<void>,
  ) {}

  /** The next rows; `undefined` when there are no more. @throws ConnectorError, also when the org gives another number of rows than it has counted */
  async next(): Promise<BulkRecord[] | undefined> {
    await this.onRead?.();
    this.onRead = undefined;
    while (!this.over) {
      const { columns, rows, locator } = await this.guarded(this, () => this.ask());
      this.locator = locator;
      this.over = locator === undefined;
      this.read += rows.length;
      const expected = this.job.numberRecordsProcessed;
      if (this.over && expected !== undefined && this.read !== expected) {
        throw new ConnectorError("ORG_REFUSED", `The job ${this.job.id} has ${expected} rows, and its results ${this.read}`, { retryable: true, details: { jobId: this.job.id } });
      }
      if (rows.length > 0) return rows.map((cells) => recordOf(columns, cells));
    }
    return undefined;
  }

  close(): Promise<void> {
    this.over = true;
    return Promise.resolve();
  }

  /** Asks for a page. If it is too large for one answer, halves the size of the pages from then on. */
  private async ask(): Promise<QueryPage> {
    for (;;) {
      try {
        return await this.jobs.getQueryJobResults(this.job, { maxRecords: this.pageSize, ...(this.locator === undefined ? {} : { locator: this.locator }) });
      } catch (error) {
        if (!isConnectorError(error) || error.code !== "PAYLOAD_TOO_LARGE" || this.pageSize <= 1) throw error;
        this.pageSize = Math.ceil(this.pageSize / 2);
      }
    }
  }
}

function recordOf(columns: readonly string[], cells: readonly string[]): BulkRecord {
  const record: BulkRecord = {};
  for (let index = 0; index < columns.length; index += 1) record[columns[index] as string] = cells[index] || null;
  return record;
}
