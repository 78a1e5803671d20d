import { ConnectorError, type ConnectorErrorOptions } from "./errors";

/**
 * More rows came than may be held at once.
 *
 * @param most how many may
 * @param advice what to do, as the end of a sentence
 * @param options with scope `system` where everything that comes waits for it; the details also get `maxRows`
 */
export function tooManyRows(most: number, advice: string, { details, ...options }: ConnectorErrorOptions = {}): ConnectorError {
  return new ConnectorError("PAYLOAD_TOO_LARGE", `There are more than ${most} rows: ${advice}`, { ...options, details: { ...details, maxRows: most } });
}
