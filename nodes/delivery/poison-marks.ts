import { errorText } from "../common/errors";
import type { Store } from "../common/store";

/** What {@link PoisonMarks} needs. */
export interface PoisonMarksOptions {
  store: Store;
  /** Under which the marks are kept: one for each source. */
  key: string;
  /** A message that has ended the process so often is poison. At least 2: the first time, nobody knows which of many it was. */
  limit: number;
  warn(text: string): void;
}

/** What a message is suspected of. */
interface Deaths {
  /** How often it was in hand, among few, as the process ended or stood still. */
  times: number;
  /** How often of those it was alone. */
  alone: number;
  /** ms after the start until which it was in hand at most when the process ended, the latest that was seen. */
  until?: number;
  /** The process did not end each time: it stood still until its connection was lost. */
  stoodStill?: boolean;
  /** How often its own code was seen to end the process. */
  seen?: number;
  /** The process went on while it was kept back: nothing else ends it. */
  proven?: boolean;
  /** It is safe among the dead letters, and does not come again, unless its source could not note that. */
  buried?: boolean;
}

/** What is kept. */
interface Kept {
  /** The source runs; still set when it starts: the process has ended without closing it. */
  running: boolean;
  /** By fingerprint. */
  deaths: Record<string, Deaths>;
  /** Fingerprints of those in hand now. */
  inHand: string[];
  /** ms after the start until which these are in hand at most. */
  until?: number;
  /** Fingerprint of the one that is kept back now. */
  keptBack?: string;
  /** Fingerprint of the one whose code has ended the process. */
  endedBy?: string;
}

/** Who is suspected of nothing. */
const NONE: Deaths = { times: 0, alone: 0 };
/** Suspects that are remembered at most. */
const MAX_REMEMBERED = 1_000;

/** What a source's watch over messages that end the process knows of them, kept so that the next process knows it, too. */
export class PoisonMarks {
  private kept: Kept = { running: true, deaths: {}, inHand: [] };
  /** Whether the code of some was seen to end the process, that may come again: each message is looked at then. */
  hasSeen = false;
  /** All is closed: from now on the marks are those of the node that takes this one's place. */
  private ended = false;
  /** The user knows that marks cannot be written. */
  private isBlind = false;

  constructor(private readonly options: PoisonMarksOptions) {}

  /** Looks at what the process before has left, and notes that this one runs. @returns whether something that ended it may come */
  async begin(): Promise<boolean> {
    const { running, deaths, inHand, until = 0, keptBack, endedBy } = await this.read();
    this.kept = { running: true, deaths, inHand: [] };
    if (running) {
      this.count(inHand, (before) => ({ until: Math.max(before.until ?? 0, until) }));
      if (keptBack !== undefined) this.absolve(keptBack);
      if (endedBy !== undefined) {
        const before = deaths[endedBy] ?? NONE;
        deaths[endedBy] = { ...before, seen: (before.seen ?? 0) + 1, buried: false };
      }
    }
    for (const forgotten of Object.keys(deaths).slice(0, -MAX_REMEMBERED)) delete deaths[forgotten];
    this.look();
    await this.write();
    // a dead letter that had nowhere to go must not reach the flow when somebody has wired it, and so deployed
    return running || Object.keys(deaths).some((print) => deaths[print]?.buried !== true && this.isGuilty(print));
  }

  /** All is closed in good order. */
  async end(): Promise<void> {
    const deaths = Object.fromEntries(Object.entries(this.kept.deaths).filter(([, { buried }]) => !buried));
    this.kept = { running: false, deaths, inHand: [] };
    this.ended = true;
    await this.put().catch(() => undefined); // those that come next are then tried in vain
  }

  /** Whether the process has ended, or stood still, while it was in hand. */
  isSuspect(print: string): boolean {
    return this.kept.deaths[print] !== undefined;
  }

  /** Whether it has ended the process often enough, if nothing else has: it was alone in hand then, or its code was seen to do it each time. */
  isGuilty(print: string): boolean {
    const deaths = this.kept.deaths[print];
    return deaths !== undefined && (deaths.alone > 0 || this.isSeen(deaths)) && this.timesOf(print) >= this.limit;
  }

  /** Whether nothing else has. */
  isProven(print: string): boolean {
    const deaths = this.kept.deaths[print];
    return deaths !== undefined && (deaths.proven === true || this.isSeen(deaths));
  }

  /** How often it has done so. The first time, nobody knew which it was, unless its code was seen to do it. */
  timesOf(print: string): number {
    const { times = 0, seen = 0 } = this.kept.deaths[print] ?? {};
    return Math.max(times + 1, seen);
  }

  /** What it seems to have done so often. */
  deedOf(print: string): string {
    return this.kept.deaths[print]?.stoodStill ? "kept Node-RED busy until its connection was lost, or ended it," : "ended Node-RED";
  }

  /** ms after the start until which it was in hand at most when the process ended. */
  untilOf(print: string): number {
    return this.kept.deaths[print]?.until ?? 0;
  }

  /** These are handed over now. @param until ms after the start until which they are in hand at most */
  async take(prints: string[], until: number): Promise<void> {
    this.kept.inHand = prints;
    this.kept.until = Math.round(until);
    await this.write();
  }

  /** The process has stood still with these in hand, until their connection was lost. */
  stoodStill(prints: string[]): void {
    this.count(prints, () => ({ stoodStill: true }));
  }

  /**
   * They have neither ended the process nor kept it from all else in their time.
   *
   * @param written whether it is to be noted at once
   * @param open what is in the flow still: it may yet end the process again, if its code was seen to do so
   */
  async clear(prints: string[], written: boolean, open: string[]): Promise<void> {
    for (const print of prints) {
      const seen = open.includes(print) ? this.kept.deaths[print]?.seen : undefined;
      if (seen === undefined) delete this.kept.deaths[print];
      else this.kept.deaths[print] = { ...NONE, seen };
    }
    this.look();
    this.kept.inHand = [];
    delete this.kept.until;
    if (written) await this.write();
  }

  /** It was settled: whatever its code was seen to do, it has not done it this time. */
  settled(print: string): void {
    if (this.kept.deaths[print]?.seen === undefined) return;
    delete this.kept.deaths[print];
    this.look();
    void this.write();
  }

  /** The process exits now. @param print of the one whose code ends it; undefined when that is not of this source */
  exits(print: string | undefined): void {
    const { inHand } = this.kept;
    if (print === undefined && inHand.length === 0) return;
    this.kept.inHand = inHand.filter((each) => each === print);
    if (print !== undefined) this.kept.endedBy = print;
    try {
      this.options.store.writeAtOnce?.(this.options.key, this.kept);
    } catch {
      // those in hand are tried the next time, as after a kill
    }
  }

  /** It is kept back now, to see whether the process ends, or stands still, without it, too. */
  async keepBack(print: string): Promise<void> {
    this.kept.keptBack = print;
    await this.write();
  }

  /** It was kept back long enough. @param isInnocent whether the process has stood still without it, too */
  async judge(print: string, isInnocent: boolean): Promise<void> {
    delete this.kept.keptBack;
    const deaths = this.kept.deaths[print];
    if (isInnocent) this.absolve(print);
    else if (deaths) deaths.proven = true;
    await this.write();
  }

  /** It is on its way to the dead letters, or safe there. Not forgotten before all is closed in good order: its source may not have noted yet that it is settled. */
  bury(print: string, safe: boolean): void {
    const deaths = this.kept.deaths[print];
    if (deaths) deaths.buried = safe;
    this.look();
    if (safe) void this.write();
  }

  private count(prints: string[], more: (before: Deaths) => Partial<Deaths>): void {
    for (const print of new Set(prints)) {
      const before = this.kept.deaths[print] ?? NONE;
      this.kept.deaths[print] = { ...before, times: before.times + 1, alone: before.alone + (prints.length === 1 ? 1 : 0), buried: false, ...more(before) };
    }
  }

  private look(): void {
    this.hasSeen = Object.values(this.kept.deaths).some(({ seen, buried }) => seen !== undefined && !buried);
  }

  private get limit(): number {
    return Math.max(2, this.options.limit);
  }

  private isSeen({ seen = 0 }: Deaths): boolean {
    return seen >= this.limit;
  }

  /** It happens without it, too. */
  private absolve(print: string): void {
    delete this.kept.deaths[print];
    this.options.warn("Something else than a message of this node ends Node-RED, or keeps it busy: that has happened without the one that was suspected, too");
  }

  private async read(): Promise<Kept> {
    try {
      const kept = (await this.options.store.read(this.options.key)) as Partial<Kept> | undefined;
      return { ...kept, running: kept?.running === true, deaths: kept?.deaths ?? {}, inHand: kept?.inHand ?? [] };
    } catch (error) {
      this.options.warn(`The marks of messages that end Node-RED cannot be read and are begun anew: ${errorText(error)}`);
      return { running: false, deaths: {}, inHand: [] };
    }
  }

  private put(): Promise<void> {
    const { store, key } = this.options;
    const nothing = !this.kept.running && Object.keys(this.kept.deaths).length === 0;
    return nothing ? store.remove(key) : store.write(key, this.kept);
  }

  /** Without its marks the watch sees nothing, but messages must go on. */
  private async write(): Promise<void> {
    if (this.ended) return;
    try {
      await this.put();
    } catch (error) {
      if (this.isBlind) return;
      this.isBlind = true;
      this.options.warn(`A message that ends Node-RED cannot be found out, because its mark cannot be written: ${errorText(error)}`);
    }
  }
}
