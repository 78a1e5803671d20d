import { ConnectorError } from "../../common/errors";
import { isPlain } from "../../common/is-plain";
import { type TypedValue, whenAllReady } from "../../common/typed-input";
import { MAX_ROW_BYTES, plainBytes, plainUnits, plainValue } from "./encode";
import type { PlainValue, WriteMode, WriteRow } from "./protocol";

/** One mapped column. */
export interface MappedColumn {
  column: string;
  value: TypedValue;
}

/** How a message becomes a row. */
export interface RowMapperOptions {
  table: string;
  mode: WriteMode;
  /** The columns of the key; none for an insert. */
  keys: readonly string[];
  /** The mapped columns. When empty, the properties of the payload are the columns. */
  columns: readonly MappedColumn[];
}

/** Most bytes of UTF-8 for one UTF-16 unit. */
const MOST_BYTES_A_UNIT = 3;
/** How many lists of columns are remembered: payloads that always have new properties must not fill the memory. */
const MAX_SHAPES = 1000;

/**
 * Makes rows of messages. Where a value is `undefined`, the row does not have the column: an insert stores the database's default, an upsert or update leaves
 * the column as it is. A row to delete has only its key.
 */
export class RowMapper {
  private readonly shapes = new Map<string, readonly string[]>();

  /** Whether a row must have a key. */
  private readonly keyed: boolean;

  constructor(private readonly options: RowMapperOptions) {
    this.keyed = options.mode !== "insert" && options.keys.length > 0;
  }

  /** Returns the row for `msg`. @throws ConnectorError `INPUT_INVALID` or `PAYLOAD_TOO_LARGE`; as a rejection when values are evaluated later */
  row(msg: object): WriteRow | Promise<WriteRow> {
    const { columns } = this.options;
    if (columns.length === 0) return this.fromPayload((msg as { payload?: unknown }).payload);
    const names = columns.map(({ column }) => column);
    return whenAllReady(columns.map(({ value }) => value(msg)), (values) => this.build(names, values));
  }

  /** Returns the key of a row as text, for the order of writes: rows with the same key are written one after the other. `undefined` for an insert. */
  key({ columns, values }: WriteRow): string | undefined {
    const { table, keys } = this.options;
    if (!this.keyed) return undefined;
    return [table, ...keys.map((key) => text(values[columnIndex(columns, key)]))].join("\0");
  }

  private fromPayload(payload: unknown): WriteRow {
    if (!isPlain(payload)) {
      const what = payload === null ? "null" : Array.isArray(payload) ? "a list" : Buffer.isBuffer(payload) ? "a buffer" : `a ${typeof payload}`;
      const advice = what === "a list" ? ": a split node before this one makes a message of each item" : "";
      throw new ConnectorError("INPUT_INVALID", `msg.payload is ${what}, not an object whose properties are the columns of ${this.options.table}${advice}`);
    }
    return this.build(Object.keys(payload), Object.values(payload));
  }

  private build(names: readonly string[], given: readonly unknown[]): WriteRow {
    const { table, mode, keys } = this.options;
    const present: string[] = [];
    const values: PlainValue[] = [];
    let length = 0;
    for (const [index, name] of names.entries()) {
      const value = given[index];
      if (value === undefined || (mode === "delete" && columnIndex(keys, name) < 0)) continue;
      const plain = plainValue(value, name);
      length += plainUnits(plain);
      present.push(name);
      values.push(plain);
    }
    if (this.keyed) for (const key of keys) this.checkKey(key, values[columnIndex(present, key)]);
    if (present.length === 0) throw new ConnectorError("INPUT_INVALID", `The message has no value for any column of ${table}`);
    if (length > MAX_ROW_BYTES / MOST_BYTES_A_UNIT) checkBytes(table, values);
    if (mode === "update" && present.length <= keys.length) throw new ConnectorError("INPUT_INVALID", `The message has nothing to update in ${table} but its key`);
    return { columns: this.shape(present), values };
  }

  private checkKey(key: string, value: PlainValue | undefined): void {
    if (value !== undefined && value !== null) return;
    throw new ConnectorError("INPUT_INVALID", `The message has no value for "${key}", the key of ${this.options.table}`, { details: { name: key } });
  }

  /** Returns the same array for all rows with the same columns: a batch sends it once, and rows are grouped by it. */
  private shape(columns: readonly string[]): readonly string[] {
    const signature = columns.join("\0");
    let shape = this.shapes.get(signature);
    if (!shape) {
      if (this.shapes.size >= MAX_SHAPES) this.shapes.clear();
      shape = columns;
      this.shapes.set(signature, shape);
    }
    return shape;
  }
}

function columnIndex(columns: readonly string[], key: string): number {
  const exact = columns.indexOf(key);
  return exact >= 0 ? exact : columns.findIndex((column) => column.toLowerCase() === key.toLowerCase());
}

/** Text with more than the plain letters, digits and signs of ASCII. */
const BEYOND_ASCII = /[^ -~]/;

/**
 * Returns a key value as text, which is equal for values that a database may take for equal: 7, "7" and 7n; text that differs in case, in accents or in blanks at its end
 * (MariaDB's default).
 */
function text(value: PlainValue | undefined): string {
  if (value instanceof Date) return value.toISOString();
  if (value instanceof Uint8Array) return Buffer.from(value).toString("hex");
  if (typeof value === "object" && value !== null) return value.json;
  const plain = String(value).toLowerCase().trimEnd();
  return BEYOND_ASCII.test(plain) ? plain.normalize("NFKD").replace(/\p{Mark}/gu, "") : plain;
}

/** @throws ConnectorError `PAYLOAD_TOO_LARGE` */
function checkBytes(table: string, values: readonly PlainValue[]): void {
  const bytes = values.reduce<number>((sum, value) => sum + plainBytes(value), 0);
  if (bytes > MAX_ROW_BYTES) throw new ConnectorError("PAYLOAD_TOO_LARGE", `The row for ${table} has ${bytes} bytes; the limit is ${MAX_ROW_BYTES}`);
}
