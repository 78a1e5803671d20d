import { setImmediate as turn, setTimeout as wait } from "node:timers/promises";
import { ApiError } from "../api-error";
import type { Org } from "../org";
import type { ObjectSchema } from "../schema/schema";
import { resolvePath } from "../soql/path";
import { runQuery, type Result } from "../soql/query";
import { quotedLine } from "./dialect";
import { Job, type JobOptions } from "./job";
import { Lines } from "./lines";
import type { Pace } from "./pace";

/** The options of a {@link QueryJob}. */
export interface QueryOptions extends JobOptions {
  query: string;
}

/** What a bulk query may not contain, because it could not be split into batches then (from memory). */
const UNSUPPORTED = /\b(GROUP\s+BY|OFFSET\s+\d|TYPEOF\s)|\b(COUNT|SUM|AVG|MIN|MAX|COUNT_DISTINCT)\s*\(|\(\s*SELECT\b/i;

/** A query job. Which rows it has is decided when it is created; their values are read when it runs. */
export class QueryJob extends Job {
  readonly jobType = "V2Query";
  readonly object: string;
  readonly lines = new Lines();
  readonly header: string;
  private readonly columns: Column[];
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
    const object = org.schema.object(/\bFROM\s+(\w+)/i.exec(text)![1]!)!;
    this.object = object.name;
    this.columns = columnsOf(org, object, text);
    this.header = quotedLine(this.columns.map(({ name }) => name), this.dialect);
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
      this.lines.add(quotedLine(this.columns.map(({ steps }) => cell(json, steps)), this.dialect));
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

/** A column of the results: its name as it was written, and the path to its value in a record. */
interface Column {
  name: string;
  steps: string[];
}

/** Returns the columns of a SELECT list. If a path does not begin with a relationship, it begins with the object's name or alias, which is left out. */
function columnsOf(org: Org, object: ObjectSchema, text: string): Column[] {
  const list = /^\s*SELECT\s+(.*?)\s+FROM\s/is.exec(text)?.[1] ?? "";
  return list.split(",").map((item) => {
    const written = item.trim();
    const dot = written.indexOf(".");
    const name = dot > 0 && !object.relationship(written.slice(0, dot).trim()) ? written.slice(dot + 1) : written;
    const { parents, field } = resolvePath(org, object, name, text);
    return { name, steps: [...parents.map((parent) => parent.relationshipName ?? ""), field.name] };
  });
}

function cell(json: Record<string, unknown>, steps: readonly string[]): string {
  let value: unknown = json;
  for (const step of steps) {
    if (typeof value !== "object" || value === null) return "";
    value = (value as Record<string, unknown>)[step];
  }
  if (value === null || value === undefined) return "";
  // The time zone of a datetime is Z in CSV and +0000 in JSON.
  return typeof value === "string" ? value.replace(/^(\d{4}-\d{2}-\d{2}T[\d:.]+)\+0000$/, "$1Z") : String(value as number | boolean);
}
