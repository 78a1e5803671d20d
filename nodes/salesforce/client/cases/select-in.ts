import { ConnectorError, isConnectorError } from "../../../common/errors";
import type { RestClient } from "../rest";
import { soqlString } from "../query/soql-literal";

/** Records wanted by the values of one field. */
export interface Selection {
  /** API name of the object. */
  object: string;
  /** API names; paths to parents too. */
  fields: string[];
  /** The field that is compared. */
  field: string;
  values: readonly (string | number)[];
  /** More conditions, as SOQL. */
  where?: string;
  /** Most rows of one query. Default: all. */
  limit?: number;
  /** Default: none. */
  orderBy?: string;
}

/** A record of an answer, by the names of the fields that were asked for. */
export type Row = Record<string, unknown>;

/** Longest query text in a URL, encoded: the platform takes 16,384 bytes of URL and headers. */
const MAX_QUERY = 12_000;

/** A proxy that takes no query this short takes none. */
const SHORTEST = 1_000;

/** Longer than any value that a field can be compared by. */
const MAX_VALUE = 1000;
/** What SOQL takes for a number, of as many digits as the org does. */
const NUMBER = /^[+-]?\d{1,18}(?:\.\d{1,18})?$/;
const ID = /^[0-9A-Za-z]{15}(?:[0-9A-Za-z]{3})?$/;

/** Reads records by `field IN (values)`, in as few queries as the platform's URLs allow. */
export class SelectIn {
  /** Fields that hold numbers: `Object.Field`. */
  private readonly numeric = new Set<string>();
  /** Less than {@link MAX_QUERY} where a proxy on the way takes less (414). */
  private longest = MAX_QUERY;

  constructor(private readonly rest: RestClient) {}

  /**
   * All records found, in no order unless asked for.
   *
   * @throws ConnectorError `ORG_OBJECT_UNKNOWN` when the org has no such object or field
   */
  async rows(selection: Selection): Promise<Row[]> {
    const found: Row[] = [];
    const { longest } = this;
    for (const soql of this.queries(selection)) {
      try {
        found.push(...(await this.query(soql)));
      } catch (error) {
        if (isTooLong(error) && longest > SHORTEST) {
          this.longest = Math.min(this.longest, longest / 2);
          return this.rows(selection);
        }
        if (!isNumericField(error) || this.isNumeric(selection)) throw asUnknown(error, selection);
        this.numeric.add(nameOf(selection));
        return this.rows(selection);
      }
    }
    return found;
  }

  /** The queries, without sending them. */
  queries(selection: Selection): string[] {
    const { object, fields, field, where, limit, orderBy } = selection;
    const literals = this.literals(selection);
    const head = `SELECT ${fields.join(", ")} FROM ${object} WHERE ${where ? `${where} AND ` : ""}${field} IN (`;
    const tail = `)${orderBy ? ` ORDER BY ${orderBy}` : ""}${limit ? ` LIMIT ${limit}` : ""}`;
    const room = this.longest - encodeURIComponent(head + tail).length;
    const queries: string[] = [];
    let part: string[] = [];
    let length = 0;
    const end = (): void => {
      if (part.length > 0) queries.push(head + part.join(",") + tail);
      part = [];
      length = 0;
    };
    for (const literal of literals) {
      const size = encodeURIComponent(literal).length + 3;
      if (length + size > room) end();
      part.push(literal);
      length += size;
    }
    end();
    return queries;
  }

  private literals(selection: Selection): string[] {
    // The org stores no blanks around a text.
    const values = [...new Set(selection.values.map((value) => String(value).trim()))];
    // No record has such a value, and asked for it would fail the query for all others.
    if (isIdField(selection.field)) return values.filter((value) => ID.test(value)).map((value) => soqlString(shortId(value)));
    if (this.isNumeric(selection)) return [...new Set(values.filter((value) => NUMBER.test(value)).map(withoutZeros))];
    return values.filter((value) => value.length <= MAX_VALUE && !/\p{Surrogate}/u.test(value)).map(soqlString);
  }

  private isNumeric(selection: Selection): boolean {
    return this.numeric.has(nameOf(selection));
  }

  private async query(soql: string): Promise<Row[]> {
    const found: Row[] = [];
    let path: string | undefined = `/query?q=${encodeURIComponent(soql)}`;
    while (path) {
      const { body }: { body: { records?: Row[]; nextRecordsUrl?: string } } = await this.rest.request({ method: "GET", path });
      found.push(...(body?.records ?? []));
      path = body?.nextRecordsUrl;
    }
    return found;
  }
}

/** The value of a field whose name may be spelled in another case than the org's. */
export function valueIn(row: Row, field: string): unknown {
  if (field in row) return row[field];
  const wanted = field.toLowerCase();
  return Object.entries(row).find(([name]) => name.toLowerCase() === wanted)?.[1];
}

/** Whether a field holds the record's own id. */
export function isIdField(field: string): boolean {
  return field.toLowerCase() === "id";
}

/** An id as it is the same however it is written: with or without the three characters behind it, which the org refuses when they are wrong. */
export function shortId(id: string): string {
  return id.slice(0, 15);
}

/** `7` for `007`, which SOQL takes for no number. */
function withoutZeros(number: string): string {
  return number.replace(/^([+-]?)0+(?=\d)/, "$1");
}

const nameOf = ({ object, field }: Selection): string => `${object}.${field}`.toLowerCase();

function isTooLong(error: unknown): boolean {
  return isConnectorError(error) && error.code === "PAYLOAD_TOO_LARGE";
}

function isNumericField(error: unknown): boolean {
  return isConnectorError(error) && /should not be enclosed in quotes/i.test(error.message);
}

/** A field or object that is not there fails every message: it was given in the node's form. */
function asUnknown(error: unknown, { object, field }: Selection): unknown {
  if (!isConnectorError(error) || error.code !== "ORG_REFUSED") return error;
  return new ConnectorError("ORG_OBJECT_UNKNOWN", `The org cannot look for ${object} by ${field}: ${error.message}`, { details: error.details, cause: error });
}
