import type { ConnectorError } from "../../common/errors";
import type { StatusState } from "../../common/status";
import type { ConnectionState } from "./connection";

/** Gives the text of a key; `RED._` fits. */
export type Translate = (key: string, values?: Record<string, string>) => string;

/** What a node shows: the arguments of `Status.set`. The text is made only when it is shown. */
export interface ShownStatus {
  state: StatusState;
  text: () => string;
}

/** The texts are the config node's, whichever node shows them. */
const CATALOGUE = "@surewire/node-red-connectors/surewire-amqp-broker:broker.status.";

/**
 * What a node that uses a connection shows while the connection keeps its messages from moving; `undefined` while it does not, so
 * that the node shows its own state.
 *
 * @param translate `RED._`
 */
export function connectionStatus(state: ConnectionState, translate: Translate): ShownStatus | undefined {
  const text = (key: string, values: () => Record<string, string> = () => ({})): (() => string) => () => translate(CATALOGUE + key, values());
  switch (state.kind) {
    case "connecting":
      return { state: "connecting", text: text("connecting") };
    case "reconnecting":
      return { state: "reconnecting", text: text("reconnecting", () => ({ seconds: String(secondsUntil(state.until)) })) };
    case "refused":
      return { state: "failed", text: text("refused", () => ({ reason: state.error.message })) };
    case "blocked":
      return { state: "waiting", text: text("blocked", () => ({ reason: state.reason })) };
    case "idle":
    case "connected":
    case "closed":
      return undefined;
  }
}

/** Whether an error is about the connection, of which the config node tells once for all its nodes. */
export function isOfConnection({ code }: ConnectorError): boolean {
  return code === "BROKER_UNAVAILABLE" || code === "BROKER_REFUSED";
}

/** Never 0: the text is about what is still to come. */
function secondsUntil(time: number): number {
  return Math.max(1, Math.ceil((time - Date.now()) / 1000));
}
