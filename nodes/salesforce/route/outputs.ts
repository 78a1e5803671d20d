import { ConnectorError } from "../../common/errors";

/** Index of the output for each action. */
export const OUTPUTS = { create: 0, update: 1, disconnect: 2 } as const;

/** The error while nothing is wired to the first output. Without that wire, cases would be recorded as routed although no one got their messages. */
export function unwired(): ConnectorError {
  return new ConnectorError("NOT_CONFIGURED", "Nothing is wired to the output Create: cases would be routed to nobody");
}
