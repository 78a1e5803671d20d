import { textIn } from "../../common/environment";
import { ConnectorError } from "../../common/errors";
import { compileTypedInput, type TypedInputUtil, type TypedValue } from "../../common/typed-input";
import { wholeNumber } from "../../common/whole-number";
import { ruleHeaders } from "../client/assignment";
import { MAX_RECORDS } from "../client/records/collections";
import type { BatchOperation } from "../client/records/record-batch";
import { type CallOperation, REST_CALLS, SOAP_CALLS } from "../client/records/record-calls";

/** The operations of the node. */
export type Operation = BatchOperation | CallOperation;

/** Operations that send several messages in one call. */
export const BATCH_OPERATIONS: readonly BatchOperation[] = ["create", "retrieve", "update", "upsert", "delete"];
const OPERATIONS: ReadonlySet<string> = new Set<Operation>([...BATCH_OPERATIONS, ...REST_CALLS, ...SOAP_CALLS]);

/** Operations that need the name of an object. */
const NEEDS_OBJECT: ReadonlySet<string> = new Set<Operation>([
  ...(["create", "retrieve", "update", "upsert", "merge", "getUpdated", "getDeleted", "describe", "createTree", "findDuplicates"] as const),
]);
/** Operations for which an assignment rule and the handling of duplicates can be chosen. */
const WRITES: ReadonlySet<string> = new Set<Operation>(["create", "update", "upsert", "merge", "createTree"]);
/** The most recent records that one call returns. */
const MAX_RECENT = 200;

/** The properties of the node, as flows store them. */
export interface RecordDef {
  org: string;
  operation: string;
  /** API name of the object, or where to find it, depending on `objectType`. */
  object: string;
  objectType: string;
  /** Where to find the record's id. Blank: in the data. */
  recordId: string;
  recordIdType: string;
  /** For upsert. */
  externalIdField: string;
  /** Where to find the data: field values, ids, mails. Blank: `msg.payload`. */
  fields: string;
  fieldsType: string;
  /** For retrieve: names of the fields to read, separated by commas. Blank: all. */
  returnFields: string;
  /** For merge: where to find the ids of the records that are merged into the first one. */
  mergeIds: string;
  mergeIdsType: string;
  /** For getUpdated and getDeleted. */
  start: string;
  startType: string;
  end: string;
  endType: string;
  /** For recent. */
  limit: number | string;
  allOrNone: boolean;
  /** Whether there is a second output, for refused records of a list. */
  failedOutput: boolean;
  /** `default`, `off` or the id of an assignment rule. */
  assignment: string;
  duplicateRule: "block" | "allow";
  batchSize: number | string;
  linger: number | string;
}

/** The checked and compiled settings. */
export interface RecordSettings {
  operation: Operation;
  externalIdField: string;
  returnFields: string[];
  allOrNone: boolean;
  headers: Record<string, string>;
  limit: number;
  batchSize: number;
  linger: number;
  /** Whether the object is given in the form. If so and the org does not have it, that is an error of the node and not of a message. */
  objectFixed: boolean;
  /** The functions that read the values from a message; `undefined` for a blank input. */
  values: Record<"object" | "recordId" | "data" | "mergeIds" | "start" | "end", TypedValue | undefined>;
}

/** Reads the settings of a `salesforce record` node. @throws ConnectorError `NOT_CONFIGURED` when one is missing or wrong */
export function readSettings(util: TypedInputUtil, node: object, config: RecordDef): RecordSettings {
  const operation = (config.operation || "create") as Operation;
  if (!OPERATIONS.has(operation)) throw new ConnectorError("NOT_CONFIGURED", `There is no operation ${String(operation)}`);
  const compile = (value: string | undefined, type: string, label: string): TypedValue | undefined =>
    value === undefined || String(value).trim() === "" ? undefined : compileTypedInput(util, node, value, type || "msg", label);
  const object = compile(config.object, config.objectType || "str", "object");
  if (!object && NEEDS_OBJECT.has(operation)) throw new ConnectorError("NOT_CONFIGURED", "The node has no object: its API name, as Case or Device__c");
  const externalIdField = textIn(config.externalIdField).replace(/^id$/i, "Id");
  if (operation === "upsert" && !externalIdField) throw new ConnectorError("NOT_CONFIGURED", "The node has no external id field to upsert by");
  return {
    operation,
    externalIdField,
    returnFields: textIn(config.returnFields).split(",").map((name) => name.trim()).filter((name) => name !== ""),
    allOrNone: config.allOrNone ?? false,
    headers: WRITES.has(operation) ? ruleHeaders(config) : {},
    limit: wholeNumber(config.limit, "At most", { fallback: MAX_RECENT, min: 1, max: MAX_RECENT }),
    batchSize: wholeNumber(config.batchSize, "Batch size", { fallback: MAX_RECORDS, min: 1, max: MAX_RECORDS }),
    linger: wholeNumber(config.linger, "Linger", { fallback: 50, max: 60_000 }),
    objectFixed: NEEDS_OBJECT.has(operation) && ["", "str", "env"].includes(config.objectType ?? ""),
    values: {
      object,
      recordId: compile(config.recordId, config.recordIdType, "record id"),
      data: compile(config.fields || "payload", config.fields ? config.fieldsType : "msg", "data"),
      mergeIds: compile(config.mergeIds, config.mergeIdsType, "records to merge"),
      start: compile(config.start, config.startType, "start"),
      end: compile(config.end, config.endType, "end"),
    },
  };
}
