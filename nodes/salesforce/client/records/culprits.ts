import type { ConnectorError } from "../../../common/errors";
import { type Fields, hasField } from "./collections";

/** The JSON of a Collections call. */
export interface Body {
  text: string;
  /** For each record in the text: its index in the request, and where it ends in the text. */
  ends: { index: number; end: number }[];
}

/** Indexes of the records that the refusal of a whole call is about: `guilty` when that is certain, otherwise `suspects`. Both are empty when the refusal does not tell. */
export interface Culprits {
  guilty: number[];
  suspects: number[];
}

/** The JSON of a call, with the place of each record in it. In ASCII only, so that places in characters and in bytes are the same. */
export function bodyOf(object: string, records: Fields[], indexes: number[], allOrNone: boolean): Body {
  let text = `{"allOrNone":${allOrNone},"records":[`;
  const ends: Body["ends"] = [];
  indexes.forEach((index, place) => {
    const record = { attributes: { type: object }, ...records[index] };
    text += (place > 0 ? "," : "") + JSON.stringify(record).replace(/[\u0080-\uffff]/g, escapeCharacter);
    ends.push({ index, end: text.length });
  });
  return { text: `${text}]}`, ends };
}

function escapeCharacter(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

/** Finds the records that a refusal is about: by the unknown column, the unreadable value or the place in the JSON that it names. */
export function culprits(error: ConnectorError, body: Body, records: Fields[]): Culprits {
  const indexes = body.ends.map(({ index }) => index);
  const column = /No such column '([^']+)'/i.exec(error.message)?.[1];
  if (column) return { guilty: indexes.filter((index) => hasField(records[index], column)), suspects: [] };

  const value = /from VALUE_\w+ value (.*?) or request may be missing/is.exec(error.message)?.[1];
  const suspects = value === undefined ? [] : indexes.filter((index) => Object.values(records[index] ?? {}).some((one) => String(one) === value));
  if (suspects.length === 1) return { guilty: suspects, suspects: [] };

  const place = Number(/\[line:\s*1, column:\s*(\d+)\]/.exec(error.message)?.[1]);
  // some errors give a place within a record, others within the call: only a place behind the first record must be the latter
  const found = place > (body.ends[0]?.end ?? 0) ? body.ends.find(({ end }) => place <= end) : undefined;
  if (found && (value === undefined || suspects.includes(found.index))) return { guilty: [found.index], suspects: [] };
  return { guilty: [], suspects };
}
