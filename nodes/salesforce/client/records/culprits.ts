import type { ConnectorError } from "../../../common/errors";
import type { Fields } from "./collections";

/** The JSON of a Collections call. */
export interface Body {
  text: string;
  /** For each record in the text: its index in the request and where it ends. */
  ends: { index: number; end: number }[];
}

/** Records that a refusal of a whole call speaks of: `guilty` when there is no doubt, else `suspects`; neither when it says nothing of use. */
export interface Culprits {
  guilty: number[];
  suspects: number[];
}

/** The JSON of a call, in ASCII so that characters and bytes count alike, with the place of each record in it. */
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

/** Looks for the records a refusal is about: by the column it does not know, by the value it cannot read, or by the place in the JSON. */
export function culprits(error: ConnectorError, body: Body, records: Fields[]): Culprits {
  const indexes = body.ends.map(({ index }) => index);
  const column = /No such column '([^']+)'/i.exec(error.message)?.[1]?.toLowerCase();
  if (column) return { guilty: indexes.filter((index) => Object.keys(records[index] ?? {}).some((name) => name.toLowerCase() === column)), suspects: [] };

  const value = /from VALUE_\w+ value (.*?) or request may be missing/is.exec(error.message)?.[1];
  const suspects = value === undefined ? [] : indexes.filter((index) => Object.values(records[index] ?? {}).some((one) => String(one) === value));
  if (suspects.length === 1) return { guilty: suspects, suspects: [] };

  const place = Number(/\[line:\s*1, column:\s*(\d+)\]/.exec(error.message)?.[1]);
  // Some errors give a place within the record; only one that lies behind the first record can be within the call.
  const found = place > (body.ends[0]?.end ?? 0) ? body.ends.find(({ end }) => place <= end) : undefined;
  if (found && (value === undefined || suspects.includes(found.index))) return { guilty: [found.index], suspects: [] };
  return { guilty: [], suspects };
}
