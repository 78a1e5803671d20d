import type { Scalar } from "../schema/types";
import type { Undo } from "../store/table";

/** Events kept in all, the newest ones. */
const MAX_EVENTS = 100_000;

/** How long the bus keeps an event for those who come later, in ms: 72 hours. */
const RETENTION = 72 * 3_600_000;

/** One platform event that was published. */
export interface PublishedEvent {
  /** For example `Device_Alert__e`. */
  name: string;
  /** Rises over all channels, so those of one channel have gaps. */
  replayId: number;
  /** The `message` of the publisher's OPERATION_ENQUEUED. */
  eventUuid: string;
  /** ISO time. */
  createdDate: string;
  createdById: string;
  /** All fields of the event's definition, null for what was not given. */
  payload: Record<string, Scalar>;
}

/** The event bus: what was published, in order. */
export class EventLog {
  private events: PublishedEvent[] = [];
  private readonly listeners = new Set<(event: PublishedEvent) => void>();
  private lastReplayId = 0;

  /** @param now time of the org, in ms */
  constructor(private readonly now: () => number) {}

  /** Takes an event up. Listeners are told at the end of the turn, when the call can no more be taken back. */
  publish(event: Omit<PublishedEvent, "replayId">): Undo {
    const published: PublishedEvent = { ...event, replayId: ++this.lastReplayId };
    this.events.push(published);
    // Dropped in blocks: shifting one by one costs a copy of the list each.
    if (this.events.length >= MAX_EVENTS * 2) this.events = this.events.slice(-MAX_EVENTS);
    let taken = true;
    queueMicrotask(() => {
      if (taken) for (const listener of this.listeners) listener(published);
    });
    return () => {
      taken = false;
      const at = this.events.lastIndexOf(published);
      if (at >= 0) this.events.splice(at, 1);
    };
  }

  /** What the bus still has, oldest first. @param name one event's; default all */
  read(name?: string): PublishedEvent[] {
    const wanted = name?.toLowerCase();
    const since = this.now() - RETENTION;
    return this.events.slice(-MAX_EVENTS).filter((event) => (wanted === undefined || event.name.toLowerCase() === wanted) && Date.parse(event.createdDate) >= since);
  }

  /** Tells of each event from now on; returns how to stop. */
  onPublish(listener: (event: PublishedEvent) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Forgets all events. Replay ids go on rising. */
  clear(): void {
    this.events = [];
  }
}
