import { setImmediate as turn, setTimeout as wait } from "node:timers/promises";
import { ApiError } from "../api-error";
import type { Org } from "../org";
import { runQuery, type Result } from "../soql/query";
import { quotedLine } from "./dialect";
import { Job, type JobOptions } from "./job";
import { Lines } from "./lines";
import type { Pace } from "./pace";

/** What a query job is made with besides. */
export interface QueryOptions extends JobOptions {
  query: string;
}

/** What a bulk query may not have [K]: it could not be cut into batches. */
const UNSUPPORTED = /\b(GROUP\s+BY|OFFSET\s+\d|TYPEOF\s)|\b(COUNT|SUM|AVG|MIN|MAX|COUNT_DISTINCT)\s*\(|\(\s*SELECT\b/i;

/** One query job: its rows are taken as they are when it runs. */
export class QueryJob extends Job {
  readonly jobType = "V2Query";
  readonly object: string;
  readonly lines = new Lines();
  readonly header: string;
  private readonly names: string[];
  private readonly result: Result;
  private readonly store: Org["store"];

  constructor(
    private readonly org: Org,
    private readonly pace: Pace,
    options: QueryOptions,
  ) {
    super(options);
    const { query, operation } = options;
    const text = query.replace(/'(?:[^'\\]|\\.)*'/g, "''");
    const refused = /^\s*SELECT\s/i.test(text) && UNSUPPORTED.exec(text.replace(/^\s*SELECT\s/i, ""));
    if (refused) throw new ApiError("API_ERROR", `A bulk query cannot have ${refused[0].trim()}`);
    this.result = runQuery(org, query, operation === "queryAll");
    this.names = selectedNames(text);
    this.object = /\bFROM\s+(\w+)/i.exec(text)?.[1] ?? "";
    this.header = quotedLine(this.names, this.dialect);
    this.store = org.store;
    this.move("UploadComplete");
  }

  /** Writes the results, in the background. */
  async run(): Promise<void> {
    const here = (): boolean => this.store === this.org.store && !this.over;
    if (this.pace.start > 0) await wait(this.pace.start, undefined, { ref: false });
    else await turn();
    if (!here()) return;
    this.move("InProgress");
    const fault = this.pace.take();
    const base = `/services/data/v${this.version}.0`;
    for (const row of this.result.rows) {
      if (fault && this.processed >= (fault.after ?? 0)) {
        if (fault.kind === "fail") return this.fail(fault.message ?? "InternalServerError : Too many failures");
        fault.after = Infinity;
        await this.pace.untilReleased();
        if (!here()) return;
      }
      const json = this.result.toJson(row, base);
      this.lines.add(quotedLine(this.names.map((name) => cell(json, name)), this.dialect));
      this.processed += 1;
      if (this.processed % Math.max(1, this.pace.rows) > 0) continue;
      if (this.pace.interval > 0) await wait(this.pace.interval, undefined, { ref: false });
      else await turn();
      if (!here()) return;
    }
    if (fault?.kind === "fail") return this.fail(fault.message ?? "InternalServerError : Too many failures");
    this.move("JobComplete");
  }
}

/** The names in the SELECT list, as they were written: they are the columns. */
function selectedNames(text: string): string[] {
  const list = /^\s*SELECT\s+(.*?)\s+FROM\s/is.exec(text)?.[1] ?? "";
  return list.split(",").map((name) => name.trim());
}

/** A value of a record by its path, in any case. */
function cell(json: Record<string, unknown>, path: string): string {
  let value: unknown = json;
  for (const step of path.split(".")) {
    if (typeof value !== "object" || value === null) return "";
    const wanted = step.toLowerCase();
    const found = Object.entries(value).find(([name]) => name.toLowerCase() === wanted);
    value = found?.[1];
  }
  if (value === null || value === undefined) return "";
  // A datetime is written with Z in CSV, where JSON has +0000.
  return typeof value === "string" ? value.replace(/^(\d{4}-\d{2}-\d{2}T[\d:.]+)\+0000$/, "$1Z") : String(value as number | boolean);
}
