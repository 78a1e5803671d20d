/** A message as a client has sent it: any JSON object. */
export type Message = Record<string, unknown>;

/** The answer to a message. */
export type Answer = Record<string, unknown>;

/** The channels of the protocol itself. */
export const META = {
  handshake: "/meta/handshake",
  connect: "/meta/connect",
  subscribe: "/meta/subscribe",
  unsubscribe: "/meta/unsubscribe",
  disconnect: "/meta/disconnect",
} as const;

/** The only supported transport. */
export const LONG_POLLING = "long-polling";

/** The texts of errors as they are sent. Only those that are used in several places are here. */
export const ERRORS = {
  unauthorized: "401::Authentication invalid",
  unauthenticated: "401::Request requires authentication",
  denied: "403::Handshake denied",
  unknownClient: "403::Unknown client",
  noHandshake: "403::Client has not completed handshake",
  concurrentClients: "403::Organization concurrent user limit exceeded",
  dailyLimit: "403::Organization total events daily limit exceeded",
  noChannel: "400::Channel name not specified",
} as const;

/** The extensions of the server, as in the answer to a handshake. A client gets them unasked. */
const CAPABILITIES = { replay: true, "payload.format": true };

/** Why a message is refused. The text is the `error` of the answer, for example `403::Unknown client`. */
export class Refusal extends Error {
  /**
   * @param reconnect the advice for the client. Default: the one that goes with the text
   * @param status HTTP status of the call. Default 200
   */
  constructor(
    readonly error: string,
    readonly reconnect?: "none" | "handshake" | "retry",
    readonly status?: number,
  ) {
    super(error);
  }
}

/** Returns the answer to a message that was carried out. */
export function accepted(message: Message, clientId: string, more: Answer = {}): Answer {
  return { clientId, ...more, channel: message["channel"], ...idOf(message), ...subscriptionOf(message), successful: true };
}

/** Returns the answer to a handshake that has opened a session. */
export function welcomed(message: Message, clientId: string): Answer {
  const { channel } = message;
  return { ext: CAPABILITIES, minimumVersion: "1.0", clientId, supportedConnectionTypes: [LONG_POLLING], channel, ...idOf(message), version: "1.0", successful: true };
}

/**
 * Returns the answer to a message that was refused. The error of a handshake is always *denied*; the reason is in `ext`, as is a reason that the error hides.
 *
 * @param hidden the real reason, if it is not `error`
 */
export function refused(message: Message, { error, reconnect }: Refusal, hidden?: string): Answer {
  const channel = message["channel"];
  if (channel === META.handshake) {
    const reason = hidden ?? error;
    const ext = { sfdc: { failureReason: reason }, ...CAPABILITIES };
    return { ext, advice: { reconnect: reconnect ?? "none" }, channel, ...idOf(message), error: ERRORS.denied, successful: false };
  }
  const isUnknown = error === ERRORS.unknownClient;
  const advice = reconnect ?? (isUnknown ? "handshake" : channel === META.connect ? "none" : undefined);
  return {
    ...(hidden === undefined ? {} : { ext: { sfdc: { failureReason: hidden } } }),
    // Salesforce does not repeat an id that it does not know.
    ...(isUnknown || typeof message["clientId"] !== "string" ? {} : { clientId: message["clientId"] }),
    ...(advice === undefined ? {} : { advice: { reconnect: advice, interval: 0 } }),
    channel,
    ...idOf(message),
    ...subscriptionOf(message),
    error,
    successful: false,
  };
}

function idOf(message: Message): Answer {
  return message["id"] === undefined ? {} : { id: message["id"] };
}

function subscriptionOf(message: Message): Answer {
  return message["subscription"] === undefined ? {} : { subscription: message["subscription"] };
}

/** Returns the value if it is an object; otherwise an empty object. */
export function members(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}
