import type { EventTransport, StartPoint, StreamEvent, StreamListener, StreamState, Subscription } from "../../../../nodes/salesforce/client/events/event-stream";

/** An event of the scripted org. Its uuid goes with its number. */
export function event(number: number, more: Partial<StreamEvent> = {}): StreamEvent {
  return { position: String(number), replayId: String(number), eventUuid: `uuid-${number}`, kind: "event", payload: { Serial__c: `s${number}` }, createdDate: new Date().toISOString(), ...more };
}

/** Events from one number up to before another. */
export const range = (from: number, to: number): StreamEvent[] => Array.from({ length: to - from }, (_, index) => event(from + index));

/** What a listener has asked for; the test plays the org. */
export class ScriptedSubscription implements Subscription {
  closed = false;
  /** How often it was told that there is room again. */
  asked = 0;

  constructor(
    readonly channel: string,
    readonly start: StartPoint,
    readonly listener: StreamListener,
  ) {}

  /** Events come, as far as there is room. @returns how many were taken */
  bring(...events: StreamEvent[]): number {
    if (this.closed) throw new Error("Nothing may be brought after close");
    const room = this.listener.room();
    if (room > 0 && events.length > 0) this.listener.onEvents(events.slice(0, room));
    return Math.min(room, events.length);
  }

  state(state: StreamState): void {
    if (!this.closed) this.listener.onState(state);
  }

  more(): void {
    this.asked += 1;
  }

  close(): Promise<void> {
    this.closed = true;
    return Promise.resolve();
  }
}

/** An org's events as a test tells them. */
export class ScriptedTransport implements EventTransport {
  readonly subscriptions: ScriptedSubscription[] = [];

  subscribe(channel: string, start: StartPoint, listener: StreamListener): Subscription {
    const subscription = new ScriptedSubscription(channel, start, listener);
    this.subscriptions.push(subscription);
    listener.onState({ kind: "connecting" });
    return subscription;
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  /** The subscription that is open. */
  get current(): ScriptedSubscription | undefined {
    return this.subscriptions.findLast(({ closed }) => !closed);
  }
}
