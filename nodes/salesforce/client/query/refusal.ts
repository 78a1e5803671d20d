import { ConnectorError } from "../../../common/errors";

/** Returns the error for a value that cannot be in a query. @param name name of its parameter @param why the end of the sentence, which begins with the value */
export function refuse(name: string, why: string): ConnectorError {
  return new ConnectorError("INPUT_INVALID", `The value of :${name} ${why}`, { details: { parameter: name } });
}
