import { ConnectorError } from "../../../common/errors";

/** Why a value cannot stand in a query. @param name of its parameter */
export function refuse(name: string, why: string): ConnectorError {
  return new ConnectorError("INPUT_INVALID", `The value of :${name} ${why}`, { details: { parameter: name } });
}
