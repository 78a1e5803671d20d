import { ConnectorError } from "../../common/errors";
import { quote, sqlTimestamp } from "../client/dialect/text";
import { limitRows } from "../client/limit-rows";
import { noColumn } from "../client/child/row-values";
import type { ColumnInfo, DialectName, NamedStatement, RowValue } from "../client/protocol";
import type { Position } from "./watermark";

/** A column that rows are compared by. */
export interface ComparedColumn {
  name: string;
  /** The database's name of its type, in lower case. */
  type: string;
}

/** The columns by which rows are compared and ordered. */
export interface ComparedColumns {
  watermark: ComparedColumn;
  key: ComparedColumn;
}

/** A value to compare with: an expression with one marker, and the value for that marker. */
interface Compared {
  sql: string;
  value: string | number | boolean;
}

const TIMESTAMP = /^\d{4}-\d\d-\d\dT\d\d:\d\d/;
const ZONE = /(Z|[+-]\d\d:?\d\d)$/i;
const NUMBER = /^-?\d+(\.\d+)?$/;

/** The statements of a poll by watermark, around the user's query. Names come from the node's form alone, and are quoted. */
export class PollQuery {
  constructor(
    private readonly query: string,
    private readonly dialect: DialectName,
    private readonly watermark: string,
    private readonly key: string,
  ) {}

  /** A query for no row, whose columns tell their types. */
  get shape(): string {
    const names = [...new Set([this.watermark, this.key])].map((name) => this.name(name)); // a number that rises may be both
    return `select ${names.join(", ")} from ${this.derived} where 1 = 0`;
  }

  /** The highest watermark. */
  get highest(): string {
    const name = this.name(this.watermark);
    // not max(): MariaDB's ODBC driver rounds a long decimal, and exact queries prevent that only for columns
    return limitRows(`select ${name} from ${this.derived} where ${name} is not null order by ${name} desc`, 1, this.dialect);
  }

  /** The highest key of a watermark. */
  last(columns: ComparedColumns, watermark: RowValue): NamedStatement {
    const { sql, value } = comparable(watermark, columns.watermark, this.dialect, ":surewire_watermark");
    const key = this.name(this.key);
    const query = `select ${key} from ${this.derived} where ${this.name(this.watermark)} = ${sql} and ${key} is not null order by ${key} desc`;
    return { sql: limitRows(query, 1, this.dialect), values: { surewire_watermark: value } };
  }

  /** A row without a watermark, if there is one. */
  get blank(): string {
    return limitRows(`select ${this.name(this.watermark)} from ${this.derived} where ${this.name(this.watermark)} is null`, 1, this.dialect);
  }

  /**
   * A query for the next rows, in order. Where `after` has a key, its row is the first of them if it still exists: since the database may compare less exactly than we
   * do, the reader finds by the values which rows are new.
   *
   * @param bound the last row that may be read; default: any
   */
  page(columns: ComparedColumns, after: Position | undefined, bound: Position | undefined, most: number): NamedStatement {
    const values: Record<string, string | number | boolean> = {};
    const compared = (value: RowValue, column: ComparedColumn, name: string): string => {
      const { sql, value: bare } = comparable(value, column, this.dialect, `:${name}`);
      values[name] = bare;
      return sql;
    };
    const [watermark, key] = [this.name(this.watermark), this.name(this.key)];
    const conditions: string[] = [];
    if (after && after.watermark !== null) {
      const sql = compared(after.watermark, columns.watermark, "surewire_watermark");
      // this form, and not `a > x or (a = x and b >= y)`, lets databases use an index on both
      if (hasKey(after)) conditions.push(`${watermark} >= ${sql}`, `(${watermark} > ${sql} or ${key} >= ${compared(after.key, columns.key, "surewire_key")})`);
      else conditions.push(`${watermark} > ${sql}`);
    }
    if (bound === undefined) conditions.push(`${watermark} is not null`);
    else {
      const sql = compared(bound.watermark, columns.watermark, "surewire_bound");
      conditions.push(`${watermark} <= ${sql}`);
      if (hasKey(bound)) conditions.push(`(${watermark} < ${sql} or ${key} <= ${compared(bound.key, columns.key, "surewire_bound_key")})`);
    }
    const sql = `select * from ${this.derived} where ${conditions.join(" and ")} order by ${watermark}, ${key}`;
    // the limit is a parameter, so that the statement's text stays the same and is prepared once
    if (this.dialect === "postgresql" || this.dialect === "mariadb" || this.dialect === "sqlite") return { sql: `${sql} limit :surewire_most`, values: { ...values, surewire_most: most } };
    return { sql: limitRows(sql, most, this.dialect), values };
  }

  /** The user's query as a table; a line comment at its end must not take the bracket with it. */
  private get derived(): string {
    return `(${this.query}\n) surewire_q`;
  }

  private name(column: string): string {
    if (this.dialect === "mariadb") return quote(column, "`");
    if (this.dialect === "sqlserver") return `[${column.replaceAll("]", "]]")}]`;
    return quote(column, '"');
  }
}

function hasKey(position: Position): position is Position & { key: RowValue } {
  return position.key !== undefined && position.key !== null;
}

/** Finds a column of a query's result, by its exact name. @throws ConnectorError NOT_CONFIGURED when one is missing */
export function columnNamed(columns: readonly ColumnInfo[], name: string): { index: number; column: ComparedColumn } {
  const index = columns.findIndex((column) => column.name === name);
  const column = columns[index];
  if (column) return { index, column };
  throw noColumn(name, columns);
}

/** The error for a watermark or key that is NULL or bytes. */
export function incomparable(column: string, value: Uint8Array | null): ConnectorError {
  return new ConnectorError("NOT_CONFIGURED", `Rows cannot be compared by ${column}: it holds ${value === null ? "NULL" : "bytes"}`);
}

/**
 * How a value that was read is compared with a column, without loss. Times with microseconds and decimals of any length are text here, and each product
 * has its own way to convert that to a value.
 */
function comparable(value: RowValue, { name, type }: ComparedColumn, dialect: DialectName, marker: string): Compared {
  if (value === null || value instanceof Uint8Array) throw incomparable(name, value);
  // a float column is compared in 64 bits, where its 0.1 is 0.10000000149011612
  if (typeof value === "number" && dialect === "mariadb" && type === "real") return { sql: marker, value: Math.fround(value) };
  // PostgreSQL is asked which type it expects in a place (client/parameter-types.ts), and a cast of ours would only keep it from an index
  if (typeof value !== "string" || dialect === "postgresql") return { sql: marker, value };
  if (TIMESTAMP.test(value) && (dialect !== "sqlite" || /^(timestamp|datetime)/.test(type)) && !/char|text|clob/.test(type)) return timestamp(value, dialect, marker);
  if (NUMBER.test(value) && /int|num|dec|money|double|float|real|serial/.test(type)) return decimal(value, dialect, marker);
  return { sql: marker, value };
}

function timestamp(value: string, dialect: DialectName, marker: string): Compared {
  switch (dialect) {
    case "sqlserver":
      // text takes the type of the column it is compared with. A datetime counts in 1/300 s: next to a datetime2 it would not equal its own text
      return { sql: `cast(${marker} as varchar(40))`, value };
    case "oracle": {
      const zoned = ZONE.test(value);
      const exact = value.replace(/Z$/i, "+00:00").replace(/(:\d\d)(?=[+-]\d\d:?\d\d$|$)/, (seconds) => (value.includes(".") ? seconds : `${seconds}.0`));
      const format = `YYYY-MM-DD"T"HH24:MI:SS.FF9${zoned ? "TZH:TZM" : ""}`;
      return { sql: `to_timestamp${zoned ? "_tz" : ""}(${marker}, '${format}')`, value: exact };
    }
    case "db2":
      return { sql: `cast(${marker} as timestamp(12))`, value: sqlTimestamp(value) };
    case "mariadb":
    case "generic":
      return { sql: marker, value: sqlTimestamp(value) };
    case "sqlite":
    case "postgresql":
      return { sql: marker, value };
  }
}

function decimal(value: string, dialect: DialectName, marker: string): Compared {
  const scale = value.split(".")[1]?.length ?? 0;
  switch (dialect) {
    case "mariadb":
      return { sql: `cast(${marker} as decimal(65, ${Math.min(scale, 30)}))`, value };
    case "sqlite":
      return { sql: `cast(${marker} as ${scale > 0 ? "real" : "integer"})`, value };
    case "sqlserver":
    case "oracle":
      return { sql: `cast(${marker} as ${dialect === "oracle" ? "number" : `decimal(38, ${scale})`})`, value };
    case "db2":
      return { sql: `cast(${marker} as decimal(31, ${scale}))`, value };
    case "generic":
    case "postgresql":
      return { sql: marker, value };
  }
}
