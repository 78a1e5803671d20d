import { errorsOf } from "../failure";
import type { BulkJobs, JobInfo } from "./bulk-jobs";
import { ownText, rowError } from "./bulk-match";

/** Result of one row of a job, read without the rows that were uploaded. */
export interface JobRow {
  id: string | null;
  success: boolean;
  created: boolean;
  errors: { statusCode: string; message: string; fields: string[] }[];
  /** The row, as it was uploaded. */
  fields: Record<string, string>;
}

/** Results of the rows of a job. */
export interface JobRows {
  processed: number;
  failed: number;
  unprocessed: number;
  /** In no particular order. */
  results: JobRow[];
  /** The results of rows that are not in the org. */
  failures: JobRow[];
}

/** Reads the results of a job that has ended. @param keepAll whether to keep those of rows that succeeded, too */
export async function readJob(jobs: BulkJobs, job: JobInfo, keepAll: boolean): Promise<JobRows> {
  const found: JobRows = { processed: 0, failed: 0, unprocessed: 0, results: [], failures: [] };
  await jobs.getSuccessfulResults(job, (cells, columns) => {
    found.processed += 1;
    if (keepAll) found.results.push({ id: ownText(cells[0] ?? ""), success: true, created: cells[1] === "true", errors: [], fields: fieldsOf(cells, columns, 2) });
  });
  const fail = (row: Omit<JobRow, "id" | "success" | "created">): void => {
    const result = { id: null, success: false, created: false, ...row };
    found.results.push(result);
    found.failures.push(result);
  };
  await jobs.getFailedResults(job, (cells, columns) => {
    found.processed += 1;
    found.failed += 1;
    fail({ errors: errorsOf(rowError(cells[1] ?? "")), fields: fieldsOf(cells, columns, 2) });
  });
  if (job.state === "JobComplete") return found;
  const message = job.state === "Failed" ? (job.errorMessage ?? "the job failed") : "the job was aborted";
  await jobs.getUnprocessedResults(job, (cells, columns) => {
    found.unprocessed += 1;
    fail({ errors: [{ statusCode: "UNPROCESSED", message, fields: [] }], fields: fieldsOf(cells, columns) });
  });
  return found;
}

/** The fields of a row by their names. @param from the first column that is a field */
export function fieldsOf(cells: readonly string[], columns: readonly string[], from = 0): Record<string, string> {
  return Object.fromEntries(columns.slice(from).map((name, index) => [name, cells[index + from] ?? ""]));
}
