import type { ConnectorError } from "../../common/errors";
import type { StatusState } from "../../common/status";
import type { ConnectionState } from "./connection/connection";

/** Returns the text for a key of the locale files. `RED._` is such a function. */
export type Translate = (key: string, values?: Record<string, string>) => string;

/** A node's status, as the arguments of `Status.set`. The text is made only when it is shown. */
export interface ShownStatus {
  state: StatusState;
  text: () => string;
}

/** Whichever node shows the texts, they are in the config node's locale file. */
const CATALOGUE = "@surewire/node-red-connectors/surewire-amqp-broker:broker.status.";

/**
 * Returns the status of a node that uses a connection, while the connection cannot carry its messages. Returns `undefined` when the connection is no obstacle: the
 * node then shows its own state.
 *
 * @param translate `RED._`
 */
export function connectionStatus(state: ConnectionState, translate: Translate): ShownStatus | undefined {
  const text = (key: string, values: () => Record<string, string> = () => ({})): (() => string) => () => translate(CATALOGUE + key, values());
  const refused = (error: ConnectorError): ShownStatus => ({ state: "failed", text: text("refused", () => ({ reason: error.message })) });
  switch (state.kind) {
    case "connecting":
      // after a refusal not yellow for a moment at each attempt: otherwise a user who is notified of red statuses would be notified every minute
      return state.refused ? refused(state.refused) : { state: "connecting", text: text("connecting") };
    case "reconnecting":
      return { state: "reconnecting", text: text("reconnecting", () => ({ seconds: String(secondsUntil(state.until)) })) };
    case "refused":
      return refused(state.error);
    case "blocked":
      return { state: "waiting", text: text("blocked", () => ({ reason: state.reason })) };
    case "idle":
    case "connected":
    case "closed":
      return undefined;
  }
}

/** Whether an error is about the connection. The config node logs such an error once for all nodes that use it. */
export function isOfConnection({ code }: ConnectorError): boolean {
  return code === "BROKER_UNAVAILABLE" || code === "BROKER_REFUSED";
}

/** Seconds until `time` (ms since 1970), at least 1, because the text announces something that is still to come. */
function secondsUntil(time: number): number {
  return Math.max(1, Math.ceil((time - Date.now()) / 1000));
}
