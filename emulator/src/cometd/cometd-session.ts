import { randomBytes } from "node:crypto";
import type { PayloadFormat } from "../events/event-schema";
import type { LimitName } from "../limits";
import type { Session } from "../oauth/sessions";
import type { Message } from "./bayeux";
import type { Exchange } from "./exchange";
import type { StreamSubscription } from "./subscribe";

/** Events one answer holds at most; the rest comes with the next one, at once. */
const MAX_BATCH = 1000;

/** Events that may wait for a client. One that falls further behind loses its session. */
const MAX_WAITING = 200_000;

/** An event that waits for the client, as JSON, and the limit it counts against. */
interface Waiting {
  json: string;
  limit: LimitName;
}

/** A `/meta/connect` that is not answered yet. */
export interface HeldConnect {
  message: Message;
  exchange: Exchange;
  timer: NodeJS.Timeout;
}

/** What `listStreams` tells of a client. */
export interface StreamReading {
  clientId: string;
  username: string;
  /** As it has subscribed to them, with their queries. */
  channels: string[];
  /** Whether a connect of it waits for events. */
  held: boolean;
  /** Events that wait for it. */
  queued: number;
}

/** What a client has between its handshake and its end. */
export class CometdSession {
  readonly clientId = randomBytes(18).toString("base64url").toLowerCase().replace(/[-_]/g, "0");
  /** By name, as the client wrote it. */
  readonly subscriptions = new Map<string, StreamSubscription>();
  /** The first connect is answered at once. */
  connected = false;
  private connect: HeldConnect | undefined;
  private waiting: Waiting[] = [];
  private idleTimer: NodeJS.Timeout | undefined;

  constructor(
    /** The sign-in its calls came with last. */
    public login: Session,
    /** The value of its cookie. */
    readonly browser: string,
    readonly format: PayloadFormat,
  ) {}

  /** The connect that is being held. */
  get held(): HeldConnect | undefined {
    return this.connect;
  }

  /** Events that wait. */
  get queued(): number {
    return this.waiting.length;
  }

  /** Takes an event up; false when too many wait. */
  push(event: Waiting): boolean {
    this.waiting.push(event);
    return this.waiting.length <= MAX_WAITING;
  }

  /** Takes events off the queue, as long as `admit` lets them pass. */
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

  /** Ends the hold, without an answer; gives what was held. */
  release(): HeldConnect | undefined {
    const connect = this.connect;
    if (connect) clearTimeout(connect.timer);
    this.connect = undefined;
    return connect;
  }

  /** From now on, the client has so many ms to come back. */
  awaitReturn(ms: number, onGone: () => void): void {
    this.stopWaiting();
    this.idleTimer = setTimeout(onGone, ms);
  }

  /** The client is there. */
  stopWaiting(): void {
    clearTimeout(this.idleTimer);
  }

  describe(): StreamReading {
    const { clientId, login, queued } = this;
    return { clientId, username: login.username, channels: [...this.subscriptions.keys()], held: this.connect !== undefined, queued };
  }
}
