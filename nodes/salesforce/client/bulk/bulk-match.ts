import type { ConnectorError } from "../../../common/errors";
import type { InputRow } from "./bulk-input";
import { recordError } from "../errors";

/** Result of one row. */
export type RowResult = { ok: true; id: string; created: boolean } | { ok: false; error: ConnectorError };

/** Separates the cells in a row's key. No cell holds it, as the org takes no control characters but tabs and line ends. */
const BETWEEN = "\u0000";

/** Finds the row that a line of results is about by its content, since the order of results is not promised. Rows of equal content are interchangeable. */
export class RowMatch {
  /** Places of the rows that have no result yet, by their key. */
  private readonly places: Places = new Map();
  private loose: Places | undefined;
  private order: { columns: readonly string[]; at: number[]; others: number[] } | undefined;

  /** @param places index of each row among the results */
  constructor(
    private readonly columns: readonly string[],
    rows: readonly InputRow[],
    places: readonly number[],
  ) {
    // from the last, so that equal rows get their results from the first on
    for (let index = rows.length - 1; index >= 0; index -= 1) put(this.places, (rows[index] as InputRow).cells.join(BETWEEN), places[index] as number);
  }

  /** Takes the place of a row with these cells; each place is given once. @param columns of the list of results, whose first two are the org's own */
  take(cells: readonly string[], columns: readonly string[]): number | undefined {
    const key = this.keyOf(cells, columns);
    return key === undefined ? undefined : takeFrom(this.places, key);
  }

  /** The same for cells that fit no row exactly: ignores blanks at their ends, the kind of their line ends, and halves of characters. To be called after all calls of {@link take}. */
  takeLoosely(cells: readonly string[], columns: readonly string[]): number | undefined {
    const key = this.keyOf(cells, columns);
    if (key === undefined) return undefined;
    this.loose ??= loosely(this.places);
    return takeFrom(this.loose, looseKey(key));
  }

  private keyOf(cells: readonly string[], columns: readonly string[]): string | undefined {
    if (this.order?.columns !== columns) this.order = orderOf(columns, this.columns);
    let key = "";
    const { at, others } = this.order;
    for (const other of others) if (cells[other]) return undefined; // a row of the job that is not among these
    for (let index = 0; index < at.length; index += 1) key += (index > 0 ? BETWEEN : "") + (cells[at[index] as number] ?? "");
    return key;
  }
}

/** Places of rows by content; a list when there are several. */
type Places = Map<string, number | number[]>;

function put(places: Places, key: string, place: number): void {
  const known = places.get(key);
  if (known === undefined) places.set(key, place);
  else if (typeof known === "number") places.set(key, [known, place]);
  else known.push(place);
}

function takeFrom(places: Places, key: string): number | undefined {
  const found = places.get(key);
  if (typeof found !== "object") {
    places.delete(key);
    return found;
  }
  const place = found.pop();
  if (found.length === 0) places.delete(key);
  return place;
}

function loosely(places: Places): Places {
  const loose: Places = new Map();
  for (const [key, found] of places) for (const place of [found].flat()) put(loose, looseKey(key), place);
  return loose;
}

function looseKey(key: string): string {
  // what is half of a character goes up as U+FFFD
  return key.toWellFormed().split(BETWEEN).map((cell) => cell.replace(/\r\n?/g, "\n").trim()).join(BETWEEN);
}

function orderOf(columns: readonly string[], own: readonly string[]): { columns: readonly string[]; at: number[]; others: number[] } {
  const at = own.map((name) => indexOfName(columns, name));
  return { columns, at, others: columns.map((_, index) => index).filter((index) => index >= 2 && !at.includes(index)) };
}

/** Index of a column by its name, from the third on, as the first two are the org's own. */
function indexOfName(columns: readonly string[], name: string): number {
  const wanted = name.toLowerCase();
  return columns.findIndex((column, index) => index >= 2 && column.toLowerCase() === wanted);
}

/** Parses the error of a row: `REQUIRED_FIELD_MISSING:Required fields are missing: [LastName]:LastName --`. */
export function rowError(text: string): ConnectorError {
  const match = /^([A-Z][A-Z0-9_]*):(.*?)(?::([\w. ]*)\s*--)?$/s.exec(text.trim());
  if (!match) return recordError([{ code: "UNKNOWN", message: text, fields: [] }]);
  return recordError([{ code: match[1] as string, message: match[2] as string, fields: (match[3] ?? "").split(/\s+/).filter((name) => name !== "") }]);
}

/** Copies a text of ASCII characters. A substring keeps the whole text that it is part of in memory, here a list of results; the copy does not. */
export function ownText(text: string): string {
  return Buffer.from(text, "latin1").toString("latin1");
}
