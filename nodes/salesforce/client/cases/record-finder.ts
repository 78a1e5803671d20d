import { isIdField, type SelectIn, shortId, valueIn } from "./select-in";

/** What a look-up found: the id, `several` when it fits more than one record, or nothing. */
export type Found = { id: string } | "several" | undefined;

/** Which records a {@link RecordFinder} finds, and by what. */
export interface FinderOptions {
  object: string;
  /** The field whose values are looked for; compared trimmed, and with regard to case as the org does for this field. */
  field: string;
  /** More conditions, as SOQL. */
  where?: string;
  /** ms that a miss stays known. Default 30 s. */
  keepMisses?: number;
}

/** ms that a record found stays known. */
const KEEP = 600_000;
/** Most values known at once; the oldest are forgotten. */
const BOUND = 10_000;

interface Known {
  found: Found;
  until: number;
}

/** Finds record ids by a field, in one query for all values that are not known yet. */
export class RecordFinder {
  private readonly known = new Map<string, Known>();

  constructor(
    private readonly select: SelectIn,
    private readonly options: FinderOptions,
  ) {}

  /** What is found for each value, by {@link RecordFinder.textOf}. */
  async find(values: readonly (string | number)[]): Promise<Map<string, Found>> {
    const now = performance.now(); // no clock that may be set
    const found = new Map<string, Found>();
    const asked = new Map<string, string | number>();
    for (const value of values) {
      const key = RecordFinder.textOf(value);
      const known = this.known.get(key);
      if (known && known.until > now) found.set(key, known.found);
      else asked.set(key, value);
    }
    if (asked.size > 0) for (const [key, one] of await this.ask(asked)) found.set(key, one);
    return found;
  }

  /** The record of this value is not what it was: it is looked up anew. */
  forget(value: string | number): void {
    this.known.delete(RecordFinder.textOf(value));
  }

  /** A value as it is looked for. */
  static textOf(value: string | number): string {
    return String(value).trim();
  }

  /** What two values must share to mean the same record; of fields that tell cases apart, they may still mean two. */
  static keyOf(value: string | number): string {
    return String(value).trim().toLowerCase();
  }

  private async ask(asked: ReadonlyMap<string, string | number>): Promise<Map<string, Found>> {
    const { object, field, where, keepMisses = 30_000 } = this.options;
    const found = new Map<string, Found>([...asked.keys()].map((text) => [text, undefined]));
    const byId = isIdField(field);
    const keyOf = byId ? shortId : RecordFinder.keyOf;
    for (const texts of apart(asked.keys(), keyOf)) {
      const fields = byId ? ["Id"] : ["Id", field]; // the org takes no field twice
      const rows = await this.select.rows({ object, fields, field, values: [...texts.values()], where });
      for (const row of rows) {
        const value = valueIn(row, field);
        const text = texts.get(keyOf(String(value)));
        // a number may be written in more than one way: "007" finds 7
        const same = typeof value === "number" ? [...texts.values()].filter((one) => Number(one) === value) : text === undefined ? [] : [text];
        for (const one of same) found.set(one, found.get(one) ? "several" : { id: String(row["Id"]) });
      }
    }
    const now = performance.now();
    for (const [key, one] of found) this.remember(key, { found: one, until: now + (typeof one === "object" ? KEEP : keepMisses) });
    return found;
  }

  private remember(key: string, known: Known): void {
    this.known.delete(key);
    this.known.set(key, known);
    for (const oldest of this.known.keys()) {
      if (this.known.size <= BOUND) break;
      this.known.delete(oldest);
    }
  }
}

/**
 * Texts in lists, by their keys, of which none has two of one key, as those are that differ in case alone: which of these a record belongs to only the org
 * can tell, as there are fields that tell cases apart.
 */
function apart(texts: Iterable<string>, keyOf: (text: string) => string): Map<string, string>[] {
  const lists: Map<string, string>[] = [];
  for (const text of texts) {
    const key = keyOf(text);
    const list = lists.find((one) => !one.has(key));
    if (list) list.set(key, text);
    else lists.push(new Map([[key, text]]));
  }
  return lists;
}
