import { EventEmitter, once } from "node:events";
import type { ConnectorError } from "../../../../../nodes/common/errors";
import type { Emulator } from "../../../../../emulator/src/index";
import type { EventTransport, StartPoint, StreamEvent, StreamListener, StreamState, Subscription } from "../../../../../nodes/salesforce/client/events/event-stream";
import type { StreamOptions } from "../../../../../nodes/salesforce/client/events/org-streams";
import { waitFor } from "../../../../services/wait";
import { clientCredentials, Orgs } from "../../../support";

/** Pauses of milliseconds in place of minutes. */
export const QUICK: StreamOptions = {
  backOff: { initial: 10, max: 40 },
  refused: { initial: 60, max: 60 },
  limited: { initial: 80, max: 80 },
  patience: 10_000,
};

export const soon = <T>(what: string, condition: () => T): Promise<NonNullable<T>> => waitFor(what, condition, { interval: 2 });

/** Writes down all that a listener is told. */
export class Recorder implements StreamListener {
  readonly events: StreamEvent[] = [];
  readonly states: StreamState[] = [];
  readonly positions: string[] = [];
  readonly stale: { position: string; error: ConnectorError }[] = [];
  /** How many events are taken before there is no room. */
  capacity = Infinity;
  /** Where to begin when the position is stale. */
  fallback: StartPoint | undefined;
  private readonly awaited = new EventEmitter();

  room(): number {
    return this.capacity - this.events.length;
  }

  onEvents(events: readonly StreamEvent[]): void {
    if (events.length > this.room()) throw new Error("more events than there is room for");
    this.events.push(...events);
  }

  onPosition(position: string): void {
    this.positions.push(position);
  }

  onState(state: StreamState): void {
    this.states.push(state);
    this.awaited.emit(state.kind);
  }

  onStale(position: string, error: ConnectorError): StartPoint | undefined {
    this.stale.push({ position, error });
    return this.fallback;
  }

  /** The last state told. */
  get state(): StreamState["kind"] | undefined {
    return this.states.at(-1)?.kind;
  }

  /** Of all states told, in order. */
  get kinds(): StreamState["kind"][] {
    return this.states.map(({ kind }) => kind);
  }

  /** The texts of platform events `{Text__c}`. */
  get texts(): unknown[] {
    return this.events.map(({ payload }) => (payload as { Text__c: unknown }).Text__c);
  }

  /** Resolves when it listens, or stands otherwise; as soon as that is told, for some states pass in milliseconds. */
  async is(kind: StreamState["kind"]): Promise<void> {
    if (this.state === kind) return;
    const told = once(this.awaited, kind, { signal: AbortSignal.timeout(30_000) });
    await told.catch((cause: unknown) => {
      throw new Error(`It was never ${kind}: ${this.kinds.join(" ")} ${this.states.at(-1)?.error?.message ?? ""}`, { cause });
    });
  }

  /** Resolves when so many events are there. */
  async has(count: number): Promise<void> {
    await soon(`${count} events`, () => this.events.length >= count).catch((error: unknown) => {
      throw new Error(`${this.events.length} of ${count} events came; ${this.kinds.join(" ")}`, { cause: error });
    });
  }
}

/** Names of platform events `{Text__c}`. */
export const NAMES = ["A", "B", "C", "D", "E"].map((letter) => `${letter}__e`);
export const A = "/event/A__e";
export const NEW: StartPoint = { from: "new" };

const SCHEMA = NAMES.map((name) => ({ name, platformEvent: true, fields: [{ name: "Text__c", type: "string" as const }] }));

export const numbers = (count: number): string[] => Array.from({ length: count }, (_, index) => String(index));

/** An org for all tests of a suite, and for each an org as it was at first and a client of its own. */
export class CometdSuite {
  org!: Emulator;
  cometd!: EventTransport;
  private readonly servers = new Orgs();
  private readonly clients = new Orgs();

  /** Called within a `describe`. */
  constructor() {
    before(async () => (this.org = await this.start(3000)));
    after(() => this.servers.stop());
    beforeEach(() => {
      this.org.control.reset();
      this.cometd = this.connect();
    });
    afterEach(() => this.clients.stop());
  }

  /** Another org. @param timeout ms that it holds a poll */
  start(timeout: number): Promise<Emulator> {
    return this.servers.start({ schema: SCHEMA, cometd: { timeout, maxInterval: 3000 } });
  }

  /** Another client, which ends with the test. */
  connect(org = this.org, streams: StreamOptions = {}): EventTransport {
    return this.clients.client(clientCredentials(org, { streams: { ...QUICK, ...streams } })).streams.over("cometd");
  }

  /** Ends all clients. */
  disconnect(): Promise<void> {
    return this.clients.stop();
  }

  /** Publishes on {@link A}. */
  publish(...texts: string[]): void {
    this.publishTo("A__e", ...texts);
  }

  publishTo(object: string, ...texts: string[]): void {
    this.org.control.insert({ object, records: texts.map((Text__c) => ({ Text__c })) });
  }

  streams(): ReturnType<Emulator["control"]["listStreams"]>["streams"] {
    return this.org.control.listStreams().streams;
  }

  begin(channel = A, start: StartPoint = NEW, recorder = new Recorder()): Recorder & { subscription: Subscription } {
    return Object.assign(recorder, { subscription: this.cometd.subscribe(channel, start, recorder) });
  }

  /** Begins, and waits until it listens. */
  async listen(channel = A, start: StartPoint = NEW): Promise<Recorder & { subscription: Subscription }> {
    const heard = this.begin(channel, start);
    await heard.is("listening");
    return heard;
  }
}
