import { ERRORS, META, refused, Refusal, type Answer, type Message } from "./bayeux";

/** The errors that clients get, by kind of fault. */
const FAULTS = {
  /** A 503 that is hidden behind an error that looks like a failed sign-in. */
  busy: { on: "connect", error: ERRORS.unauthorized, hidden: "503::Server is too busy.  Please try your request again later." },
  /** Too many connections for the server. */
  protect: {
    on: "handshake",
    error:
      "403::To protect all customers from excessive use and Denial of Service attacks, we limit the number of simultaneous connections per server. " +
      "Your request has been denied because this limit has been exceeded. Please try your request again later.",
  },
  concurrentLimit: { on: "handshake", error: ERRORS.concurrentClients },
  dailyLimit: { on: "connect", error: ERRORS.dailyLimit },
  unauthorized: { on: "connect", error: ERRORS.unauthorized },
  /** The server sends a `/meta/disconnect` of its own and then 401. Ends the session. */
  disconnect: { on: "connect", error: ERRORS.unauthorized },
  /** Ends the session. */
  unknownClient: { on: "connect", error: ERRORS.unknownClient },
} as const;

/** A fault that refuses the next messages of streaming clients. */
export interface StreamFault {
  /** Default `busy`. */
  kind?: keyof typeof FAULTS;
  /** Text of the error instead of the kind's, for example `403::Subscription limit exceeded for this topic`. */
  error?: string;
  /** The advice for the client. Default: the one that goes with the error. */
  reconnect?: "none" | "handshake" | "retry";
  /** Which messages it hits. Default: those that go with the kind. */
  on?: "handshake" | "connect" | "subscribe" | "unsubscribe";
  /** Hits only messages for this channel. For subscribe and unsubscribe. */
  channel?: string;
  /** How many messages it hits. Default 1. */
  count?: number;
  /** HTTP status of the answer. Default 200. */
  status?: number;
}

/** The answer to a message that a fault has hit. */
export interface Strike {
  answers: Answer[];
  status: number;
  /** Whether the fault ends the client's session. */
  ends: boolean;
}

/** The faults of the streams that are switched on. */
export class StreamFaults {
  private faults: (StreamFault & { on: keyof typeof META; kind: keyof typeof FAULTS; left: number })[] = [];

  /** Adds a fault. @throws Error for an unknown kind or message, or a wrong status */
  add(fault: StreamFault): void {
    const kind = fault.kind ?? "busy";
    if (!Object.hasOwn(FAULTS, kind)) throw new Error(`kind must be one of ${Object.keys(FAULTS).join(", ")}`);
    const on = fault.on ?? FAULTS[kind].on;
    if (!Object.hasOwn(META, on)) throw new Error(`on must be one of ${Object.keys(META).join(", ")}`);
    const { status = 200 } = fault;
    if (!Number.isInteger(status) || status < 200 || status > 599) throw new Error("status must be an HTTP status from 200 to 599");
    this.faults.push({ ...fault, kind, on, left: fault.count ?? 1 });
  }

  clear(): void {
    this.faults = [];
  }

  /** Returns the answer to a message if a fault hits it, and counts it; `undefined` if none does. */
  strike(message: Message): Strike | undefined {
    const index = this.faults.findIndex(({ on, channel }) => META[on] === message["channel"] && (channel === undefined || channel === message["subscription"]));
    const fault = this.faults[index];
    if (!fault) return undefined;
    if (--fault.left <= 0) this.faults.splice(index, 1);
    const known: { error: string; hidden?: string } = FAULTS[fault.kind];
    const refusal = new Refusal(fault.error ?? known.error, fault.reconnect);
    const answers = [refused(message, refusal, fault.error === undefined ? known.hidden : undefined)];
    if (fault.kind === "disconnect") answers.unshift({ channel: META.disconnect });
    return { answers, status: fault.status ?? 200, ends: fault.kind === "disconnect" || refusal.error === ERRORS.unknownClient };
  }
}

