import { randomBytes } from "node:crypto";
import type { PayloadFormat } from "../events/event-schema";
import type { LimitName } from "../limits";
import type { Session } from "../oauth/sessions";
import type { Message } from "./bayeux";
import type { Exchange } from "./exchange";
import type { StreamSubscription } from "./subscribe";

/** Most events in an answer. The next connect is answered at once with the rest. */
const MAX_BATCH = 1000;

/** How many events may wait for a client. A client that falls further behind loses its session. */
const MAX_WAITING = 200_000;

/** An event that waits for the client, as JSON, and the limit against which it counts. */
interface Waiting {
  json: string;
  limit: LimitName;
}

/** A `/meta/connect` that has not been answered yet. */
export interface HeldConnect {
  message: Message;
  exchange: Exchange;
  timer: NodeJS.Timeout;
}

/** A client in the result of `listStreams`. */
export interface StreamReading {
  clientId: string;
  username: string;
  /** The channels as the client has subscribed to them, with their queries. */
  channels: string[];
  /** Whether a connect of the client waits for events. */
  held: boolean;
  /** How many events wait for the client. */
  queued: number;
}

/** The session of a client, from its handshake to its end. */
export class CometdSession {
  readonly clientId = randomBytes(18).toString("base64url").toLowerCase().replace(/[-_]/g, "0");
  /** Subscriptions by channel name, as the client has written it. */
  readonly subscriptions = new Map<string, StreamSubscription>();
  /** Whether there was a connect. The first one is answered at once. */
  connected = false;
  private connect: HeldConnect | undefined;
  private waiting: Waiting[] = [];
  private idleTimer: NodeJS.Timeout | undefined;

  constructor(
    /** The sign-in of its latest call. */
    public login: Session,
    /** The value of its cookie. */
    readonly browser: string,
    readonly format: PayloadFormat,
  ) {}

  /** The connect that is being held. */
  get held(): HeldConnect | undefined {
    return this.connect;
  }

  /** How many events wait. */
  get queued(): number {
    return this.waiting.length;
  }

  /** Adds an event to the queue. @returns false when too many wait */
  push(event: Waiting): boolean {
    this.waiting.push(event);
    return this.waiting.length <= MAX_WAITING;
  }

  /** Takes events off the queue as long as `admit` allows it, but not more than fit into an answer. */
  take(admit: (limit: LimitName) => boolean): string[] {
    const taken: string[] = [];
    for (const { json, limit } of this.waiting) {
      if (taken.length === MAX_BATCH || !admit(limit)) break;
      taken.push(json);
    }
    this.waiting = this.waiting.slice(taken.length);
    return taken;
  }

  hold(connect: HeldConnect): void {
    this.connect = connect;
  }

  /** Stops holding the connect, without an answer. @returns the connect that was held */
  release(): HeldConnect | undefined {
    const connect = this.connect;
    if (connect) clearTimeout(connect.timer);
    this.connect = undefined;
    return connect;
  }

  /** Calls `onGone` unless the client comes back within `ms`. */
  awaitReturn(ms: number, onGone: () => void): void {
    this.stopWaiting();
    this.idleTimer = setTimeout(onGone, ms);
  }

  /** Notes that the client has come back. */
  stopWaiting(): void {
    clearTimeout(this.idleTimer);
  }

  describe(): StreamReading {
    const { clientId, login, queued } = this;
    return { clientId, username: login.username, channels: [...this.subscriptions.keys()], held: this.connect !== undefined, queued };
  }
}
