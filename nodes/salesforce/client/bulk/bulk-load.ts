import { halves } from "../../../common/chunks";
import { ConnectorError, isConnectorError } from "../../../common/errors";
import { errorsOf, type ShownError } from "../failure";
import { contentKey, type JobBook } from "./bulk-book";
import type { BulkInput } from "./bulk-input";
import type { IngestJobRequest } from "./bulk-jobs";
import type { BulkLoader, LoadWatch } from "./bulk-loader";
import type { RowResult } from "./bulk-match";
import { csvOf, type CsvStyle, type Part, type PartLimits, partsOf } from "./bulk-parts";

/** Result of one row, as it is in `msg.salesforce.results`. */
export interface RowOutcome {
  /** Index of the row in the input, from 0. */
  row: number;
  id: string | null;
  success: boolean;
  created: boolean;
  errors: ShownError[];
}

/** Result of all rows of a message. */
export interface LoadResult {
  /** Id of the last job. */
  jobId: string | undefined;
  /** Ids of all jobs, in order. */
  jobs: string[];
  operation: string;
  object: string;
  /** Whether every row is in the org. */
  success: boolean;
  /** How many rows there were. */
  rows: number;
  /** How many rows the org worked on, refused ones included. */
  processed: number;
  /** How many rows the org refused. */
  failed: number;
  /** How many rows were not worked on, because their job failed or was aborted. */
  unprocessed: number;
  /** Whether these rows had been loaded before, and were not loaded again. */
  repeated: boolean;
  /** Results of all rows, in their order, or only of those that failed. */
  results: RowOutcome[];
}

/** A message's rows, and how they are to be loaded. */
export interface LoadRequest {
  input: BulkInput;
  /** What tells this message from others with the same rows, if anything does. */
  identity?: string;
  /** Whether the message may come again after it was sent on. If so, it is remembered that its rows were inserted. */
  mayRepeat: boolean;
  /** Told when a job was made or taken up. */
  onJob?: (id: string) => void;
  /** Told how many rows were worked on, and how many are known so far. */
  onProgress?: (processed: number, rows: number) => void;
}

/** Settings of a {@link BulkLoad}. */
export interface BulkLoadOptions {
  loader: BulkLoader;
  book: JobBook;
  request: IngestJobRequest;
  style: CsvStyle;
  limits: PartLimits;
  /** Whether to keep the results of rows that succeeded, too. */
  keepAll: boolean;
  /** Whether failed rows go to an output that is wired; the load is then done. If not, the message fails, and the rows are tried again when it comes again. */
  failuresTaken: boolean;
}

/** Result of loading a message's rows, and what is wrong with those that failed. */
export interface Loaded {
  result: LoadResult;
  /** The rows that are not in the org, as they came, in the order of `failures`. */
  failedRows: unknown[];
  failures: RowOutcome[];
  /** The error that the message fails with, unless its failed rows are taken; set when any row failed. */
  error?: ConnectorError;
}

/** How many failed rows are listed in an error's details. */
const TOLD = 20;

/** Loads all rows of a message, by as many jobs as needed, one after the other. */
export class BulkLoad {
  constructor(private readonly options: BulkLoadOptions) {}

  /** Loads the rows. @throws ConnectorError as {@link BulkLoader.load}, and whatever iterating over the rows throws */
  async run(request: LoadRequest): Promise<Loaded> {
    const { keepAll, failuresTaken } = this.options;
    const { operation, object } = this.options.request;
    const result: LoadResult = {
      jobId: undefined, jobs: [], operation, object, success: true, rows: 0, processed: 0, failed: 0, unprocessed: 0, repeated: false, results: [],
    };
    const loaded: Loaded = { result, failedRows: [], failures: [] };
    let first: ConnectorError | undefined;
    let mayPass = true;
    const keys: { key: string; failed: boolean }[] = [];
    let index = 0;
    for await (const whole of partsOf(request.input, this.options.style, this.options.limits)) {
      const pieces: Piece[] = [{ part: whole, place: String(index) }];
      index += 1;
      for (let piece = pieces.shift(); piece; piece = pieces.shift()) {
        const { part, place } = piece;
        const key = this.keyOf(part.csv, place, request.identity);
        const before = result.rows;
        const watch = {
          onJob: (id: string) => {
            if (!result.jobs.includes(id)) result.jobs.push(id);
            result.jobId = id;
            request.onJob?.(id);
          },
          onProgress: (processed: number) => request.onProgress?.(before + Math.min(processed, part.rows.length), before + part.rows.length),
        };
        const found = await this.load(key, part, watch, () => this.wasDone(key, request.mayRepeat).then((done) => void (result.repeated ||= done)));
        if (!found) {
          pieces.unshift(...halvesOf(piece, this.options.style));
          keys.push({ key, failed: false });
          continue;
        }
        result.rows += part.rows.length;
        let failed = false;
        found.forEach((one, row) => {
          if (!one.ok) {
            failed = true;
            first ??= one.error;
            mayPass &&= one.error.retryable;
          }
          count(loaded, one, before + row, part.rows[row]?.row, keepAll);
        });
        keys.push({ key, failed });
      }
    }
    if (first) loaded.error = failure(loaded, first, mayPass);
    for (const { key, failed } of keys) await this.close(key, { failed: failed && !failuresTaken, waiting: loaded.error !== undefined && !failuresTaken, mayRepeat: request.mayRepeat });
    return loaded;
  }

  /**
   * Loads one part. @returns the result of each row; `undefined` when the part is too large for one upload (of a proxy on the way, say) and must be halved.
   * That is stored, so that the rows are halved in the same places when they come again: the proxy may take more by then, and a part loaded whole would
   * load the rows of a half that is in the org a second time.
   */
  private async load(key: string, part: Part, watch: LoadWatch, begin: () => Promise<void>): Promise<RowResult[] | undefined> {
    const { loader, book } = this.options;
    if ((await book.find(key))?.parted) return undefined;
    await begin();
    try {
      return await loader.load(key, part, watch);
    } catch (error) {
      if (!isConnectorError(error) || error.code !== "PAYLOAD_TOO_LARGE" || part.rows.length < 2) throw error;
      const load = await book.find(key);
      if (!load || load.jobs.length > 0) throw error;
      await book.put(key, { ...load, parted: true });
      return undefined;
    }
  }

  private keyOf(csv: Buffer, place: string, identity: string | undefined): string {
    const { operation, object, externalIdFieldName, assignmentRuleId } = this.options.request;
    return contentKey(operation, object, externalIdFieldName, assignmentRuleId, this.options.style.delimiter, place, identity, csv);
  }

  /**
   * Whether these rows were loaded before, and their message has come again. Remembered only for inserts. With other operations, loading the same values
   * again is right: the records may have got other values in between.
   */
  private async wasDone(key: string, mayRepeat: boolean): Promise<boolean> {
    const { book, request } = this.options;
    const load = await book.find(key);
    if (!load?.done) return false;
    if (mayRepeat && request.operation === "insert") return true;
    await book.remove(key);
    return false;
  }

  private async close(key: string, { failed, waiting, mayRepeat }: { failed: boolean; waiting: boolean; mayRepeat: boolean }): Promise<void> {
    const { book, request } = this.options;
    const load = await book.find(key);
    if (!load) return;
    if (failed) await book.put(key, { ...load, told: true });
    else if (waiting) return; // another part has failed, so the message comes again; the entry stays, so that this part's rows are not loaded twice
    else if (mayRepeat && request.operation === "insert") await book.put(key, { ...load, done: true });
    else await book.remove(key);
  }
}

/** Rows of one upload, and their place in the message: `1.0` is the first half of the second part. */
interface Piece {
  part: Part;
  place: string;
}

function halvesOf({ part: { columns, rows }, place }: Piece, style: CsvStyle): Piece[] {
  return halves(rows).map((some, index) => ({ part: { columns, rows: some, csv: csvOf(columns, some, style) }, place: `${place}.${index}` }));
}

function count({ result, failures, failedRows }: Loaded, one: RowResult, row: number, input: unknown, keepAll: boolean): void {
  if (one.ok) {
    result.processed += 1;
    if (keepAll) result.results.push({ row, id: one.id, success: true, created: one.created, errors: [] });
    return;
  }
  const outcome = { row, id: null, success: false, created: false, errors: outcomeErrors(one.error) };
  result.success = false;
  if (one.error.details.unprocessed === true) result.unprocessed += 1;
  else {
    result.processed += 1;
    result.failed += 1;
  }
  failures.push(outcome);
  failedRows.push(input);
  result.results.push(outcome);
}

/** The errors of a row, with the API's names. For rows that were not worked on: why the job ended. */
function outcomeErrors(error: ConnectorError): RowOutcome["errors"] {
  const errors = errorsOf(error);
  return error.details.unprocessed === true && error.details.errors === undefined ? errors.map((one) => ({ ...one, statusCode: "UNPROCESSED" })) : errors;
}

/** The error for a message with failed rows. @param mayPass whether another try may help for each of them */
function failure({ result, failures }: Loaded, first: ConnectorError, mayPass: boolean): ConnectorError {
  const lost = result.failed + result.unprocessed;
  const text = `${lost.toLocaleString("en")} of ${result.rows.toLocaleString("en")} rows are not in the org; the first is row ${(failures[0]?.row ?? 0) + 1}: ${first.message}`;
  return new ConnectorError(mayPass ? first.code : "ORG_REFUSED", text, {
    details: {
      ...result,
      failures: failures.slice(0, TOLD).map(({ row, errors: one }) => ({ row: row + 1, errors: one })),
    },
    cause: first,
  });
}
