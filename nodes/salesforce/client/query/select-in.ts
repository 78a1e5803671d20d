import { ConnectorError, isConnectorError } from "../../../common/errors";
import type { RestClient } from "../rest";
import { soqlString } from "./soql-literal";

/** Which records to read, by the values of one field. */
export interface Selection {
  /** API name of the object. */
  object: string;
  /** API names of the fields to read, or paths to fields of parents. */
  fields: string[];
  /** The field that is compared. */
  field: string;
  values: readonly (string | number)[];
  /** More conditions, as SOQL. */
  where?: string;
  /** The most rows of one query. Default: no limit. */
  limit?: number;
  /** SOQL of the order. Default: none. */
  orderBy?: string;
}

/** A record of an answer: the values by field name. */
export type Row = Record<string, unknown>;

/** The most characters of an encoded query: the platform accepts 16,384 bytes of URL and headers. */
const MAX_QUERY = 12_000;

/** The limit is not made smaller than this: a proxy that refuses even such a query would refuse any. */
const SHORTEST = 1_000;

/** The most characters of a value that is looked for. No field that can be compared holds a longer one. */
const MAX_VALUE = 1000;
/** A number that SOQL accepts, with no more digits than the org accepts. */
const NUMBER = /^[+-]?\d{1,18}(?:\.\d{1,18})?$/;
const ID = /^[0-9A-Za-z]{15}(?:[0-9A-Za-z]{3})?$/;

/** Reads records by `field IN (values)`, in as few queries as the length of URLs allows. */
export class SelectIn {
  /** Fields that were found to hold numbers, as `object.field` in lower case. */
  private readonly numeric = new Set<string>();
  /** The current limit: {@link MAX_QUERY}, or less if a proxy on the way has refused longer ones (414). */
  private longest = MAX_QUERY;

  constructor(private readonly rest: RestClient) {}

  /**
   * Reads all records that match, in any order unless `orderBy` is given.
   *
   * @throws ConnectorError `ORG_OBJECT_UNKNOWN` when the org refuses the query, since it has no such object or field
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

  /** Returns the texts of the queries without sending them. */
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
    // The org stores texts without the blanks around them.
    const values = [...new Set(selection.values.map((value) => String(value).trim()))];
    // Values that do not fit the field are left out: no record can have them, and with one of them the query would fail for all others.
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

/** Whether a field holds the record's own id. */
export function isIdField(field: string): boolean {
  return field.toLowerCase() === "id";
}

/** Returns the first 15 characters of an id, which are the same for both its forms. The three behind them are a checksum, and the org refuses an id where they are wrong. */
export function shortId(id: string): string {
  return id.slice(0, 15);
}

/** The number that a text is in SOQL; `undefined` for what is none there, as `0x7`. */
export function numberOf(text: string): number | undefined {
  return NUMBER.test(text) ? Number(text) : undefined;
}

/** Writes `7` for `007`, which SOQL does not accept as a number. */
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

/** Turns a refused query into `ORG_OBJECT_UNKNOWN`. Object and field come from the node's form, so the error concerns every message. */
function asUnknown(error: unknown, { object, field }: Selection): unknown {
  if (!isConnectorError(error) || error.code !== "ORG_REFUSED") return error;
  return new ConnectorError("ORG_OBJECT_UNKNOWN", `The org cannot look for ${object} by ${field}: ${error.message}`, { details: error.details, cause: error });
}
