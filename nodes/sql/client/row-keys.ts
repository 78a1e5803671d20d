import { ConnectorError } from "../../common/errors";
import type { RowValue } from "./protocol";

/** Returns the key of a row: its value in the key column, with its type. @param at place of that column @throws ConnectorError `NOT_CONFIGURED` when it is NULL */
export function keyOf(row: readonly RowValue[], at: number, column: string): string {
  const key = row[at] ?? null;
  if (key === null) throw wrong(`A row has no value in the key column ${column}`);
  // 1 and "1" are two keys
  return `${(typeof key)[0]}${key instanceof Uint8Array ? Buffer.from(key).toString("hex") : String(key)}`;
}

/** Checks that rows which are read together have different keys. */
export class UniqueKeys {
  private readonly seen = new Set<string>();

  /** @param at as of {@link keyOf} */
  constructor(
    private readonly at: number,
    private readonly column: string,
  ) {}

  /** Adds a row, and returns its key. @throws ConnectorError `NOT_CONFIGURED` when it has none, or an earlier row has the same */
  add(row: readonly RowValue[]): string {
    const key = keyOf(row, this.at, this.column);
    if (this.seen.has(key)) throw wrong(`Two rows have ${this.column} ${key.slice(1)}: the key column must be unique`);
    this.seen.add(key);
    return key;
  }
}

function wrong(text: string): ConnectorError {
  return new ConnectorError("NOT_CONFIGURED", text, { details: { statement: true } });
}
