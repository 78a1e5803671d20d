import type { Session } from "../../sign-in/login";
import type { StartPoint } from "../event-stream";
import type { FetchStream, PubsubClient } from "./pubsub-client";
import { type CallStatus, type PubsubError, pubsubError } from "./pubsub-error";
import type { FetchRequest, FetchResponse } from "./protocol";
import { replayIdOf } from "./replay-id";

/** Most events that may be asked for and not come yet: the platform takes more as this. */
export const MOST_ASKED = 100;

/** ms without an error after which a stream counts as taken, as not every server says so before its first message. */
const SETTLED = 1000;

/** ms the error of a refused stream may come behind the server's headers. */
const HEADERS_FIRST = 100;

/** Who is told what a stream brings. Nothing after {@link Fetch.stop}. */
export interface FetchListener {
  /** The server has taken the request. */
  onTaken(): void;
  onResponse(response: FetchResponse): void;
  /** @param error undefined: the server has closed it without one */
  onEnd(error: PubsubError | undefined): void;
  /** Nothing has come for as long as the server should have said at least that it has nothing. */
  onSilence(): void;
}

/** Settings of a {@link Fetch}. */
export interface FetchSettings {
  channel: string;
  start: StartPoint;
  session: Session;
  /** ms without a message after which a stream that was asked for events is dead. */
  silence: number;
}

/** One Subscribe stream, from its first request to its end. */
export class Fetch {
  /** Events asked for that have not come. */
  asked = 0;
  /** It was asked again after a time of nothing asked, and has not said anything since: the server may have been closing it at that moment. */
  resumed = false;
  /** Whether the server knew, when it sent the last message, that events are asked for. While it does not, events may wait there. */
  heard = false;
  private first = true;
  /** When the server had taken the request, by the clock that nobody sets. */
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
    stream.on("error", () => undefined); // its status says the same, and comes without one, too
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

  /** Opens a stream; nothing is asked for yet. @throws ConnectorError as {@link PubsubClient.subscribe} */
  static async open(client: PubsubClient, settings: FetchSettings, listener: FetchListener): Promise<Fetch> {
    return new Fetch(await client.subscribe(settings.session), client, settings, listener);
  }

  /** For how long it has stood, in ms. */
  get stood(): number {
    return this.takenAt === undefined ? 0 : performance.now() - this.takenAt;
  }

  /** Asks for so many events more; where to begin goes with the first request. */
  ask(count: number): void {
    const { channel, start } = this.settings;
    const request: FetchRequest = { topic_name: channel, num_requested: count, ...(this.first ? beginning(start) : {}) };
    this.resumed = this.asked === 0 && !this.first;
    this.first = false;
    this.asked += count;
    this.stream.write(request);
    this.watch();
  }

  /** Ends it without a word to the listener. Settles when the server has been told. */
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

  /** A stream that nothing is asked of has nothing to say. */
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
