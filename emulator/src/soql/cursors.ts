import { ApiError } from "../api-error";
import type { IdSequence } from "../ids";
import type { Row } from "../store/table";
import type { RecordJson } from "./projection";
import type { Result } from "./query";

/** How many answers with further pages the org keeps. When there are more, it drops the oldest. */
const MAX_CURSORS = 50;

/** How long a locator is valid, in ms. */
const LIFETIME = 2 * 24 * 3_600_000;

/** A page of an answer, as the API writes it. */
export interface Page {
  totalSize: number;
  done: boolean;
  nextRecordsUrl?: string;
  records: RecordJson[];
}

/** The answers that have further pages. */
export class Cursors {
  private readonly open = new Map<string, Result & { rows: Row[]; size: number; since: number }>();

  /** @param now time of the org, in ms */
  constructor(
    private readonly ids: IdSequence,
    private readonly now: () => number,
  ) {}

  /** Returns the first page. @param size records per page, 200–2,000 */
  first(result: Result, size: number, base: string): Page {
    if (result.rows.length <= size) {
      return { totalSize: result.totalSize, done: true, records: result.rows.map((row) => result.toJson(row, base)) };
    }
    const id = this.ids.next("01g");
    this.open.set(id, { ...result, size, since: this.now() });
    if (this.open.size > MAX_CURSORS) this.open.delete(this.open.keys().next().value!);
    return this.page(id, 0, base);
  }

  /** Returns the page for a locator `<id>-<offset>`. @throws ApiError when the locator is not valid */
  next(locator: string, base: string): Page {
    const match = /^(\w{15,18})-(\d+)$/.exec(locator);
    const cursor = match && this.open.get(match[1]!);
    if (!match || !cursor || this.now() - cursor.since > LIFETIME) throw new ApiError("INVALID_QUERY_LOCATOR", "invalid query locator");
    return this.page(match[1]!, Number(match[2]), base);
  }

  /** Makes all locators invalid. @returns how many there were */
  age(): number {
    const count = this.open.size;
    this.open.clear();
    return count;
  }

  clear(): void {
    this.open.clear();
  }

  private page(id: string, offset: number, base: string): Page {
    const { totalSize, rows, size, toJson } = this.open.get(id)!;
    const end = offset + size;
    const records = rows.slice(offset, end).map((row) => toJson(row, base));
    if (end >= rows.length) return { totalSize, done: true, records };
    return { totalSize, done: false, nextRecordsUrl: `${base}/query/${id}-${end}`, records };
  }
}
