import { textIn } from "../../common/environment";
import { ConnectorError } from "../../common/errors";
import { oneOf } from "../../common/one-of";
import type { ParameterDef } from "../../common/parameters";
import { wholeNumber } from "../../common/whole-number";
import { type DeliveryDef, readDeliverySettings } from "../../delivery/delivery-settings";
import type { TriggeredReadSettings } from "../../delivery/triggered-read-options";
import { ruleId } from "../client/assignment";
import type { IngestOperation } from "../client/bulk/bulk-jobs";
import { DELIMITERS, LINE_ENDINGS } from "../client/bulk/csv-dialect";
import type { CsvStyle } from "../client/bulk/bulk-parts";
import { type Command, COMMANDS } from "./job-commands";

/** What the editor saves. Numbers come as text when they were typed or stand in the environment. Times in ms. */
export interface BulkDef extends DeliveryDef {
  org: string;
  operation?: string;
  object?: string;
  externalIdField?: string;
  /** Where the rows are. */
  fields?: string;
  fieldsType?: string;
  /** What tells this message from others of the same content. */
  identity?: string;
  identityType?: string;
  query?: string;
  parameters?: ParameterDef[];
  jobId?: string;
  jobIdType?: string;
  /** `ingest` or `query`, for what is done to a job. */
  jobType?: string;
  /** What a new job is for: `insert` … `hardDelete`, `query`, `queryAll`. */
  jobOperation?: string;
  /** `all` or `failed`. */
  results?: string;
  failedOutput?: boolean;
  /** Rows in one job. */
  jobRows?: number | string;
  /** Single rows gathered for one job, and how long. */
  batchSize?: number | string;
  linger?: number | string;
  pollInterval?: number | string;
  timeout?: number | string;
  columnDelimiter?: string;
  lineEnding?: string;
  assignmentRule?: string;
  /** `row`, `page` or `all`. */
  output?: string;
  /** Rows in a message of output `page`. */
  pageSize?: number | string;
  maxRows?: number | string;
  maxInFlight?: number | string;
  emptyOutput?: boolean;
}

/** How jobs are waited for, and how their CSV is written. */
export interface JobSettings {
  pollInterval: number;
  timeout: number;
  columnDelimiter: string;
  lineEnding: string;
  style: CsvStyle;
}

/** Rows go to the org. */
export interface WriteSettings extends JobSettings {
  kind: "write";
  operation: IngestOperation;
  object: string;
  externalIdField: string | undefined;
  assignmentRule: string | undefined;
  keepAll: boolean;
  failedOutput: boolean;
  jobRows: number;
  batchSize: number;
  linger: number;
}

/** Rows come from the org; without a query, those of a job there is. */
export interface ReadSettings extends JobSettings, TriggeredReadSettings {
  kind: "read";
  operation: "query" | "queryAll" | "resume";
  query: string;
}

/** Something is done to a job. */
export interface CommandSettings extends JobSettings {
  kind: "command";
  command: Command;
  jobType: "ingest" | "query";
  /** For a new job. */
  operation: IngestOperation | "query" | "queryAll";
  object: string;
  query: string;
  externalIdField: string | undefined;
  assignmentRule: string | undefined;
  failedOutput: boolean;
  keepAll: boolean;
  /** Rows of a query that go into one message at most. */
  maxRows: number;
}

const WRITES: readonly IngestOperation[] = ["insert", "update", "upsert", "delete", "hardDelete"];
const READS = ["query", "queryAll"] as const;

/** The settings of a `salesforce bulk`, with its defaults. @throws ConnectorError NOT_CONFIGURED */
export function readSettings(def: BulkDef): WriteSettings | ReadSettings | CommandSettings {
  const operation = textIn(def.operation) || "insert";
  const job = jobSettings(def);
  if (isOneOf(operation, WRITES)) return { ...job, ...writeSettings(def, operation) };
  const jobType = oneOf(def.jobType, "Kind of job", ["ingest", "query"], "ingest");
  if (isOneOf(operation, READS) || (operation === "resume" && jobType === "query")) return { ...job, ...readingSettings(def, operation) };
  if (!isOneOf(operation, COMMANDS)) throw new ConnectorError("NOT_CONFIGURED", `${operation} is no operation of a bulk node`);
  return { ...job, ...commandSettings(def, operation, jobType) };
}

function jobSettings(def: BulkDef): JobSettings {
  const columnDelimiter = oneOf(def.columnDelimiter, "Columns by", Object.keys(DELIMITERS) as (keyof typeof DELIMITERS)[], "COMMA");
  const lineEnding = oneOf(def.lineEnding, "Lines end in", Object.keys(LINE_ENDINGS) as (keyof typeof LINE_ENDINGS)[], "LF");
  return {
    columnDelimiter,
    lineEnding,
    style: { delimiter: DELIMITERS[columnDelimiter], newline: LINE_ENDINGS[lineEnding] },
    pollInterval: wholeNumber(def.pollInterval, "Look every", { fallback: 2_000, min: 1, max: 3_600_000 }),
    timeout: wholeNumber(def.timeout, "Timeout", { fallback: 1_200_000, max: 604_800_000 }),
  };
}

function writeSettings(def: BulkDef, operation: IngestOperation): Omit<WriteSettings, keyof JobSettings> {
  return {
    kind: "write",
    operation,
    ...targetOf(def, operation),
    keepAll: oneOf(def.results, "Results", ["all", "failed"], "all") === "all",
    failedOutput: def.failedOutput === true,
    jobRows: wholeNumber(def.jobRows, "Job size", { fallback: 100_000, min: 1, max: 10_000_000 }),
    batchSize: wholeNumber(def.batchSize, "Batch size", { fallback: 10_000, min: 1, max: 100_000 }),
    linger: wholeNumber(def.linger, "Linger", { fallback: 5_000, max: 3_600_000 }),
  };
}

function targetOf(def: BulkDef, operation: string): Pick<WriteSettings, "object" | "externalIdField" | "assignmentRule"> {
  const object = textIn(def.object);
  if (!object) throw new ConnectorError("NOT_CONFIGURED", "No object is given");
  const externalIdField = textIn(def.externalIdField) || undefined;
  if (operation === "upsert" && !externalIdField) throw new ConnectorError("NOT_CONFIGURED", "An upsert needs the external id field by which rows are told apart");
  const rule = textIn(def.assignmentRule);
  return { object, externalIdField: operation === "upsert" ? externalIdField : undefined, assignmentRule: rule ? ruleId(rule) : undefined };
}

function readingSettings(def: BulkDef, operation: "query" | "queryAll" | "resume"): Omit<ReadSettings, keyof JobSettings> {
  const query = textIn(def.query);
  if (!query && operation !== "resume") throw new ConnectorError("NOT_CONFIGURED", "No query is given");
  const output = oneOf(def.output, "Send", ["row", "page", "all"], "page");
  return {
    kind: "read",
    operation,
    query,
    output: output === "page" ? "batch" : output,
    batchSize: wholeNumber(def.pageSize, "Page size", { fallback: 2_000, min: 1, max: 100_000 }),
    maxRows: mostRows(def),
    maxInFlight: wholeNumber(def.maxInFlight, "In flow", { fallback: 10_000, min: 1, max: 1_000_000 }),
    emptyOutput: def.emptyOutput === true,
    ...readDeliverySettings(def),
  };
}

function mostRows({ maxRows }: BulkDef): number {
  return wholeNumber(maxRows, "Most rows", { fallback: 100_000, min: 1, max: 10_000_000 });
}

/** A new job needs what the operation itself would need; of a job there is, all is known by its id. */
function commandSettings(def: BulkDef, command: Command, jobType: "ingest" | "query"): Omit<CommandSettings, keyof JobSettings> {
  const making = command === "createJob";
  const made = making ? def.jobOperation : ""; // the form keeps what was chosen before
  const operation = jobType === "ingest" ? oneOf(made, "New job for", WRITES, "insert") : oneOf(made, "New job for", READS, "query");
  const target = making && jobType === "ingest" ? targetOf(def, operation) : { object: "", externalIdField: undefined, assignmentRule: undefined };
  const query = textIn(def.query);
  if (making && jobType === "query" && !query) throw new ConnectorError("NOT_CONFIGURED", "No query is given");
  const keepAll = oneOf(def.results, "Results", ["all", "failed"], "all") === "all";
  return { kind: "command", command, jobType, operation, ...target, query, failedOutput: def.failedOutput === true, keepAll, maxRows: mostRows(def) };
}

function isOneOf<T extends string>(value: string, words: readonly T[]): value is T {
  return (words as readonly string[]).includes(value);
}
