import { within } from "../../../common/deadline";
import { ConnectorError, errorText } from "../../../common/errors";
import { type Linked, LinkedList } from "../../../common/linked-list";
import type { TransportName } from "./org-streams";
import { convertPosition } from "./position-number";

/** Where a position is kept. */
export interface PositionPlace {
  /** What was written last. @throws when it cannot be read */
  read(): Promise<unknown>;
  /** @returns whether it was written; false when another instance has taken over @throws when it cannot be written */
  write(value: StoredPosition): Promise<boolean>;
}

/** What is kept. */
export interface StoredPosition {
  /** Everything up to this one is settled, or not wanted; absent while nothing is. */
  position?: string;
  transport: TransportName;
  /** ms since the epoch, while nothing that came from then on is settled: that is still to be read, behind the position if there is one. 0: all that the org has. */
  since?: number;
  /** Events above the position that are settled already, oldest first. */
  settled: string[];
  /** When it was written, ISO 8601; for people. */
  time: string;
}

/** What {@link EventPosition} needs. */
export interface EventPositionOptions {
  place: PositionPlace;
  transport: TransportName;
  /** How many settled events above the position are kept at most, the newest. */
  window: number;
  /** Another instance has taken over: nothing is written any more. */
  onRefused(): void;
  /** It cannot be written at present, by this reason; or it can again. */
  onTrouble(reason: string | undefined): void;
  /** Tells the user. */
  warn(text: string): void;
  /** ms between two writes at least. Default 500. */
  every?: number;
  /** ms that closing waits for the last write. Default 3000. */
  lastWrite?: number;
}

/** ms until a write that failed is tried again. */
const RETRY = 5_000;

/** An event that is not settled, up to a position. */
interface Mark extends Linked<Mark> {
  position: string;
  id: string;
  /** Events behind it that are settled already. */
  settled: string[];
}

/**
 * How far the events of a channel are settled, kept over restarts. Events are settled in any order; the lowest that is not holds the position,
 * and those above it that are settled are kept by their ids, so that a restart repeats none of them.
 */
export class EventPosition {
  private position: string | undefined;
  private begun: number | undefined;
  private marks = new LinkedList<Mark>();
  private timer: NodeJS.Timeout | undefined;
  /** By the clock that nobody sets. */
  private writtenAt = 0;
  /** The write under way. */
  private writing: Promise<void> | undefined;
  /** How many ids the last write had. */
  private weight = 0;
  private dirty = false;
  private failing = false;
  private closed = false;
  private abandoned = false;

  constructor(private readonly options: EventPositionOptions) {}

  /** Everything up to here is settled; undefined while nothing is known. */
  get after(): string | undefined {
    return this.position;
  }

  /** ms since the epoch, while nothing that came from then on is settled: that is still to be read, behind {@link after} if there is one. */
  get since(): number | undefined {
    return this.begun;
  }

  /**
   * Reads what is kept.
   *
   * @returns ids of events above the position that are settled already
   * @throws ConnectorError STORE_UNAVAILABLE when what is there cannot be read: reading on from anywhere else would lose events or repeat them
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
    return Array.isArray(found?.settled) ? found.settled : [];
  }

  /**
   * What came before `since` (ms since the epoch) does not count, what comes from then on is to be read. Resolves when it is written, or cannot be.
   *
   * @param keeps the position: what came since then lies behind it
   */
  beginAt(since: number, keeps = false): Promise<void> {
    this.marks = new LinkedList();
    if (!keeps) this.position = undefined;
    this.begun = since;
    this.dirty = true;
    return this.flush();
  }

  /** An event is handed over, the next in order. @returns called when it is settled */
  add(position: string, id: string): () => void {
    const { marks } = this;
    const mark: Mark = { position, id, settled: [], older: undefined, newer: undefined };
    marks.add(mark);
    return () => {
      const { older } = mark;
      marks.remove(mark);
      if (marks !== this.marks) return; // of a stream that was begun anew since
      if (older) this.holdBack(mark, older);
      else this.moveTo(mark.position);
    };
  }

  /** The org says that there is nothing more up to here. */
  idle(position: string): void {
    if (this.marks.size === 0 && (position !== this.position || this.begun !== undefined)) this.moveTo(position);
  }

  /** What came up to here is from before {@link since}. */
  passOver(position: string): void {
    if (this.marks.size > 0) return;
    this.position = position;
    this.writeSoon();
  }

  /** Writes what is not written yet. Bounded: a database that says nothing must not hold up a deploy. */
  async close(): Promise<void> {
    const { lastWrite = 3_000, warn } = this.options;
    this.closed = true;
    clearTimeout(this.timer);
    if (this.abandoned) return;
    const done = await within(this.flush().then(() => true), lastWrite);
    if (!done) warn(`The position was not stored within ${lastWrite} ms, so it may be read again from the one stored last`);
  }

  /** Writes nothing more: it is another instance's now. */
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

  private moveTo(position: string): void {
    this.position = position;
    this.begun = undefined;
    this.writeSoon();
  }

  /** It is settled, but one below it is not. */
  private holdBack(mark: Mark, older: Mark): void {
    older.position = mark.position;
    older.settled.push(mark.id);
    for (const id of mark.settled) older.settled.push(id);
    const { window } = this.options;
    if (older.settled.length > 2 * window) older.settled.splice(0, older.settled.length - window);
    this.writeSoon();
  }

  /** A long list of ids is written less often: a millisecond later for each. */
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

  /** One after the other, so that an older one never comes last. */
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
        this.options.warn(`The position cannot be stored, so a restart would read again from the one stored last: ${errorText(error)}`);
        this.options.onTrouble(errorText(error));
      }
      this.failing = true;
      this.dirty = true;
    }
  }

  private stored(): StoredPosition {
    const { window, transport } = this.options;
    const lists: string[][] = [];
    let room = window;
    for (let mark = this.marks.last; mark; mark = mark.older) {
      // events that stay for long must not hold more ids than are kept: newer ones only push them further out
      if (mark.settled.length > room) mark.settled = room === 0 ? [] : mark.settled.slice(-room);
      room -= mark.settled.length;
      lists.push(mark.settled);
    }
    const settled = lists.reverse().flat();
    this.weight = settled.length;
    const { position, begun } = this;
    const since = position === undefined ? (begun ?? 0) : begun;
    return { ...(position === undefined ? {} : { position }), ...(since === undefined ? {} : { since }), transport, settled, time: new Date().toISOString() };
  }
}
