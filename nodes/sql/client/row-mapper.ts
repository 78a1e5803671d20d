import { ConnectorError } from "../../common/errors";
import { isPlain } from "../../common/is-plain";
import type { TypedValue } from "../../common/typed-input";
import { MAX_ROW_BYTES, plainBytes, plainUnits, plainValue } from "./encode";
import type { PlainValue, WriteMode, WriteRow } from "./protocol";

/** One mapped column. */
export interface MappedColumn {
  column: string;
  value: TypedValue;
}

/** What becomes of a message. */
export interface RowMapperOptions {
  table: string;
  mode: WriteMode;
  /** The columns of the key; of an insert none. */
  keys: readonly string[];
  /** Empty: the payload's own properties are the columns. */
  columns: readonly MappedColumn[];
}

/** Of UTF-8, to a character as JavaScript counts them. */
const MOST_BYTES_A_UNIT = 3;
/** Shapes remembered; payloads with ever new properties must not fill the memory. */
const MAX_SHAPES = 1000;

/**
 * Makes rows of messages. A value that is not there leaves its column out: the database's default holds, and an upsert or update leaves it
 * as it is. Of what is deleted only the key counts.
 */
export class RowMapper {
  private readonly shapes = new Map<string, readonly string[]>();

  /** Whether a row must have a key. */
  private readonly keyed: boolean;

  constructor(private readonly options: RowMapperOptions) {
    this.keyed = options.mode !== "insert" && options.keys.length > 0;
  }

  /** The row for `msg`. @throws ConnectorError `INPUT_INVALID` or `PAYLOAD_TOO_LARGE`; as a rejection when values are evaluated later */
  row(msg: object): WriteRow | Promise<WriteRow> {
    const { columns } = this.options;
    if (columns.length === 0) return this.fromPayload((msg as { payload?: unknown }).payload);
    const names = columns.map(({ column }) => column);
    const values = columns.map(({ value }) => value(msg));
    if (values.some((value) => value instanceof Promise)) return Promise.all(values).then((ready) => this.build(names, ready));
    return this.build(names, values);
  }

  /** Rows with the same key stay in order and apart; an insert has none. */
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

  /** One array for all rows of a shape: it travels once a batch, and tells the shapes apart. */
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

/** Key values that a database takes for equal have equal text: 7, "7" and 7n, and, as MariaDB has it by default, text in whatever case and with blanks at its end. */
function text(value: PlainValue | undefined): string {
  if (value instanceof Date) return value.toISOString();
  if (value instanceof Uint8Array) return Buffer.from(value).toString("hex");
  if (typeof value === "object" && value !== null) return value.json;
  return String(value).toLowerCase().trimEnd();
}

/** @throws ConnectorError `PAYLOAD_TOO_LARGE` */
function checkBytes(table: string, values: readonly PlainValue[]): void {
  const bytes = values.reduce<number>((sum, value) => sum + plainBytes(value), 0);
  if (bytes > MAX_ROW_BYTES) throw new ConnectorError("PAYLOAD_TOO_LARGE", `The row for ${table} has ${bytes} bytes; the limit is ${MAX_ROW_BYTES}`);
}
