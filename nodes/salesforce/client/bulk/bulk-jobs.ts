import { StringDecoder } from "node:string_decoder";
import { ConnectorError, isConnectorError } from "../../../common/errors";
import { foreignAnswer } from "../errors";
import { CsvReader } from "./csv-reader";
import { delimiterOf } from "./csv-dialect";
import type { RestClient } from "../rest";

/** What an ingest job does with its rows. */
export type IngestOperation = "insert" | "update" | "upsert" | "delete" | "hardDelete";

/** A new ingest job, with the API's names. */
export interface IngestJobRequest {
  object: string;
  operation: IngestOperation;
  /** Required for an upsert. */
  externalIdFieldName?: string;
  /** A name of `DELIMITERS` (csv-dialect). Default `COMMA`. */
  columnDelimiter?: string;
  /** `LF` or `CRLF`. Default `LF`. */
  lineEnding?: string;
  /** Id of the assignment rule to run on cases and leads. Default: none runs. */
  assignmentRuleId?: string;
}

/** A new query job, with the API's names. */
export interface QueryJobRequest {
  query: string;
  operation: "query" | "queryAll";
  columnDelimiter?: string;
  lineEnding?: string;
}

/** A job as the org describes it. Fields that are not named here are kept. */
export interface JobInfo {
  id: string;
  state: "Open" | "UploadComplete" | "InProgress" | "JobComplete" | "Failed" | "Aborted";
  columnDelimiter?: string;
  /** How many rows were worked on, failed ones included. */
  numberRecordsProcessed?: number;
  numberRecordsFailed?: number;
  errorMessage?: string;
  [more: string]: unknown;
}

/** The job whose results are read, and the delimiter of its CSV. */
export type JobRef = Pick<JobInfo, "id" | "columnDelimiter">;

/** Called for one row of a list of results. @param columns names of the list's columns */
export type OnRow = (cells: string[], columns: readonly string[]) => void;

/** A page of the results of a query. */
export interface QueryPage {
  columns: string[];
  rows: string[][];
  /** Locator of the next page; absent on the last page. */
  locator?: string;
}

const CSV = "text/csv";
/** ms between tries to make a job that the org refuses. Each try counts towards the day's limit of API calls. */
export const JOB_REFUSED = 60_000;
/** ms between tries while the jobs or batches of the last 24 hours are used up. */
export const JOBS_USED_UP = 600_000;
/** ms that a list of results may take: 150 MB at 2 Mbit/s. */
const LONG = 600_000;

/**
 * The calls of Bulk API 2.0, one method each, with the names that other connectors use.
 *
 * jsforce's helper for whole jobs is not used: it deletes the job when polling takes longer than 30 s, and loops for ever when the header
 * `Sforce-Locator` is missing.
 */
export class BulkJobs {
  constructor(private readonly rest: RestClient) {}

  /** Makes an ingest job, in the state Open. If the answer is lost, an empty job may remain, which the org ends after a day. */
  createJob(request: IngestJobRequest): Promise<JobInfo> {
    return this.json("POST", "/jobs/ingest", { contentType: "CSV", ...request });
  }

  /** Uploads all data of an open job. Possible only once for each job. At most 150 MB in base64, which is about 100 MB of bytes. */
  async uploadJobData(id: string, csv: Buffer | string): Promise<void> {
    const path = `/jobs/ingest/${encodeURIComponent(id)}/batches`;
    const answer = await this.told(id, this.rest.raw({ method: "PUT", path, body: csv, headers: { "content-type": `${CSV}; charset=UTF-8` } }));
    if (answer.status !== 201) throw foreignAnswer(answer);
  }

  /** Says that the upload is complete; the org then begins. */
  closeJob(id: string): Promise<JobInfo> {
    return this.json("PATCH", ingest(id), { state: "UploadComplete" }, id);
  }

  /** Ends a job early. Records that it has written stay. */
  abortJob(id: string): Promise<JobInfo> {
    return this.json("PATCH", ingest(id), { state: "Aborted" }, id);
  }

  /** Deletes a job that has ended, with its results. */
  async deleteJob(id: string): Promise<void> {
    await this.json("DELETE", ingest(id), undefined, id);
  }

  /** Gets the state of a job. */
  getJobInfo(id: string): Promise<JobInfo> {
    return this.json("GET", ingest(id), undefined, id);
  }

  /** Every ingest job of the last seven days, newest first. */
  getAllJobInfo(): Promise<JobInfo[]> {
    return this.list("/jobs/ingest");
  }

  /** Gets the rows that were written, in no particular order: `sf__Id`, `sf__Created`, then the columns of the upload. */
  getSuccessfulResults(job: JobRef, onRow: OnRow): Promise<void> {
    return this.results(job, "successfulResults", onRow);
  }

  /** Gets the rows that were refused, in no particular order: `sf__Id`, `sf__Error`, then the columns of the upload. */
  getFailedResults(job: JobRef, onRow: OnRow): Promise<void> {
    return this.results(job, "failedResults", onRow);
  }

  /** Gets the rows that were not worked on, because the job failed or was aborted. */
  getUnprocessedResults(job: JobRef, onRow: OnRow): Promise<void> {
    return this.results(job, "unprocessedrecords", onRow);
  }

  /** Makes a query job, which the org begins at once. */
  createQueryJob(request: QueryJobRequest): Promise<JobInfo> {
    return this.json("POST", "/jobs/query", request);
  }

  /** Gets the state of a query job. */
  getQueryJobInfo(id: string): Promise<JobInfo> {
    return this.json("GET", query(id), undefined, id);
  }

  /** Every query job of the last seven days, newest first. */
  getAllQueryJobInfo(): Promise<JobInfo[]> {
    return this.list("/jobs/query");
  }

  /**
   * Gets one page of the results of a query job that is complete.
   *
   * @param options `locator`: as the previous page gave it; `maxRecords`: rows on a page, by default the org decides
   */
  async getQueryJobResults(job: JobRef, options: { locator?: string; maxRecords?: number }): Promise<QueryPage> {
    const search = new URLSearchParams();
    if (options.maxRecords) search.set("maxRecords", String(options.maxRecords));
    if (options.locator) search.set("locator", options.locator);
    const path = `${query(job.id)}/results${search.size > 0 ? `?${search.toString()}` : ""}`;
    const answer = await this.told(job.id, this.rest.raw({ method: "GET", path, headers: { accept: CSV }, type: CSV, timeout: LONG }));
    const [columns = [], ...rows] = new CsvReader(delimiterOf(job.columnDelimiter)).end(answer.body);
    const locator = answer.headers["sforce-locator"];
    if (locator === undefined) {
      throw new ConnectorError("ORG_UNAVAILABLE", "The results came without the header Sforce-Locator, which says whether more follow; a proxy may have taken it out");
    }
    return { columns, rows, ...(locator === "null" ? {} : { locator }) };
  }

  /** Ends a query job early. */
  abortQueryJob(id: string): Promise<JobInfo> {
    return this.json("PATCH", query(id), { state: "Aborted" }, id);
  }

  /** Deletes a query job that has ended, with its results. */
  async deleteQueryJob(id: string): Promise<void> {
    await this.json("DELETE", query(id), undefined, id);
  }

  private async json(method: "GET" | "POST" | "PATCH" | "DELETE", path: string, body?: object, id?: string): Promise<JobInfo> {
    const answer = await this.told(id, this.rest.request<JobInfo>({ method, path, ...(body ? { body } : {}) }));
    return answer.body;
  }

  private async list(path: string): Promise<JobInfo[]> {
    const found: JobInfo[] = [];
    for (let next: string | null = path; next; ) {
      const { body }: { body: { records: JobInfo[]; done: boolean; nextRecordsUrl: string | null } } = await this.rest.request({ method: "GET", path: next });
      found.push(...body.records);
      next = body.done ? null : body.nextRecordsUrl;
    }
    return found;
  }

  private async results(job: JobRef, name: string, onRow: OnRow): Promise<void> {
    const reader = new CsvReader(delimiterOf(job.columnDelimiter));
    const decoder = new StringDecoder("utf8");
    let columns: string[] | undefined;
    const hand = (rows: string[][]): void => {
      for (const row of rows) {
        if (columns) onRow(row, columns);
        else columns = row;
      }
    };
    const onBytes = (piece: Buffer): void => hand(reader.push(decoder.write(piece)));
    await this.told(job.id, this.rest.raw({ method: "GET", path: `${ingest(job.id)}/${name}`, headers: { accept: CSV }, type: CSV, timeout: LONG, onBytes }));
    hand(reader.end(decoder.end()));
  }

  /** Turns the errors that mean something else for jobs than for records into the right ones, and adds `details.jobId`. */
  private async told<T>(id: string | undefined, call: Promise<T>): Promise<T> {
    try {
      return await call;
    } catch (error) {
      if (!isConnectorError(error)) throw error;
      const { details, message } = error;
      const again = (code: ConnectorError["code"], text: string, more: object = {}) => new ConnectorError(code, text, { details: { ...details, ...more }, cause: error });
      if (id !== undefined && details.errorCode === "NOT_FOUND") throw again("ORG_REFUSED", `The org has no job ${id} (any more): jobs are kept for seven days`, { jobId: id });
      if (details.errorCode === "INVALIDENTITY") throw again("ORG_OBJECT_UNKNOWN", message, { retryAfter: JOB_REFUSED });
      if (isUsedUp(details.errorCode)) throw again("ORG_LIMIT", message, { retryAfter: JOBS_USED_UP });
      throw id === undefined ? error : again(error.code, message, { jobId: id });
    }
  }
}

/** Whether an error code, or the error message of a failed job, says that the jobs or batches of the last 24 hours are used up. */
export function isUsedUp(text: unknown): boolean {
  return /^\s*(LIMIT_EXCEEDED|EXCEEDED_?QUOTA)\b/i.test(String(text));
}

const ingest = (id: string): string => `/jobs/ingest/${encodeURIComponent(id)}`;
const query = (id: string): string => `/jobs/query/${encodeURIComponent(id)}`;
