import type { ConnectorError } from "../../../common/errors";
import type { InputRow } from "./bulk-input";
import { recordError } from "../errors";

/** What became of one row. */
export type RowResult = { ok: true; id: string; created: boolean } | { ok: false; error: ConnectorError };

/** Between the cells of a row's key; the org takes no control characters but tabs and line ends. */
const BETWEEN = "\u0000";

/** Finds the row that a line of results is about: by its content, since the order is not promised. Rows of one content are interchangeable. */
export class RowMatch {
  /** Places of the rows that have no result yet, by content; a list when there are several. */
  private readonly places = new Map<string, number | number[]>();
  private order: { columns: readonly string[]; at: number[]; others: number[] } | undefined;

  /** @param places of the rows among the results */
  constructor(
    private readonly columns: readonly string[],
    rows: readonly InputRow[],
    places: readonly number[],
  ) {
    // from the last, so that equal rows get their results from the first on
    for (let index = rows.length - 1; index >= 0; index -= 1) this.put((rows[index] as InputRow).cells.join(BETWEEN), places[index] as number);
  }

  /** The place of a row with these cells, once for each. @param columns of the list of results, with two of the org's in front */
  take(cells: readonly string[], columns: readonly string[]): number | undefined {
    if (this.order?.columns !== columns) this.order = orderOf(columns, this.columns);
    let key = "";
    const { at, others } = this.order;
    for (const other of others) if (cells[other]) return undefined; // a row of the job that is not among these
    for (let index = 0; index < at.length; index += 1) key += (index > 0 ? BETWEEN : "") + (cells[at[index] as number] ?? "");
    const found = this.places.get(key);
    if (typeof found !== "object") {
      this.places.delete(key);
      return found;
    }
    const place = found.pop();
    if (found.length === 0) this.places.delete(key);
    return place;
  }

  private put(key: string, place: number): void {
    const known = this.places.get(key);
    if (known === undefined) this.places.set(key, place);
    else if (typeof known === "number") this.places.set(key, [known, place]);
    else known.push(place);
  }
}

function orderOf(columns: readonly string[], own: readonly string[]): { columns: readonly string[]; at: number[]; others: number[] } {
  const at = own.map((name) => indexOfName(columns, name));
  return { columns, at, others: columns.map((_, index) => index).filter((index) => index >= 2 && !at.includes(index)) };
}

/** From the third column on: the first two are the org's. */
function indexOfName(columns: readonly string[], name: string): number {
  const wanted = name.toLowerCase();
  return columns.findIndex((column, index) => index >= 2 && column.toLowerCase() === wanted);
}

/** `REQUIRED_FIELD_MISSING:Required fields are missing: [LastName]:LastName --` */
export function rowError(text: string): ConnectorError {
  const match = /^([A-Z][A-Z0-9_]*):(.*?)(?::([\w. ]*)\s*--)?$/s.exec(text.trim());
  if (!match) return recordError([{ code: "UNKNOWN", message: text, fields: [] }]);
  return recordError([{ code: match[1] as string, message: match[2] as string, fields: (match[3] ?? "").split(/\s+/).filter((name) => name !== "") }]);
}

/** A copy that stands alone: a piece of a text keeps the whole text in memory, here a list of results. */
export function ownText(text: string): string {
  return Buffer.from(text, "latin1").toString("latin1");
}
