import { plainCopy } from "../../common/plain-copy";
import type { Row, RowValue } from "../client/protocol";
import type { RowSource } from "./row-source";

/** `msg.sql` of messages with rows. */
export interface ReadInfo {
  /** Names of the columns, in order. */
  columns: string[];
  /** When polling by a watermark: the watermark of the message's last row. */
  watermark?: RowValue;
}

/** What is read of rows for a message. */
type Columns = Pick<RowSource, "names" | "rowOf">;

/** Copies bytes for one message: the flow may change them in place, and the message of the next attempt is made of the same row. */
function own(values: readonly RowValue[]): readonly RowValue[] {
  return values.some((value) => value instanceof Uint8Array) ? plainCopy(values) : values;
}

/** The payload and `msg.sql` of one row. */
export function rowMessage({ names, rowOf }: Columns, values: readonly RowValue[]): { payload: Row; sql: ReadInfo } {
  return { payload: rowOf(own(values)), sql: { columns: [...names] } };
}

/** The payload and `msg.sql` of several rows. */
export function rowsMessage({ names, rowOf }: Columns, rows: readonly (readonly RowValue[])[]): { payload: Row[]; sql: ReadInfo } {
  return { payload: rows.map((values) => rowOf(own(values))), sql: { columns: [...names] } };
}
