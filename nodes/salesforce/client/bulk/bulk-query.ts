import { ConnectorError, isConnectorError } from "../../../common/errors";
import { contentKey, type JobBook } from "./bulk-book";
import type { BulkJobs, JobInfo, QueryJobRequest, QueryPage } from "./bulk-jobs";
import { type PollOptions, untilOver } from "./bulk-poll";

/** One row, by the names of its columns; null where the CSV has nothing. */
export type BulkRecord = Record<string, string | null>;

/** Settings of a {@link BulkQuery}. */
export interface BulkQueryOptions {
  jobs: BulkJobs;
  book: JobBook;
  poll: Omit<PollOptions, "onProgress">;
  onProgress?: (processed: number) => void;
  /** Judges what a call fails by. Default: it is as it is. */
  guarded?: Guarded;
}

/** @param subject the same at every try of one call */
type Guarded = <T>(subject: object, ask: () => Promise<T>) => Promise<T>;

const asItIs: Guarded = (_subject, ask) => ask();

/** Rows asked for at once: every page is a call of the day's. */
const PAGE_SIZE = 10_000;
/** Why a job fails over its query. */
const QUERY_AT_FAULT = /^\s*(InvalidBatch|ClientInputError|InvalidJob|MALFORMED_QUERY|INVALID_)/i;
/** ms for which a job that was left unfinished is worth taking up: later, its rows would be old news. */
const WORTH = 24 * 3_600_000;

/** Runs queries by jobs of their own. One that takes too long, or longer than the process lives, is taken up by the same query. */
export class BulkQuery {
  constructor(private readonly options: BulkQueryOptions) {}

  /** Runs a query until its rows are there. @param subject the same at every try @throws ConnectorError as {@link untilOver}; `ORG_REFUSED` when the job fails over the query, `ORG_BUSY` when it fails otherwise */
  async run(request: QueryJobRequest, subject: object = request): Promise<BulkPages> {
    const { jobs, book, guarded = asItIs } = this.options;
    const key = contentKey("query", request.operation, request.columnDelimiter, request.lineEnding, request.query);
    const known = await book.find(key);
    let id = known && Date.now() - known.at < WORTH ? known.jobs[0] : undefined;
    if (id === undefined) {
      ({ id } = await guarded(subject, () => jobs.createQueryJob(request)));
      await book.put(key, { at: Date.now(), jobs: [id] });
    }
    try {
      return await this.pages(id, subject, () => book.remove(key));
    } catch (error) {
      // A job that will never have rows is no one's to take up.
      if (isConnectorError(error) && error.code === "ORG_REFUSED" && !error.retryable) await book.remove(key);
      throw byOrg(error);
    }
  }

  /** The rows of a job there is, once they are there. @param subject the same at every try @param onRead awaited before the first are read */
  async pages(id: string, subject: object, onRead?: () => Promise<void>): Promise<BulkPages> {
    const { jobs, poll, onProgress, guarded = asItIs } = this.options;
    const look = (one: string): Promise<JobInfo> => guarded(subject, () => jobs.getQueryJobInfo(one));
    const job = await untilOver(id, look, { ...poll, onProgress: (info) => onProgress?.(info.numberRecordsProcessed ?? 0) });
    if (job.state === "JobComplete") return new BulkPages(jobs, job, PAGE_SIZE, guarded, onRead);
    const why = job.state === "Aborted" ? "was aborted" : `failed: ${job.errorMessage ?? "the org does not say why"}`;
    throw new ConnectorError("ORG_REFUSED", `The query job ${id} ${why}`, { details: { jobId: id, state: job.state, errorMessage: job.errorMessage } });
  }
}

/** Nothing is read twice by another job: one that the org has failed for reasons of its own (too many retries, no time) is worth a try. */
function byOrg(error: unknown): unknown {
  if (!isConnectorError(error) || error.details.state !== "Failed" || QUERY_AT_FAULT.test(String(error.details.errorMessage))) return error;
  return new ConnectorError("ORG_BUSY", error.message, { details: error.details, cause: error });
}

/** The rows of a query job, page by page, as they are asked for. */
export class BulkPages {
  /** A page whose answer was lost can be asked for again. */
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

  /** The next rows; `undefined` when there are no more. @throws ConnectorError also when the org gives fewer rows than it has counted */
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

  /** Rows that are too long for one answer come in smaller pages from then on. */
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
