import { type SelectIn, valueIn } from "./select-in";

/** What a look-up found: the id, `several` when it fits more than one record, or nothing. */
export type Found = { id: string } | "several" | undefined;

/** Which records a {@link RecordFinder} finds, and by what. */
export interface FinderOptions {
  object: string;
  /** The field whose values are looked for; compared trimmed and without regard to case, as the org compares. */
  field: string;
  /** More conditions, as SOQL. */
  where?: string;
  /** ms that a record found stays known. Default 10 minutes. */
  keep?: number;
  /** ms that a miss stays known. Default 30 s. */
  keepMisses?: number;
  /** Most values known at once; the oldest are forgotten. Default 10,000. */
  bound?: number;
  /** Time in ms, from wherever. Default: the process's own, which nobody sets back. */
  clock?: () => number;
}

const sinceStart = (): number => performance.now();

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

  /** What is found for each value, by {@link RecordFinder.keyOf}. */
  async find(values: readonly (string | number)[]): Promise<Map<string, Found>> {
    const { clock = sinceStart } = this.options;
    const now = clock();
    const found = new Map<string, Found>();
    const asked = new Map<string, string | number>();
    for (const value of values) {
      const key = RecordFinder.keyOf(value);
      const known = this.known.get(key);
      if (known && known.until > now) found.set(key, known.found);
      else asked.set(key, value);
    }
    if (asked.size > 0) for (const [key, one] of await this.ask(asked)) found.set(key, one);
    return found;
  }

  /** The record of this value is not what it was: it is looked up anew. */
  forget(value: string | number): void {
    this.known.delete(RecordFinder.keyOf(value));
  }

  /** What two values must share to mean the same record. */
  static keyOf(value: string | number): string {
    return String(value).trim().toLowerCase();
  }

  private async ask(asked: ReadonlyMap<string, string | number>): Promise<Map<string, Found>> {
    const { object, field, where, keep = 600_000, keepMisses = 30_000, clock = sinceStart } = this.options;
    const rows = await this.select.rows({ object, fields: ["Id", field], field, values: [...asked.values()], ...(where ? { where } : {}) });
    const found = new Map<string, Found>([...asked.keys()].map((key) => [key, undefined]));
    for (const row of rows) {
      const key = RecordFinder.keyOf(String(valueIn(row, field)));
      found.set(key, found.get(key) ? "several" : { id: String(row["Id"]) });
    }
    const now = clock();
    for (const [key, one] of found) this.remember(key, { found: one, until: now + (typeof one === "object" ? keep : keepMisses) });
    return found;
  }

  private remember(key: string, known: Known): void {
    const { bound = 10_000 } = this.options;
    this.known.delete(key);
    this.known.set(key, known);
    for (const oldest of this.known.keys()) {
      if (this.known.size <= bound) break;
      this.known.delete(oldest);
    }
  }
}
