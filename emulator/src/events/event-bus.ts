import type { Org } from "../org";
import type { Undo } from "../store/table";
import type { BusEvent, Channel, EventDraft, PublishedEvent } from "./bus-event";
import { channelOf, DAY } from "./channels";

/** Replay ids kept in all, the newest ones: some 70 MB of cases. */
const MAX_ENTRIES = 50_000;

/** How many more there may be until the oldest are dropped, in one go: one by one costs a copy of the list each. */
const BLOCK = 10_000;

/** The longest any channel keeps its events, in ms. */
const LONGEST_RETENTION = 3 * DAY;

/** How long the newest replay id stays the newest, in ms of the org's clock: elsewhere in the org something always happens. */
const QUIET = 3_600_000;

/** The id before the first one that is given out; clearly not one of the values that mean something else. */
const FIRST_ID = 1000;

/** A replay id that was given out, and what for. */
interface Entry {
  replayId: number;
  /** By the org's clock, in ms. */
  time: number;
  /** Absent when the id went to something no channel shows. */
  event?: BusEvent;
  /** How often it is delivered. */
  copies: number;
}

/** The event bus: what was published, in order, on all channels. */
export class EventBus {
  private entries: Entry[] = [];
  private readonly listeners = new Set<(event: BusEvent) => void>();
  /** Published in this turn, and not told to anybody yet. */
  private untold: Entry[] = [];
  private lastId = FIRST_ID;
  private repeats = 0;

  constructor(private readonly org: Org) {}

  /** Takes an event up. Listeners are told at the end of the turn, when the call can no more be taken back. */
  publish(draft: EventDraft): Undo {
    const event: BusEvent = { ...draft, replayId: this.nextId() };
    const entry = this.add(event);
    if (this.untold.push(entry) === 1) queueMicrotask(() => this.tell());
    return () => {
      for (const list of [this.untold, this.entries]) {
        const at = list.lastIndexOf(entry);
        if (at >= 0) list.splice(at, 1);
      }
    };
  }

  /** What a client subscribes to: `/event/X__e`, `/data/ChangeEvents`, `/data/CaseChangeEvent`, `/topic/T`, `/u/x`, `/event/C__chn`, `/data/C__chn`; case-sensitive. */
  channel(name: string): Channel | undefined {
    return channelOf(this.org, name);
  }

  /** What the bus still has of a channel behind a replay id, oldest first. */
  read(channel: Channel, after: number): BusEvent[] {
    const since = this.org.now() - channel.retention;
    const found: BusEvent[] = [];
    for (let at = this.firstBehind(after); at < this.entries.length; at++) {
      const { event, time, copies } = this.entries[at]!;
      if (event && time >= since && channel.has(event)) for (let copy = 0; copy < copies; copy++) found.push(event);
    }
    return found;
  }

  /** All the bus still has of the channel of this name. @throws Error for a channel the org does not have */
  retained(name: string): BusEvent[] {
    const channel = this.channel(name);
    if (!channel) throw new Error(`the org has no channel ${name}`);
    this.org.changes.capture.commit();
    return this.read(channel, 0);
  }

  /** Whether a client may go on behind this replay id: it was given out, on whichever channel, and is not older than what the channel keeps. */
  knows(channel: Channel, replayId: number): boolean {
    const entry = this.entries[this.firstBehind(replayId) - 1];
    return entry?.replayId === replayId && entry.time >= this.org.now() - channel.retention;
  }

  /** The newest replay id. One that nobody has had yet when the last was given out over an hour ago, or none is known any more. */
  get latest(): number {
    const last = this.entries.at(-1);
    if (last && last.time > this.org.now() - QUIET) return last.replayId;
    return this.mark();
  }

  /** Tells of every event from now on; returns how to stop. */
  follow(listener: (event: BusEvent) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Platform events the bus still has, oldest first. @param name one event's, in any case; default all */
  published(name?: string): PublishedEvent[] {
    const wanted = name?.toLowerCase();
    const since = this.org.now() - LONGEST_RETENTION;
    const found: PublishedEvent[] = [];
    for (const { event, time } of this.entries) {
      if (event?.kind === "platform" && time >= since && (wanted === undefined || event.name.toLowerCase() === wanted)) found.push(event);
    }
    return found;
  }

  /** Forgets all events and replay ids given out so far, as if they had been kept long enough; says how many events. */
  age(): number {
    const events = this.entries.filter(({ event }) => event).length;
    this.entries = [];
    return events;
  }

  /** The next `count` events are delivered twice: the same event with the same replay id. */
  repeat(count: number): void {
    this.repeats = count;
  }

  /** Leaves `count` replay ids out. */
  skip(count: number): void {
    this.lastId += count;
  }

  /** Gives the ids out from the first one on again, as an org does that was moved to other servers; its old events are gone. */
  restart(): number {
    this.lastId = FIRST_ID;
    return this.age();
  }

  /** Back to the start, but for the replay ids: they go on rising. */
  clear(): void {
    this.age();
    this.repeats = 0;
  }

  /** Gives a replay id to something no channel shows. */
  private mark(): number {
    const entry: Entry = { replayId: this.nextId(), time: this.org.now(), copies: 0 };
    this.push(entry);
    return entry.replayId;
  }

  private add(event: BusEvent): Entry {
    const copies = this.repeats > 0 ? 2 : 1;
    if (this.repeats > 0) this.repeats--;
    const entry: Entry = { replayId: event.replayId, time: Date.parse(event.createdDate), event, copies };
    this.push(entry);
    return entry;
  }

  private push(entry: Entry): void {
    this.entries.push(entry);
    if (this.entries.length >= MAX_ENTRIES + BLOCK) this.entries = this.entries.slice(-MAX_ENTRIES);
  }

  private tell(): void {
    const told = this.untold;
    this.untold = [];
    for (const { event, copies } of told) {
      for (let copy = 0; copy < copies; copy++) for (const listener of this.listeners) listener(event!);
    }
  }

  /** Ids rise by 1 to 3, as events of the rest of the org lie between; by a rule, so that runs are equal. */
  private nextId(): number {
    this.lastId += 1 + (Math.imul(this.lastId, 2_654_435_761) >>> 16) % 3;
    return this.lastId;
  }

  /** Index of the first entry with a higher replay id. */
  private firstBehind(replayId: number): number {
    let low = 0;
    let high = this.entries.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.entries[middle]!.replayId > replayId) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
