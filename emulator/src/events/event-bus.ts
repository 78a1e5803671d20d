import type { Org } from "../org";
import type { Undo } from "../store/table";
import type { BusEvent, Channel, EventDraft, PublishedEvent } from "./bus-event";
import { channelOf, DAY } from "./channels";

/** How many replay ids are kept, the newest ones. With events of cases, they take some 70 MB. */
const MAX_ENTRIES = 50_000;

/** How many more there may be before the oldest are dropped, all at once, since each time costs a copy of the list. */
const BLOCK = 10_000;

/** The longest any channel keeps its events, in ms. */
const LONGEST_RETENTION = 3 * DAY;

/** How long, in ms of the org's clock, the newest replay id stays the newest. In a real org, other events always get new ones. */
const QUIET = 3_600_000;

/** The id before the first one. It is clearly none of the values with a special meaning. */
const FIRST_ID = 1000;

/** A replay id, and the event that has it. */
interface Entry {
  replayId: number;
  /** Time by the org's clock, in ms. */
  time: number;
  /** Absent if the id belongs to an event that no channel has. */
  event?: BusEvent;
  /** How often the event is delivered. */
  copies: number;
}

/** The event bus, which holds the published events of all channels in order. */
export class EventBus {
  private entries: Entry[] = [];
  private readonly listeners = new Set<(event: BusEvent) => void>();
  /** Events of this turn that have not been passed to listeners yet. */
  private untold: Entry[] = [];
  private lastId = FIRST_ID;
  private repeats = 0;

  constructor(private readonly org: Org) {}

  /** Publishes an event. Listeners get it at the end of the turn, when the call can no longer be undone. @returns a function that takes the event back */
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

  /** Returns a channel: `/event/X__e`, `/data/ChangeEvents`, `/data/CaseChangeEvent`, `/topic/T`, `/u/x`, `/event/C__chn` or `/data/C__chn`. Names are case-sensitive. */
  channel(name: string): Channel | undefined {
    return channelOf(this.org, name);
  }

  /** Returns the events of a channel after a replay id that are still kept, oldest first. */
  read(channel: Channel, after: number): BusEvent[] {
    const since = this.org.now() - channel.retention;
    const found: BusEvent[] = [];
    for (let at = this.firstBehind(after); at < this.entries.length; at++) {
      const { event, time, copies } = this.entries[at]!;
      if (event && time >= since && channel.has(event)) for (let copy = 0; copy < copies; copy++) found.push(event);
    }
    return found;
  }

  /** Returns all events of the channel with this name that are still kept. @throws Error for a channel that the org does not have */
  retained(name: string): BusEvent[] {
    const channel = this.channel(name);
    if (!channel) throw new Error(`the org has no channel ${name}`);
    this.org.changes.capture.commit();
    return this.read(channel, 0);
  }

  /** Whether a client may go on after this replay id: it was used, on any channel, and is not older than the events that this channel keeps. */
  knows(channel: Channel, replayId: number): boolean {
    const entry = this.entries[this.firstBehind(replayId) - 1];
    return entry?.replayId === replayId && entry.time >= this.org.now() - channel.retention;
  }

  /** The newest replay id. It is a new one if the last one is more than an hour old, or if no id is kept. */
  get latest(): number {
    const last = this.entries.at(-1);
    if (last && last.time > this.org.now() - QUIET) return last.replayId;
    return this.mark();
  }

  /** Calls `listener` for every event from now on. @returns a function that stops this */
  follow(listener: (event: BusEvent) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Returns the platform events that are still kept, oldest first. @param name name of one event, in upper or lower case. Default: all. */
  published(name?: string): PublishedEvent[] {
    const wanted = name?.toLowerCase();
    const since = this.org.now() - LONGEST_RETENTION;
    const found: PublishedEvent[] = [];
    for (const { event, time } of this.entries) {
      if (event?.kind === "platform" && time >= since && (wanted === undefined || event.name.toLowerCase() === wanted)) found.push(event);
    }
    return found;
  }

  /** Forgets all events and replay ids so far, as if their retention time was over. @returns the number of events */
  age(): number {
    const events = this.entries.filter(({ event }) => event).length;
    this.entries = [];
    return events;
  }

  /** Makes the next `count` events be delivered twice, with the same replay id. */
  repeat(count: number): void {
    this.repeats = count;
  }

  /** Leaves `count` replay ids out. */
  skip(count: number): void {
    this.lastId += count;
  }

  /** Starts the replay ids again at the first one, as in an org that was moved to other servers. Its old events are gone. @returns the number of these events */
  restart(): number {
    this.lastId = FIRST_ID;
    return this.age();
  }

  /** Sets the bus back to its start, except for the replay ids, which go on rising. */
  clear(): void {
    this.age();
    this.repeats = 0;
  }

  /** Uses a replay id for an event that no channel has. */
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

  /** Returns the next id. Ids rise by 1 to 3, as if other events of the org were between them, and by a fixed rule, so that all runs are equal. */
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
