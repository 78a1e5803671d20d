import { ConnectorError, type ConnectorErrorOptions } from "./errors";

/**
 * The error for more rows than may be held in memory at once.
 *
 * @param most how many may be held
 * @param advice what to do, as the end of a sentence
 * @param options as of any `ConnectorError`: scope `system` where all that follows would fail, too. `maxRows` is added to the details
 */
export function tooManyRows(most: number, advice: string, { details, ...options }: ConnectorErrorOptions = {}): ConnectorError {
  return new ConnectorError("PAYLOAD_TOO_LARGE", `There are more than ${most} rows: ${advice}`, { ...options, details: { ...details, maxRows: most } });
}
