import { ConnectorError, isConnectorError } from "../../../common/errors";
import type { ChildLists } from "./child-lists";

/** One record of an answer; parents nested, children as lists. `attributes` stands only on what a search found, for its type. */
export type QueryRecord = Record<string, unknown>;

/** A page as the org gives it. */
export interface QueryPage {
  totalSize?: number;
  done?: boolean;
  nextRecordsUrl?: string;
  records?: unknown[];
}

/** Children of one record of which the answer holds the first ones only. */
interface OpenList {
  records: unknown[];
  nextUrl: string;
  children: ChildLists | undefined;
}

/** The pages of one answer. None is asked for before it is wanted. */
export class QueryPages {
  /** An org that was away gives the page when it is back. */
  readonly resumes = true;
  /** How many records the org has found; for `COUNT()` there are none to read. */
  readonly totalSize: number;
  private page: QueryPage | undefined;
  private nextUrl: string | undefined;
  private read = 0;

  constructor(
    first: QueryPage,
    private readonly ask: (url: string) => Promise<QueryPage>,
    private readonly keepsAttributes = false,
    private readonly children?: ChildLists,
  ) {
    this.totalSize = first.totalSize ?? 0;
    this.page = first;
  }

  /** The next records; `undefined` when there are no more. @throws ConnectorError */
  async next(): Promise<QueryRecord[] | undefined> {
    while (this.page || this.nextUrl !== undefined) {
      const page = (this.page ??= await this.fetch(this.nextUrl ?? ""));
      const open: OpenList[] = [];
      const records = (page.records ?? []).map((record) => this.plainRecord(record, open));
      for (const list of open) await this.complete(list);
      this.page = undefined; // not before: whatever failed until here is asked for again
      this.nextUrl = page.done === false ? page.nextRecordsUrl : undefined;
      this.read += records.length;
      if (records.length > 0) return records;
    }
    return undefined;
  }

  /** Reads no further. */
  close(): Promise<void> {
    this.page = this.nextUrl = undefined;
    return Promise.resolve();
  }

  private plainRecord(record: unknown, open: OpenList[]): QueryRecord {
    const fields = plain(record, open, this.children) as QueryRecord;
    const { attributes } = record as { attributes?: unknown };
    return this.keepsAttributes && attributes !== undefined ? { attributes, ...fields } : fields;
  }

  /** The org pages long lists of children, too. */
  private async complete(list: OpenList): Promise<void> {
    for (let url: string | undefined = list.nextUrl; url !== undefined; ) {
      const page: QueryPage = await this.fetch(url);
      const inner: OpenList[] = [];
      for (const record of page.records ?? []) list.records.push(plain(record, inner, list.children));
      for (const one of inner) await this.complete(one);
      url = page.done === false ? page.nextRecordsUrl : undefined;
    }
  }

  private async fetch(url: string): Promise<QueryPage> {
    try {
      return await this.ask(url);
    } catch (error) {
      if (!isConnectorError(error) || error.details.errorCode !== "INVALID_QUERY_LOCATOR") throw error;
      const text = `The org has forgotten the query after ${this.read} of ${this.totalSize} records: it keeps one for two days, and only so many at once. What is in the flow already stays so; another attempt begins anew`;
      throw new ConnectorError("ORG_REFUSED", text, { retryable: true, details: { ...error.details, read: this.read, totalSize: this.totalSize }, cause: error });
    }
  }
}

/** Without `attributes`, which say what the query says; a list of children in the place of their answer, also where there are none. */
function plain(value: unknown, open: OpenList[], children?: ChildLists): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  const { attributes, ...fields } = value as Record<string, unknown>;
  if (Array.isArray(fields.records) && typeof fields.totalSize === "number" && attributes === undefined) {
    const records = fields.records.map((record) => plain(record, open, children));
    if (fields.done === false && typeof fields.nextRecordsUrl === "string") open.push({ records, nextUrl: fields.nextRecordsUrl, children });
    return records;
  }
  for (const [name, field] of Object.entries(fields)) {
    if (typeof field !== "object") continue;
    const within = children?.get(name.toLowerCase());
    if (field !== null) fields[name] = plain(field, open, within);
    else if (within) fields[name] = [];
  }
  return fields;
}
