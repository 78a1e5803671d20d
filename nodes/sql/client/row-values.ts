import type { DriverColumn } from "./backend";
import type { Row, RowValue } from "./protocol";

/** Rows of a driver as rows of ours. */
export function rowsOf(rows: readonly Record<string, unknown>[], columns: readonly DriverColumn[]): Row[] {
  return rows.map((row) => Object.fromEntries(columns.map(({ name }) => [name, valueOf(row[name])])));
}

/** A driver's value as ours. */
export function valueOf(value: unknown): RowValue {
  if (typeof value === "bigint") return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  return value as RowValue;
}
