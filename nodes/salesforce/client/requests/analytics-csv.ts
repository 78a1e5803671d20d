import { stringify } from "csv-stringify/sync";
import { ConnectorError } from "../../../common/errors";
import { isPlain } from "../../../common/is-plain";

/** Rows for a dataset: CSV with a header line, or objects by column. */
export type CsvRows = string | Buffer | Record<string, unknown>[];

/** The rows as CSV: columns in the order they first come, dates as ISO text, null and what is missing as empty. */
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
