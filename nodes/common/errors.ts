/**
 * The one error class of the pack and the catalogue of its codes.
 *
 * Every error says whose fault it is (`scope`) and whether trying again can help (`retryable`); the delivery core decides by
 * these two alone what becomes of a message.
 */

/**
 * Whose fault an error is.
 *
 * - `message`: this message fails – bad content, refused by the org, a constraint.
 * - `system`: nobody's message could pass – no connection, login refused, a limit, a missing driver. Counts no attempt and never dead-letters.
 */
export type ErrorScope = "message" | "system";

interface CatalogueEntry {
  scope: ErrorScope;
  retryable: boolean;
  /** It stays until somebody changes something. A status shows it red; what passes by itself is yellow. */
  needsHand: boolean;
}

const message = (retryable: boolean): CatalogueEntry => ({ scope: "message", retryable, needsHand: !retryable });
/** A fault of a system that passes by itself. */
const system: CatalogueEntry = { scope: "system", retryable: true, needsHand: false };
/** A fault of a system that holds up every message until somebody fixes it. */
const broken: CatalogueEntry = { ...system, needsHand: true };

/** Every code that an error of the pack can have, with its scope and whether a retry can help. Codes are API: flows read them in `msg.error.code` and `x-error-code`. */
export const ERROR_CATALOGUE = {
  // delivery
  FLOW_ERROR: { ...message(true), needsHand: true }, // an error of a node that is not ours: nobody knows whether it passes
  DELIVERY_CLOSED: message(false), // the delivery was settled before this message arrived
  DEADLINE_EXCEEDED: message(true), // not settled in time
  SETTLED_BY_FLOW: message(false), // a settle node asked for it, with a reason of its own or without any error to go by
  OVERLOADED: message(true), // a bounded buffer is full
  FLOW_STOPPED: system, // redeploy or shutdown
  POISON: message(false), // it has ended the process too often
  // configuration and content
  NOT_CONFIGURED: broken,
  STORE_UNAVAILABLE: broken, // what a node keeps over restarts cannot be read or written
  INPUT_INVALID: message(false),
  FORMAT_INVALID: message(false),
  PAYLOAD_TOO_LARGE: message(false),
  // amqp
  BROKER_UNAVAILABLE: system,
  BROKER_REFUSED: broken, // wrong password, unknown vhost, certificate
  QUEUE_UNAVAILABLE: broken,
  EXCHANGE_UNAVAILABLE: broken,
  PUBLISH_RETURNED: { ...message(true), needsHand: true }, // mandatory and no queue took it
  PUBLISH_REJECTED: message(true), // nack by the broker
  PUBLISH_UNCONFIRMED: system, // no confirm in time, or the channel closed first: republished
  HEADERS_INVALID: message(false),
  REPLY_TIMEOUT: message(true), // the request was taken, and no answer came in time
  REPLY_LOST: message(true), // the channel went before the answer came: the request may have been worked on
  // salesforce
  ORG_UNAVAILABLE: system, // network, 5xx
  ORG_LOGIN_FAILED: broken,
  ORG_SESSION_INVALID: broken,
  ORG_LIMIT: system,
  ORG_OBJECT_UNKNOWN: broken, // the object, the external id field or the API version is not there: fails every message
  CHANNEL_UNAVAILABLE: broken, // a channel of events that is not there, or that the user may not read
  POSITION_STALE: broken, // the org does not keep the events behind a position (any more)
  ORG_REFUSED: message(false), // the org refused this record
  ORG_BUSY: message(true), // UNABLE_TO_LOCK_ROW and its like
  JOB_UNFINISHED: message(true), // a bulk job has not ended in time: it goes on, and the message takes it up again
  RECORD_MISSING: message(true), // a look-up found no record, or more than one: it may come later
  DIVISION_UNKNOWN: message(false),
  // sql
  DATABASE_UNAVAILABLE: system,
  DATABASE_REFUSED: broken, // login, unknown database, missing right
  DRIVER_MISSING: broken, // odbc package, its binary, libodbc or the database's driver
  TABLE_UNKNOWN: broken, // a missing table or column fails every message
  ROW_REFUSED: message(false), // constraint, bad value
  ROW_MISSING: message(true), // an update or delete found no row: it may come later
  DATABASE_BUSY: message(true), // lock, deadlock, serialisation
  VALUE_TRUNCATED: message(false), // the driver cannot hand over a value as it is stored
} as const satisfies Record<string, CatalogueEntry>;

/** One of the codes. */
export type ErrorCode = keyof typeof ERROR_CATALOGUE;

/** What a {@link ConnectorError} may be made with besides code and message. */
export interface ConnectorErrorOptions {
  /** Default: the catalogue's scope for the code. */
  scope?: ErrorScope;
  /** Default: the catalogue's answer for the code. */
  retryable?: boolean;
  /** Facts for whoever fixes it (SQLSTATE, field names, …). Never secrets, never message content. */
  details?: Record<string, unknown>;
  /** The error underneath. */
  cause?: unknown;
}

/** Marks our errors across two installed copies of the package, where `instanceof` would say no. */
const MARK = Symbol.for("surewire.ConnectorError");

/** An error that knows whose fault it is and whether a retry can help. */
export class ConnectorError extends Error {
  override readonly name = "ConnectorError";
  readonly code: ErrorCode;
  readonly scope: ErrorScope;
  readonly retryable: boolean;
  readonly details: Record<string, unknown>;

  /**
   * @param code one of {@link ERROR_CATALOGUE}
   * @param text what is wrong and, where it is known, what to do. Without a full stop at its end, since other texts continue it, as {@link goingOn} does
   */
  constructor(code: ErrorCode, text: string, options: ConnectorErrorOptions = {}) {
    super(text, options.cause === undefined ? undefined : { cause: options.cause });
    const entry = ERROR_CATALOGUE[code];
    this.code = code;
    this.scope = options.scope ?? entry.scope;
    this.retryable = options.retryable ?? entry.retryable;
    this.details = options.details ?? {};
    Object.defineProperty(this, MARK, { value: true });
  }

  /** What Node-RED logs and shows: the code comes first, so that users can search for it. */
  override toString(): string {
    return `${this.code}: ${this.message}`;
  }
}

/** Whether `value` is a {@link ConnectorError}, of this or another installed copy of the package. */
export function isConnectorError(value: unknown): value is ConnectorError {
  return typeof value === "object" && value !== null && (value as Record<symbol, unknown>)[MARK] === true;
}

/** Whether an error stays until somebody fixes its cause, as the catalogue says of its code. */
export function needsAHand({ code, cause }: ConnectorError): boolean {
  if (code === "STORE_UNAVAILABLE" && isConnectorError(cause)) return needsAHand(cause); // the store is in a database: what is true of the database's error is true of it
  const entry: CatalogueEntry | undefined = ERROR_CATALOGUE[code];
  return entry?.needsHand ?? false; // another installed copy may know more codes
}

/**
 * Any thrown value as a {@link ConnectorError}; ours pass through untouched.
 *
 * @param code the code given to what is not ours, default `FLOW_ERROR` (message scope, retryable)
 */
export function toConnectorError(value: unknown, code: ErrorCode = "FLOW_ERROR"): ConnectorError {
  if (isConnectorError(value)) return value;
  return new ConnectorError(code, errorText(value), { cause: value });
}

/** The same error with another text, and with more details. The error itself becomes its cause. */
export function reworded(error: ConnectorError, text: string, more: Record<string, unknown> = {}): ConnectorError {
  const { code, scope, retryable, details } = error;
  return new ConnectorError(code, text, { scope, retryable, details: { ...details, ...more }, cause: error });
}

/** A text without the full stop with which texts of servers and drivers may end. */
export function unstopped(text: string): string {
  return text.trim().replace(/\.$/, "");
}

/** A text continued by another one: `The org cannot be reached; the message has waited 60000 ms`. */
export function goingOn(text: string, more: string): string {
  return `${unstopped(text)}; ${more}`;
}

/** The readable text of any thrown value. */
export function errorText(value: unknown): string {
  // both addresses of a host refused: an AggregateError that says nothing itself
  if (value instanceof AggregateError && !value.message && value.errors.length > 0) return errorText(value.errors[0]);
  if (value instanceof Error) return value.message || value.name;
  if (typeof value === "string") return value;
  if (typeof value === "object" && value !== null && typeof (value as { message?: unknown }).message === "string") {
    return (value as { message: string }).message;
  }
  try {
    return String(value);
  } catch {
    return "an error without text"; // an object without prototype
  }
}
