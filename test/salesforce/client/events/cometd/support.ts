import type { ConnectorError } from "../../../../../nodes/common/errors";
import type { StartPoint, StreamEvent, StreamListener, StreamState } from "../../../../../nodes/salesforce/client/events/event-stream";
import type { StreamOptions } from "../../../../../nodes/salesforce/client/events/org-streams";
import { waitFor } from "../../../../services/wait";

/** Pauses of milliseconds in place of minutes. */
export const QUICK: StreamOptions = {
  backOff: { initial: 10, max: 40 },
  refused: { initial: 60, max: 60 },
  limited: { initial: 80, max: 80 },
  patience: 2000,
};

export const soon = <T>(what: string, condition: () => T): Promise<NonNullable<T>> => waitFor(what, condition, { timeout: 5000, interval: 2 });

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

  /** Resolves when it listens, or stands otherwise. */
  is(kind: StreamState["kind"]): Promise<unknown> {
    return soon(`state ${kind}, is ${this.kinds.join(" ")} ${this.states.at(-1)?.error?.message ?? ""}`, () => this.state === kind);
  }

  /** Resolves when so many events are there. */
  async has(count: number): Promise<void> {
    await soon(`${count} events`, () => this.events.length >= count).catch((error: unknown) => {
      throw new Error(`${this.events.length} of ${count} events came; ${this.kinds.join(" ")}`, { cause: error });
    });
  }
}
