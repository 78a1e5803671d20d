import { ConnectorError } from "../../../common/errors";
import { isPlain } from "../../../common/is-plain";
import type { Fields } from "./collections";
import { toFieldValue } from "../cases/mapping";

/** Records of one message. */
export interface RecordList {
  records: Fields[];
  /** The message holds a list, even if of one; its result is a list, too. */
  list: boolean;
}

/**
 * The records a message holds: an object, or a list of objects. Values become what REST takes: a Date its ISO text, a Buffer base64, null
 * clears, what is undefined is left out. `attributes`, as records read from the org carry them, are dropped.
 *
 * @throws ConnectorError `INPUT_INVALID`
 */
export function readRecords(data: unknown): RecordList {
  if (!Array.isArray(data)) return { records: [toRecord(data)], list: false };
  if (data.length === 0) throw new ConnectorError("INPUT_INVALID", "The list of records is empty");
  return { records: data.map((one: unknown) => toRecord(one)), list: true };
}

/** One record, its id as `Id` however it is spelled. */
export function toRecord(data: unknown): Fields {
  if (!isPlain(data)) throw new ConnectorError("INPUT_INVALID", `The record is not an object of fields but ${kindOf(data)}`);
  const record: Fields = {};
  for (const [name, value] of Object.entries(data)) {
    if (name === "attributes" || value === undefined) continue;
    record[name.toLowerCase() === "id" ? "Id" : name] = Buffer.isBuffer(value) ? value.toString("base64") : toFieldValue(name, value);
  }
  return record;
}

/**
 * The ids a message names: a text, a record with its `Id`, or a list of these.
 *
 * @throws ConnectorError `INPUT_INVALID`
 */
export function readIds(data: unknown): { ids: string[]; list: boolean } {
  if (!Array.isArray(data)) return { ids: [readId(data)], list: false };
  if (data.length === 0) throw new ConnectorError("INPUT_INVALID", "The list of record ids is empty");
  return { ids: data.map((one: unknown) => readId(one)), list: true };
}

/** One id. What has not the form of one would fail a whole call of the org's. */
export function readId(value: unknown): string {
  const found = isPlain(value) ? (value.Id ?? value.id) : value;
  const id = typeof found === "string" ? found.trim() : "";
  if (/^[0-9A-Za-z]{15}(?:[0-9A-Za-z]{3})?$/.test(id)) return id;
  if (id === "") throw new ConnectorError("INPUT_INVALID", `There is no record id in the message, but ${kindOf(value)}`);
  throw new ConnectorError("INPUT_INVALID", `${JSON.stringify(id.slice(0, 40))} is no record id: it has 15 or 18 letters and digits`);
}

function kindOf(value: unknown): string {
  if (value === undefined || value === null || value === "") return "nothing";
  return Array.isArray(value) ? "a list" : Buffer.isBuffer(value) ? "a Buffer" : isPlain(value) ? "an object without an Id" : `a ${typeof value}`;
}
