/** A message as a client sent it: JSON of any shape. */
export type Message = Record<string, unknown>;

/** A message that answers one. */
export type Answer = Record<string, unknown>;

/** The channels of the protocol itself. */
export const META = {
  handshake: "/meta/handshake",
  connect: "/meta/connect",
  subscribe: "/meta/subscribe",
  unsubscribe: "/meta/unsubscribe",
  disconnect: "/meta/disconnect",
} as const;

/** The only transport there is. */
export const LONG_POLLING = "long-polling";

/** What an error says, in the form it has on the wire. Only what several places say stands here. */
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

/** What a handshake says the server can do; a client need not have asked for it. */
const CAPABILITIES = { replay: true, "payload.format": true };

/** A message that is not done. Its text is that of the answer's `error`: `403::Unknown client`. */
export class Refusal extends Error {
  /**
   * @param reconnect what the client is advised; default: as goes with the text
   * @param status HTTP status of the call; default 200
   */
  constructor(
    readonly error: string,
    readonly reconnect?: "none" | "handshake" | "retry",
    readonly status?: number,
  ) {
    super(error);
  }
}

/** The answer to a message that was done. */
export function accepted(message: Message, clientId: string, more: Answer = {}): Answer {
  return { clientId, ...more, channel: message["channel"], ...idOf(message), ...subscriptionOf(message), successful: true };
}

/** The answer to a handshake that opened a session. */
export function welcomed(message: Message, clientId: string): Answer {
  const { channel } = message;
  return { ext: CAPABILITIES, minimumVersion: "1.0", clientId, supportedConnectionTypes: [LONG_POLLING], channel, ...idOf(message), version: "1.0", successful: true };
}

/**
 * The answer to a message that was refused. A handshake is always *denied*, its reason stands aside; so does a reason that the visible error hides.
 *
 * @param hidden the real reason, when `error` is not
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
    // Salesforce does not repeat an id it does not know.
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

/** A value that may hold members, else an empty one. */
export function members(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}
