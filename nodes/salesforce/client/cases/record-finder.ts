import { isIdField, numberOf, type SelectIn, shortId } from "../query/select-in";
import { valueIn } from "../records/collections";

/** The result of a look-up: the id, `several` if more than one record matches, `undefined` if none does. */
export type Found = { id: string } | "several" | undefined;

/** Which records a {@link RecordFinder} finds, and by which field. */
export interface FinderOptions {
  object: string;
  /** The field whose values are looked for. Values are trimmed; whether upper and lower case count depends on the field, since the org compares. */
  field: string;
  /** More conditions, as SOQL. */
  where?: string;
  /** How long, in ms, a value without a record, or with several, stays known. Default 30 s. */
  keepMisses?: number;
}

/** How long, in ms, a record that was found stays known. */
const KEEP = 600_000;
/** The most values that are kept. The oldest are forgotten. */
const BOUND = 10_000;

interface Known {
  found: Found;
  until: number;
}

/** Finds record ids by the values of a field, and asks the org only for values that it does not know yet. */
export class RecordFinder {
  private readonly known = new Map<string, Known>();

  constructor(
    private readonly select: SelectIn,
    private readonly options: FinderOptions,
  ) {}

  /** Returns the result for each value. The keys are made by {@link RecordFinder.textOf}. */
  async find(values: readonly (string | number)[]): Promise<Map<string, Found>> {
    const now = performance.now(); // a clock that is never set
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

  /** Forgets the result for a value, so that it is looked up anew. */
  forget(value: string | number): void {
    this.known.delete(RecordFinder.textOf(value));
  }

  /** The text by which a value is looked for. */
  static textOf(value: string | number): string {
    return String(value).trim();
  }

  /** A key that is the same for two values that may mean the same record. In fields that tell upper from lower case, they may still mean two. */
  static keyOf(value: string | number): string {
    return String(value).trim().toLowerCase();
  }

  private async ask(asked: ReadonlyMap<string, string | number>): Promise<Map<string, Found>> {
    const { object, field, where, keepMisses = 30_000 } = this.options;
    const found = new Map<string, Found>([...asked.keys()].map((text) => [text, undefined]));
    const byId = isIdField(field);
    const keyOf = byId ? shortId : RecordFinder.keyOf;
    for (const texts of apart(asked.keys(), keyOf)) {
      const fields = byId ? ["Id"] : ["Id", field]; // the org refuses a query that names a field twice
      const rows = await this.select.rows({ object, fields, field, values: [...texts.values()], where });
      for (const row of rows) {
        const value = valueIn(row, field);
        const text = texts.get(keyOf(String(value)));
        // a number can be written in more than one way: "007" finds 7
        const same = typeof value === "number" ? [...texts.values()].filter((one) => numberOf(one) === value) : text === undefined ? [] : [text];
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
 * Puts texts into lists, by their keys, so that no list has two texts with the same key, such as two that differ only in upper and lower case. Each list gets queries of
 * its own: only the org knows to which of such texts a record belongs, since some fields tell upper from lower case.
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
