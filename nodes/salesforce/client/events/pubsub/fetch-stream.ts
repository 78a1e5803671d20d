import type { Session } from "../../sign-in/login";
import type { StartPoint } from "../event-stream";
import type { FetchStream, PubsubClient } from "./pubsub-client";
import { type CallStatus, type PubsubError, pubsubError } from "./pubsub-error";
import type { FetchRequest, FetchResponse } from "./protocol";
import { replayIdOf } from "./replay-id";

/** How many events may be asked for that have not come yet. The platform treats a larger number as this one. */
export const MOST_ASKED = 100;

/** A stream counts as taken by the server after so many ms without an error, as not every server sends headers before its first message. */
const SETTLED = 1000;

/** When a stream is refused, the error may come so many ms after the server's headers. */
const HEADERS_FIRST = 100;

/** Told what a stream brings. Not called any more after {@link Fetch.stop}. */
export interface FetchListener {
  /** The server has accepted the request. */
  onTaken(): void;
  onResponse(response: FetchResponse): void;
  /** The stream has ended. @param error `undefined` when the server closed it without one */
  onEnd(error: PubsubError | undefined): void;
  /** Nothing has come for so long that at least an idle message was due. */
  onSilence(): void;
}

/** Settings of a {@link Fetch}. */
export interface FetchSettings {
  channel: string;
  start: StartPoint;
  session: Session;
  /** A stream that was asked for events counts as dead after so many ms without a message. */
  silence: number;
}

/** One Subscribe stream, from its first request to its end. */
export class Fetch {
  /** How many events were asked for that have not come yet. */
  asked = 0;
  /** Whether it was asked for events again after a time when none were outstanding, and has sent nothing since: the server may have been closing it just then. */
  resumed = false;
  /** Whether the server knew, when it sent the last message, that events were asked for. If not, events may still wait on the server. */
  heard = false;
  private first = true;
  /** When the server had accepted the request, by `performance.now()`. */
  private takenAt: number | undefined;
  private over = false;
  private readonly ended: Promise<void>;
  private settling: NodeJS.Timeout;
  private watchdog: NodeJS.Timeout | undefined;

  private constructor(
    private readonly stream: FetchStream,
    private readonly client: PubsubClient,
    private readonly settings: FetchSettings,
    private readonly listener: FetchListener,
  ) {
    this.settling = setTimeout(() => this.settle(), SETTLED);
    this.ended = new Promise((resolve) => stream.once("status", () => resolve()));
    stream.on("error", () => undefined); // the status event says the same, and is also sent when there is no error
    stream.on("metadata", () => {
      clearTimeout(this.settling);
      if (!this.over) this.settling = setTimeout(() => this.settle(), HEADERS_FIRST);
    });
    stream.on("data", (response: FetchResponse) => this.take(response));
    stream.on("status", (status: CallStatus) => {
      if (this.over) return;
      this.end();
      listener.onEnd(status.code === 0 ? undefined : pubsubError(status, client.endpoint));
    });
  }

  /** Opens a stream, without asking for events yet. @throws ConnectorError as {@link PubsubClient.subscribe} */
  static async open(client: PubsubClient, settings: FetchSettings, listener: FetchListener): Promise<Fetch> {
    return new Fetch(await client.subscribe(settings.session), client, settings, listener);
  }

  /** How long ago the server accepted it, in ms; 0 when it has not. */
  get stood(): number {
    return this.takenAt === undefined ? 0 : performance.now() - this.takenAt;
  }

  /** Asks for `count` more events. The first request says where to begin. */
  ask(count: number): void {
    const { channel, start } = this.settings;
    const request: FetchRequest = { topic_name: channel, num_requested: count, ...(this.first ? beginning(start) : {}) };
    this.resumed = this.asked === 0 && !this.first;
    this.first = false;
    this.asked += count;
    this.stream.write(request);
    this.watch();
  }

  /** Ends the stream without telling the listener. Resolves when the server has been told. */
  stop(): Promise<void> {
    if (!this.over) {
      this.end();
      this.stream.cancel();
    }
    return this.ended;
  }

  private take(response: FetchResponse): void {
    if (this.over) return;
    this.heard = this.asked > 0 && !this.resumed;
    this.asked = Math.max(0, this.asked - response.events.length);
    this.resumed = false;
    this.watch();
    this.settle(true);
    if (!this.over) this.listener.onResponse(response);
  }

  private settle(sure = false): void {
    if (this.takenAt !== undefined || this.over) return;
    clearTimeout(this.settling);
    if (sure || this.client.connected) {
      this.takenAt = performance.now();
      this.listener.onTaken();
    } else this.settling = setTimeout(() => this.settle(), SETTLED);
  }

  /** Starts the wait for the next message anew. A stream that was asked for nothing may be silent. */
  private watch(): void {
    clearTimeout(this.watchdog);
    this.watchdog = setTimeout(() => {
      if (!this.over && this.asked > 0) this.listener.onSilence();
    }, this.settings.silence);
  }

  private end(): void {
    this.over = true;
    clearTimeout(this.settling);
    clearTimeout(this.watchdog);
  }
}

function beginning(start: StartPoint): Partial<FetchRequest> {
  if (start.from === "after") return { replay_preset: "CUSTOM", replay_id: replayIdOf(start.position) };
  return { replay_preset: start.from === "all" ? "EARLIEST" : "LATEST" };
}
