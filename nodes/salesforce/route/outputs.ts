import { ConnectorError } from "../../common/errors";

/** The outputs, by what is put out there. */
export const OUTPUTS = { create: 0, update: 1, disconnect: 2 } as const;

/** Why nothing is begun: a case would count as asked for, and nobody would hear of it. */
export function unwired(): ConnectorError {
  return new ConnectorError("NOT_CONFIGURED", "Nothing is wired to the output Create: cases would be routed to nobody");
}
