import { textIn } from "../../common/environment";
import { ConnectorError } from "../../common/errors";
import { oneOf } from "../../common/one-of";
import type { ParameterDef } from "../../common/parameters";
import { wholeNumber } from "../../common/whole-number";
import { type DeliveryDef, readDeliverySettings } from "../../delivery/delivery-settings";
import type { TriggeredReadSettings } from "../../delivery/reading/triggered-read-options";
import { ruleId } from "../client/assignment";
import type { IngestOperation } from "../client/bulk/bulk-jobs";
import { DELIMITERS, LINE_ENDINGS } from "../client/bulk/csv-dialect";
import type { CsvStyle } from "../client/bulk/bulk-parts";
import { type Command, COMMANDS } from "./job-commands";

/** The properties that the editor saves. Numbers may be texts: as typed, or from environment variables. Times are in ms. */
export interface BulkDef extends DeliveryDef {
  org: string;
  operation?: string;
  object?: string;
  externalIdField?: string;
  /** Where to find the rows. */
  fields?: string;
  fieldsType?: string;
  /** Where to find a value that differs between messages with the same content, such as the message id. */
  identity?: string;
  identityType?: string;
  query?: string;
  parameters?: ParameterDef[];
  jobId?: string;
  jobIdType?: string;
  /** The kind of job that a command is for: `ingest` or `query`. */
  jobType?: string;
  /** The operation of a new job: `insert`, `update`, `upsert`, `delete`, `hardDelete`, `query` or `queryAll`. */
  jobOperation?: string;
  /** The rows whose results are returned: `all` or `failed`. */
  results?: string;
  failedOutput?: boolean;
  /** The most rows of one job. */
  jobRows?: number | string;
  /** The most single rows that are gathered for one job, and how long to wait for them. */
  batchSize?: number | string;
  linger?: number | string;
  pollInterval?: number | string;
  timeout?: number | string;
  columnDelimiter?: string;
  lineEnding?: string;
  assignmentRule?: string;
  /** `row`, `page` or `all`. */
  output?: string;
  /** The most rows of a message, for output `page`. */
  pageSize?: number | string;
  maxRows?: number | string;
  maxInFlight?: number | string;
  emptyOutput?: boolean;
}

/** How to wait for jobs, and how to write their CSV. */
export interface JobSettings {
  pollInterval: number;
  timeout: number;
  columnDelimiter: string;
  lineEnding: string;
  style: CsvStyle;
}

/** Settings of operations that load rows into the org. */
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

/** Settings of operations that read rows from the org: those of a query or, for `resume`, those of an existing job. */
export interface ReadSettings extends JobSettings, TriggeredReadSettings {
  kind: "read";
  operation: "query" | "queryAll" | "resume";
  query: string;
}

/** Settings of commands for jobs. */
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
  /** The most rows of `queryResults`, which puts all rows into one message. More is an error. */
  maxRows: number;
}

const WRITES: readonly IngestOperation[] = ["insert", "update", "upsert", "delete", "hardDelete"];
const READS = ["query", "queryAll"] as const;

/** Reads the settings of a `salesforce bulk` node and sets the defaults. @throws ConnectorError `NOT_CONFIGURED` when one is missing or wrong */
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

/** Reads the settings of a command. A new job needs the same settings as the operation itself; for an existing job, its id is enough. */
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
