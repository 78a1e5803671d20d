import { ConnectorError, isConnectorError } from "../../../common/errors";
import type { ChildLists } from "./child-lists";

/** One record of an answer, with parents as objects and children as lists. Only records of a search (SOSL) have `attributes`, for their type. */
export type QueryRecord = Record<string, unknown>;

/** A page as the org returns it. */
export interface QueryPage {
  totalSize?: number;
  done?: boolean;
  nextRecordsUrl?: string;
  records?: unknown[];
}

/** The children of one record, of which the answer has only the first ones. */
interface OpenList {
  records: unknown[];
  nextUrl: string;
  children: ChildLists | undefined;
}

/** The pages of one answer. Each page is read only when it is needed. */
export class QueryPages {
  /** A page that could not be read can be read again once the org is back. */
  readonly resumes = true;
  /** How many records the org has found. 1 for `COUNT()`, whose one record holds the number. */
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

  /** Returns the next records; `undefined` if there are no more. @throws ConnectorError when the page cannot be read; `next` may be called again then */
  async next(): Promise<QueryRecord[] | undefined> {
    while (this.page || this.nextUrl !== undefined) {
      const page = (this.page ??= await this.fetch(this.nextUrl ?? ""));
      const open: OpenList[] = [];
      const records = (page.records ?? []).map((record) => this.plainRecord(record, open));
      for (const list of open) await this.complete(list);
      this.page = undefined; // only now, so that after an error the same page is read again
      this.nextUrl = page.done === false ? page.nextRecordsUrl : undefined;
      this.read += records.length;
      if (records.length > 0) return records;
    }
    return undefined;
  }

  /** Ends the reading: further calls of `next` return `undefined`. */
  close(): Promise<void> {
    this.page = this.nextUrl = undefined;
    return Promise.resolve();
  }

  private plainRecord(record: unknown, open: OpenList[]): QueryRecord {
    const fields = plain(record, open, this.children) as QueryRecord;
    const { attributes } = record as { attributes?: unknown };
    return this.keepsAttributes && attributes !== undefined ? { attributes, ...fields } : fields;
  }

  /** Reads the rest of a list of children, which the org pages too. */
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

/** Converts a value of an answer. Removes `attributes`, which only repeat what the query says, and replaces the answer for children by a list, which may be empty. */
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
