import { plainCopy } from "../../common/plain-copy";
import type { Row, RowValue } from "../client/protocol";
import type { RowSource } from "./row-source";

/** What stands in `msg.sql` of what was read. */
export interface ReadInfo {
  /** Names of the columns, in order. */
  columns: string[];
  /** Polling by a watermark: that of the last row of the message. */
  watermark?: RowValue;
}

/** What is read of rows for a message. */
type Columns = Pick<RowSource, "names" | "rowOf">;

/** The values for one message: the flow may change bytes in place, and the next attempt is made of the same row. */
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
