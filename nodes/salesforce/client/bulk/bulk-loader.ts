import { setTimeout as delay } from "node:timers/promises";
import { ConnectorError, isConnectorError } from "../../../common/errors";
import type { JobBook, Load } from "./bulk-book";
import { type BulkJobs, type IngestJobRequest, isUsedUp, JOB_REFUSED, type JobInfo, JOBS_USED_UP } from "./bulk-jobs";
import { ownText, rowError, RowMatch, type RowResult } from "./bulk-match";
import { csvNamed, csvOf, type CsvStyle, type Part } from "./bulk-parts";
import { checkStopped, type PollOptions, untilOver } from "./bulk-poll";
import type { ColumnNames } from "./column-names";
import { isTaken } from "../records/record-writer";
import { mayBeOfRecords } from "../suspicion";

/** What a {@link BulkLoader} needs. */
export interface LoaderOptions {
  jobs: BulkJobs;
  names: Pick<ColumnNames, "spelled">;
  book: JobBook;
  request: IngestJobRequest;
  style: CsvStyle;
  poll: Omit<PollOptions, "onProgress">;
}

/** Told about the progress while rows are loaded. */
export interface LoadWatch {
  /** A job was made, or taken up. */
  onJob?: (id: string) => void;
  /** @param processed how many rows of this part were worked on so far */
  onProgress?: (processed: number) => void;
}

/** How often rows are given to another job when they were locked, or when their job failed for a reason that has nothing to do with them. */
const LOCK_RETRIES = 3;
/** ms before that; doubles each time. */
const LOCK_DELAY = 500;

/** Error messages of jobs that fail because of their rows. All others (too many locks, no more batches, an error of the org) say nothing about the rows. */
const DATA_AT_FAULT = /^\s*(InvalidBatch|ClientInputError|InvalidJob)/i;

/**
 * Loads rows by one job, once: the job's id is stored before the upload, and when the rows come again, they take up that job. A job runs only after it was
 * closed, so one that is found Open is aborted, and its rows are given to another.
 */
export class BulkLoader {
  constructor(private readonly options: LoaderOptions) {}

  /**
   * Loads rows. @returns the result of each, in order
   *
   * @param key key of these rows in the book
   * @throws ConnectorError `JOB_UNFINISHED` and `FLOW_STOPPED` with `details.jobId`; an error of scope `system` when the rows, loaded again with the same
   *   key, go on where they stopped
   */
  async load(key: string, part: Part, watch: LoadWatch = {}): Promise<RowResult[]> {
    const { book } = this.options;
    const load = (await book.find(key)) ?? { at: Date.now(), jobs: [] };
    const results: (RowResult | undefined)[] = new Array<undefined>(part.rows.length).fill(undefined);
    for (const id of [...load.jobs]) await this.finish(id, key, load, part, results, watch);
    const told = load.told === true;
    for (let round = 0; ; round += 1) {
      const todo = results.flatMap((result, index) => (needsJob(result, round < LOCK_RETRIES, round === 0, told) ? index : []));
      if (todo.length === 0) break;
      if (round > 0) await delay(LOCK_DELAY * 2 ** (round - 1));
      const id = await this.start(key, load, await this.csvOf(part, todo));
      for (const index of todo) results[index] = undefined;
      await this.finish(id, key, load, part, results, watch);
    }
    // after a stop, the messages were given back: throws, so that the book keeps what they need when they come again
    checkStopped(this.options.poll.signal, load.jobs.at(-1));
    for (const result of results) if (result && !result.ok && result.error.scope === "system") throw result.error;
    return results as RowResult[];
  }

  private async csvOf(part: Part, todo: readonly number[]): Promise<Buffer> {
    const { names, request, style } = this.options;
    const columns = await names.spelled(request.object, part.columns);
    return todo.length === part.rows.length ? csvNamed(part, columns, style) : csvOf(columns, rowsAt(part, todo), style);
  }

  /** Whether the org can be reached with an upload that holds no rows. Its job is aborted. */
  async takesUploads(): Promise<boolean> {
    const { jobs, request } = this.options;
    try {
      const { id } = await jobs.createJob(request);
      return await jobs.uploadJobData(id, "Id\n").then(() => true, () => false).finally(() => jobs.abortJob(id).catch(() => undefined));
    } catch {
      return false;
    }
  }

  private async start(key: string, load: Load, csv: Buffer): Promise<string> {
    const { jobs, request, poll } = this.options;
    checkStopped(poll.signal, undefined);
    const { id } = await jobs.createJob(request).catch(asSetting);
    checkStopped(poll.signal, undefined);
    const { told } = load;
    load.jobs.push(id);
    delete load.told;
    try {
      await this.put(key, load);
    } catch (error) {
      load.jobs.pop(); // nothing was uploaded
      if (told) load.told = told;
      await jobs.abortJob(id).catch(() => undefined);
      throw error;
    }
    try {
      await jobs.uploadJobData(id, csv);
    } catch (error) {
      // it is not known whether the data has arrived, and a job takes only one upload
      await this.drop(id, key, load);
      checkStopped(poll.signal, id);
      throw mayBeOfRecords(error, false) ? ofUpload(error as ConnectorError) : error;
    }
    checkStopped(poll.signal, id);
    await jobs.closeJob(id).catch((error: unknown) => {
      if (!isWrongState(error)) throw error;
    });
    return id;
  }

  /** Waits for a job and takes its results. Rows without a result get an error that says why; if the job never ran, they stay as they are. */
  private async finish(id: string, key: string, load: Load, part: Part, results: (RowResult | undefined)[], watch: LoadWatch): Promise<void> {
    const { jobs, request, poll } = this.options;
    watch.onJob?.(id);
    const open = results.flatMap((result, index) => (result?.ok ? [] : index));
    const look = (): Promise<JobInfo> => untilOver(id, (one) => jobs.getJobInfo(one), { ...poll, onProgress: (info) => watch.onProgress?.(results.length - open.length + (info.numberRecordsProcessed ?? 0)) });
    let job: JobInfo;
    try {
      job = await look();
      if (job.state === "Open") {
        await jobs.abortJob(id).catch((error: unknown) => {
          if (!isWrongState(error)) throw error;
        });
        job = await look();
        if (!job.numberRecordsProcessed) return await this.drop(id, key, load, false);
      }
    } catch (error) {
      if (!isGone(error)) throw error;
      await this.drop(id, key, load, false);
      if (request.operation !== "insert") return; // loading the rows again gives the same records
      await this.put(key, { ...load, told: true });
      throw new ConnectorError("ORG_REFUSED", `The job ${id} is no longer there, so whether its rows were inserted is not known. The message, sent again, inserts them`, {
        details: { jobId: id, outcomeUnknown: true },
      });
    }
    await this.collect(job, part, open, results);
  }

  private async collect(job: JobInfo, part: Part, open: number[], results: (RowResult | undefined)[]): Promise<void> {
    const { jobs, request } = this.options;
    const match = new RowMatch(part.columns, rowsAt(part, open), open);
    const found = new Set<number>();
    const strays: { cells: string[]; columns: readonly string[]; result: RowResult }[] = [];
    const note = (place: number | undefined, result: RowResult): boolean => {
      if (place === undefined) return false;
      found.add(place);
      results[place] = result;
      return true;
    };
    let told = 0;
    const take = (cells: string[], columns: readonly string[], result: RowResult): void => {
      told += 1;
      if (!note(match.take(cells, columns), result)) strays.push({ cells, columns, result });
    };
    const failed = job.numberRecordsFailed ?? Infinity;
    if ((job.numberRecordsProcessed ?? Infinity) > failed || failed === Infinity) {
      await jobs.getSuccessfulResults(job, (cells, columns) => take(cells, columns, { ok: true, id: ownText(cells[0] ?? ""), created: cells[1] === "true" }));
    }
    if (failed > 0) await jobs.getFailedResults(job, (cells, columns) => take(cells, columns, { ok: false, error: this.errorOf(cells[1] ?? "") }));
    for (const { cells, columns, result } of strays) note(match.takeLoosely(cells, columns), result);
    const why = unprocessed(job, request.operation === "insert" && told < (job.numberRecordsProcessed ?? 0));
    for (const index of open) if (!found.has(index) && (results[index] === undefined || results[index].ok)) results[index] = { ok: false, error: why };
  }

  /** The error of a row. A record that another client has made between the look-up and the insert of an upsert is there for another job, which updates it. */
  private errorOf(text: string): ConnectorError {
    const error = rowError(text);
    const { operation, externalIdFieldName = "Id" } = this.options.request;
    return operation === "upsert" && isTaken(error, externalIdFieldName) ? new ConnectorError("ORG_BUSY", error.message, { details: error.details, cause: error }) : error;
  }

  /** Forgets a job that has loaded no rows. @param end whether to abort it first, if possible */
  private async drop(id: string, key: string, load: Load, end = true): Promise<void> {
    load.jobs = load.jobs.filter((one) => one !== id);
    if (end) await this.options.jobs.abortJob(id).catch(() => undefined); // the org ends what is never closed after a day
    await this.put(key, load);
  }

  /** Stores a load, unless the node is closed: the book then belongs to the node that replaces it. */
  private async put(key: string, load: Load): Promise<void> {
    if (!this.options.poll.signal.aborted) await this.options.book.put(key, load);
  }
}

/**
 * Whether a row is to be given to a job, or to another one.
 *
 * @param lockedAgain whether locked rows are tried again
 * @param first whether this is the first job of this run
 * @param told as {@link Load.told}
 */
function needsJob(result: RowResult | undefined, lockedAgain: boolean, first: boolean, told: boolean): boolean {
  if (!result) return true;
  if (result.ok) return false;
  if (result.error.scope === "system") return first;
  return (result.error.code === "ORG_BUSY" && lockedAgain) || (told && first);
}

function rowsAt(part: Part, places: readonly number[]): Part["rows"] {
  return places.length === part.rows.length ? part.rows : places.map((place) => part.rows[place] as Part["rows"][number]);
}

/** The error for rows that the job has no result for. @param unsure whether the job may have inserted some of them: another job could insert those twice */
function unprocessed(job: JobInfo, unsure: boolean): ConnectorError {
  const details = { jobId: job.id, state: job.state, unprocessed: true };
  if (job.state === "Failed") {
    const { errorMessage = "the org does not say why" } = job;
    if (unsure) return new ConnectorError("ORG_REFUSED", `The job ${job.id} failed, and does not say of every row whether it was inserted: ${errorMessage}`, { details: { ...details, outcomeUnknown: true } });
    if (isUsedUp(errorMessage)) return new ConnectorError("ORG_LIMIT", `The job ${job.id} failed: ${errorMessage}`, { details: { ...details, retryAfter: JOBS_USED_UP } });
    return new ConnectorError(DATA_AT_FAULT.test(errorMessage) ? "ORG_REFUSED" : "ORG_BUSY", `The job ${job.id} failed: ${errorMessage}`, { details });
  }
  if (job.state === "Aborted") return new ConnectorError("ORG_REFUSED", `The job ${job.id} was aborted`, { details });
  return new ConnectorError("ORG_REFUSED", `The job ${job.id} is complete, but has no result for this row`, { details: { ...details, outcomeUnknown: true } });
}

/** Makes the org's refusal of a new job an error of the node's settings, of which alone a job is made: it is not the message's fault. */
function asSetting(error: unknown): never {
  if (!isConnectorError(error) || error.scope === "system" || error.retryable) throw error;
  throw new ConnectorError("NOT_CONFIGURED", `The org makes no such job: ${error.message}`, { details: { ...error.details, retryAfter: JOB_REFUSED }, cause: error });
}

/** Marks an error as one of an upload: it may be about the content of the rows, or their number. */
function ofUpload({ code, message, details, cause }: ConnectorError): ConnectorError {
  return new ConnectorError(code, message, { details: { ...details, ofUpload: true }, cause });
}

function isWrongState(error: unknown): boolean {
  return isConnectorError(error) && /^INVALID_?JOB_?STATE$/i.test(String(error.details.errorCode));
}

function isGone(error: unknown): boolean {
  return isConnectorError(error) && error.details.errorCode === "NOT_FOUND";
}
