import { stringify } from "csv-stringify/sync";
import { ConnectorError } from "../../../common/errors";
import { isPlain } from "../../../common/is-plain";

/** Rows for a dataset: CSV with a header line, or objects with the values by column. */
export type CsvRows = string | Buffer | Record<string, unknown>[];

/**
 * Returns rows as CSV; text and Buffers are CSV already. The columns are in the order in which they first occur. Dates are written as ISO text, `null` and missing values
 * as empty fields, objects as JSON.
 *
 * @throws ConnectorError `INPUT_INVALID` when there are no rows, or a row is not an object
 */
export function toCsv(rows: CsvRows): string | Buffer {
  if (typeof rows === "string" || Buffer.isBuffer(rows)) {
    if (rows.length === 0) throw new ConnectorError("INPUT_INVALID", "The CSV is empty");
    return rows;
  }
  if (!Array.isArray(rows) || rows.length === 0) throw new ConnectorError("INPUT_INVALID", "A dataset needs CSV text or a list of rows");
  const columns = new Set<string>();
  for (const row of rows) {
    if (!isPlain(row)) throw new ConnectorError("INPUT_INVALID", "A row of the list is no object");
    for (const name of Object.keys(row)) columns.add(name);
  }
  return stringify(rows, {
    header: true,
    columns: [...columns],
    cast: { date: (value) => value.toISOString(), boolean: String, object: (value) => JSON.stringify(value) },
  });
}
