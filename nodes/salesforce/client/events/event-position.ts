import { within } from "../../../common/deadline";
import { ConnectorError, errorText } from "../../../common/errors";
import { type Linked, LinkedList } from "../../../common/linked-list";
import type { TransportName } from "./org-streams";
import { convertPosition } from "./position-number";

/** Stores a position. */
export interface PositionPlace {
  /** Reads what was written last. @throws when it cannot be read */
  read(): Promise<unknown>;
  /** @returns whether it was written; false when another instance has taken over @throws when it cannot be written */
  write(value: StoredPosition): Promise<boolean>;
}

/** What is stored. */
export interface StoredPosition {
  /** Every event up to this position is settled, or not wanted. Absent while that holds for none. */
  position?: string;
  transport: TransportName;
  /** ms since the epoch: all events from then on are still to be read, behind `position` if there is one. 0: all that the org retains. Absent once the first is settled. */
  since?: number;
  /** Ids of settled events behind the position, oldest first. */
  settled: string[];
  /** When it was written, in ISO 8601; for people. */
  time: string;
}

/** What {@link EventPosition} needs. */
export interface EventPositionOptions {
  place: PositionPlace;
  transport: TransportName;
  /** How many ids of settled events behind the position are stored at most: those of the newest. */
  window: number;
  /** Told when another instance has taken over. Nothing is written any more. */
  onRefused(): void;
  /** @param reason why the position cannot be written at present; `undefined` when it can again */
  onTrouble(reason: string | undefined): void;
  /** Warns the user. */
  warn(text: string): void;
  /** ms between two writes at least. Default 500. */
  every?: number;
  /** ms that closing waits for the last write. Default 3000. */
  lastWrite?: number;
}

/** ms until a write that failed is tried again. */
const RETRY = 5_000;

/** An event that is not settled, together with the settled ones that come right behind it. */
interface Mark extends Linked<Mark> {
  /** Of the last of them: the position that counts as reached when this event is settled. */
  position: string;
  id: string;
  /** Ids of the settled ones. */
  settled: string[];
}

/**
 * How far the events of a channel are settled, kept over restarts. Events are settled in any order. The position is the one up to which all are
 * settled; events behind it that are settled too are kept by their ids, so that a restart repeats none of them.
 */
export class EventPosition {
  private position: string | undefined;
  /** See {@link since}. */
  private begun: number | undefined;
  private marks = new LinkedList<Mark>();
  /** Ids of events that were settled before the start and have not come again, in the order of the channel: all are behind those of the marks. */
  private readonly ahead = new Set<string>();
  private timer: NodeJS.Timeout | undefined;
  /** When it was written last, by `performance.now()`. */
  private writtenAt = 0;
  /** The write that runs now. */
  private writing: Promise<void> | undefined;
  /** How many ids the last write had. */
  private weight = 0;
  private dirty = false;
  private failing = false;
  private closed = false;
  private abandoned = false;

  constructor(private readonly options: EventPositionOptions) {}

  /** Every event up to this position is settled; `undefined` while none is known to be. */
  get after(): string | undefined {
    return this.position;
  }

  /** ms since the epoch (0: the beginning): all events from then on are still to be read, behind {@link after} if there is one. `undefined` once the first is settled. */
  get since(): number | undefined {
    return this.begun;
  }

  /**
   * Reads what is stored.
   *
   * @returns ids of settled events behind the position
   * @throws ConnectorError `STORE_UNAVAILABLE` when the store cannot be read; to read on from any other place would lose or repeat events
   */
  async load(): Promise<readonly string[]> {
    let found: Partial<StoredPosition> | undefined;
    try {
      found = (await this.options.place.read()) as typeof found;
    } catch (error) {
      throw new ConnectorError("STORE_UNAVAILABLE", `The stored position cannot be read: ${errorText(error)}`, { cause: error });
    }
    if (typeof found?.since === "number") this.begun = found.since;
    if (typeof found?.position === "string" && found.transport) this.take(found.position, found.transport);
    const settled = Array.isArray(found?.settled) ? found.settled : [];
    for (const id of settled) this.ahead.add(id);
    return settled;
  }

  /**
   * Begins at a time: events from before `since` (ms since the epoch) do not count, those from then on are to be read. Resolves when that is written, or cannot be.
   *
   * @param keeps whether to keep the position, as what came since then lies behind it
   */
  beginAt(since: number, keeps = false): Promise<void> {
    this.marks = new LinkedList();
    if (!keeps) {
      this.position = undefined;
      this.ahead.clear();
    }
    this.begun = since;
    this.dirty = true;
    return this.flush();
  }

  /** Adds an event that is handed to the flow, in the order of the channel. @returns function to be called when it is settled */
  add(position: string, id: string): () => void {
    const { marks } = this;
    if (this.ahead.size > 0) this.cameAgain(id);
    const mark: Mark = { position, id, settled: [], older: undefined, newer: undefined };
    marks.add(mark);
    return () => {
      const { older } = mark;
      marks.remove(mark);
      if (marks !== this.marks) return; // the event belongs to a stream that was begun anew since
      if (older) this.holdBack(mark, older);
      else this.moveTo(mark.position);
    };
  }

  /** The org says that nothing is outstanding up to this position. */
  idle(position: string): void {
    this.ahead.clear();
    if (this.marks.size === 0 && (position !== this.position || this.begun !== undefined)) this.moveTo(position);
  }

  /** All events up to this position are from before {@link since}. */
  passOver(position: string): void {
    if (this.marks.size > 0) return;
    this.position = position;
    this.writeSoon();
  }

  /** Writes what is not written yet. Waits for `lastWrite` ms at most, as a database that does not answer must not hold up a deploy. */
  async close(): Promise<void> {
    const { lastWrite = 3_000, warn } = this.options;
    this.closed = true;
    clearTimeout(this.timer);
    if (this.abandoned) return;
    const done = await within(this.flush().then(() => true), lastWrite);
    if (!done) warn(`The position was not stored within ${lastWrite} ms, so it may be read again from the one stored last`);
  }

  /** Writes nothing any more, as another instance listens now. */
  abandon(): void {
    this.closed = this.abandoned = true;
    clearTimeout(this.timer);
  }

  private take(position: string, transport: TransportName): void {
    const { warn, transport: mine } = this.options;
    this.position = convertPosition(position, transport, mine);
    if (this.position !== undefined) return;
    this.begun ??= 0;
    warn(`The stored position ${position} is one of the transport ${transport}, and has no form that ${mine} knows: all that the org has retained is read`);
  }

  /** An event comes: if it is one of those {@link ahead}, so are those before it, or they will not come. */
  private cameAgain(id: string): void {
    if (!this.ahead.has(id)) return;
    for (const one of this.ahead) {
      this.ahead.delete(one);
      if (one === id) return;
    }
  }

  private moveTo(position: string): void {
    this.position = position;
    this.begun = undefined;
    this.writeSoon();
  }

  /** An event is settled while one before it is not: the position stays, and the id is kept with that one. */
  private holdBack(mark: Mark, older: Mark): void {
    older.position = mark.position;
    older.settled.push(mark.id);
    for (const id of mark.settled) older.settled.push(id);
    const { window } = this.options;
    if (older.settled.length > 2 * window) older.settled.splice(0, older.settled.length - window);
    this.writeSoon();
  }

  /** Writes after a while: `every` ms after the last write, and 1 ms later for each id, so that a long list is written less often. */
  private writeSoon(): void {
    const { every = 500 } = this.options;
    this.dirty = true;
    if (this.closed || this.timer || this.writing) return;
    const due = this.writtenAt + (this.failing ? RETRY : every + this.weight);
    this.timer = setTimeout(() => void this.write(), Math.max(0, due - performance.now()));
  }

  private async flush(): Promise<void> {
    await this.writing;
    if (this.dirty && !this.abandoned) await this.write();
  }

  /** Writes the position. Writes run one after the other, so that an older position is never stored last. */
  private write(): Promise<void> {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.dirty = false;
    this.writtenAt = performance.now();
    this.writing = this.put(this.stored()).finally(() => {
      this.writing = undefined;
      if (this.dirty) this.writeSoon();
    });
    return this.writing;
  }

  private async put(value: StoredPosition): Promise<void> {
    try {
      const written = await this.options.place.write(value);
      if (this.failing) this.options.onTrouble(undefined);
      this.failing = false;
      if (written || this.closed) return;
      this.abandon();
      this.options.onRefused();
    } catch (error) {
      if (!this.failing) {
        this.options.warn(`STORE_UNAVAILABLE: The position cannot be stored, so a restart would read again from the one stored last: ${errorText(error)}`);
        this.options.onTrouble(errorText(error));
      }
      this.failing = true;
      this.dirty = true;
    }
  }

  private stored(): StoredPosition {
    const { window, transport } = this.options;
    const ahead = newest([...this.ahead], window);
    const lists: string[][] = [];
    let room = window - ahead.length;
    for (let mark = this.marks.last; mark; mark = mark.older) {
      // an event that stays open for long must not keep more ids than are stored
      mark.settled = newest(mark.settled, room);
      room -= mark.settled.length;
      lists.push(mark.settled);
    }
    const settled = [...lists.reverse().flat(), ...ahead];
    this.weight = settled.length;
    const { position, begun } = this;
    const since = position === undefined ? (begun ?? 0) : begun;
    return { ...(position === undefined ? {} : { position }), ...(since === undefined ? {} : { since }), transport, settled, time: new Date().toISOString() };
  }
}

/** The last `most` of a list, which is given back as it is where it has no more. */
function newest(ids: string[], most: number): string[] {
  return ids.length > most ? ids.slice(ids.length - most) : ids;
}
