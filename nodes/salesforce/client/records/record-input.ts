import { ConnectorError } from "../../../common/errors";
import { isPlain } from "../../../common/is-plain";
import type { Fields } from "./collections";
import { toFieldValue } from "../mapping";

/** Records of one message. */
export interface RecordList {
  records: Fields[];
  /** Whether the message holds a list, even of one record; its result is then a list, too. */
  list: boolean;
}

/**
 * The records a message holds: an object, or a list of objects. Values are converted for REST: a Date to ISO text, a Buffer to base64; null clears a field;
 * undefined fields are left out. `attributes`, which records read from the org have, are dropped.
 *
 * @throws ConnectorError `INPUT_INVALID`
 */
export function readRecords(data: unknown): RecordList {
  if (!Array.isArray(data)) return { records: [toRecord(data)], list: false };
  if (data.length === 0) throw new ConnectorError("INPUT_INVALID", "The list of records is empty");
  return { records: data.map((one: unknown) => toRecord(one)), list: true };
}

/** Reads one record. Its id becomes `Id`, in whatever case it is written. @throws ConnectorError `INPUT_INVALID` */
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

/** Reads one id. A text that has not the form of an id is refused, as it would make the org refuse the whole call. @throws ConnectorError `INPUT_INVALID` */
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
