import { errorText, isConnectorError } from "../common/errors";
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
  /** How often of those it was tried by itself. */
  alone: number;
  /** ms that it was in the flow at most when the process ended, if its trial was over: the longest that was seen. */
  late?: number;
  /** Once at least others were in the flow as well, whose trial was over. */
  inCompany?: boolean;
  /** The process went on while it was kept back, but it was `late` or `inCompany`, so that it may have been something else all the same: it is tried once more. */
  retried?: boolean;
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
  /** Fingerprints of those on trial now. */
  inHand: string[];
  /** Those whose trial is over and that are in the flow still, by fingerprint: ms that they are there at most before this is written again. */
  letGo: Record<string, number>;
  /** There are such, maybe of other sources. */
  inCompany?: boolean;
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
/** Into so many groups at most are those divided that were in the flow for long: each takes as long as they were there. */
const LONG_GROUPS = 5;

/** What a source's watch over messages that end the process knows of them, kept so that the next process knows it, too. */
export class PoisonMarks {
  private kept: Kept = { running: true, deaths: {}, inHand: [], letGo: {} };
  /** Whether the code of some was seen to end the process, that may come again: each message is looked at then. */
  hasSeen = false;
  /** All is closed: from now on the marks are those of the node that takes this one's place. */
  private ended = false;
  /** The user knows that marks cannot be written. */
  private isBlind = false;

  constructor(private readonly options: PoisonMarksOptions) {}

  /** Looks at what the process before has left, and notes that this one runs. @returns whether something that ended it may come @throws ConnectorError when the store is away */
  async begin(): Promise<boolean> {
    const { running, deaths, inHand, until = 0, letGo, inCompany = false, keptBack, endedBy } = await this.read();
    this.kept = { running: true, deaths, inHand: [], letGo: {} };
    if (running) {
      this.count(inHand, inCompany, (before) => ({ until: Math.max(before.until ?? 0, until) }));
      this.countLate(inHand, letGo);
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
    this.kept = { running: false, deaths, inHand: [], letGo: {} };
    this.ended = true;
    await this.put().catch(() => undefined); // those that come next are then tried in vain
  }

  /** Whether it has ended the process often enough, if nothing else has: it was tried by itself then, or its code was seen to do it each time. */
  isGuilty(print: string): boolean {
    const deaths = this.kept.deaths[print];
    if (deaths === undefined || this.timesOf(print) < this.limit) return false;
    return this.isSeen(deaths) || (deaths.alone > 0 && (deaths.retried !== true || deaths.proven === true));
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

  /** How many of its kind are tried together at most; `undefined` when nothing is known of it. */
  groupOf(print: string): number | undefined {
    const deaths = this.kept.deaths[print];
    if (deaths?.late === undefined) return deaths && 1;
    const alike = Object.values(this.kept.deaths).filter(({ late, times, buried }) => late !== undefined && times >= deaths.times && !buried);
    return Math.ceil(alike.length / LONG_GROUPS);
  }

  /** ms that it was in the flow at most when the process ended; 0 unless its trial was over. */
  lateOf(print: string): number {
    return this.kept.deaths[print]?.late ?? 0;
  }

  /** These are tried now. @param until ms after the start until which they are on trial at most */
  async take(prints: string[], until: number, letGo: Record<string, number>, inCompany: boolean): Promise<void> {
    this.kept = { ...this.kept, inHand: prints, until: Math.round(until), letGo, inCompany };
    await this.write();
  }

  /** The trial of these is over, and they are in the flow still. As {@link Kept.letGo}. */
  renew(letGo: Record<string, number>): void {
    this.kept.letGo = letGo;
    void this.write();
  }

  /** The process has stood still with these on trial, until their connection was lost. @param letGo as {@link Kept.letGo} */
  stoodStill(prints: string[], letGo: Record<string, number>, inCompany: boolean): void {
    this.count(prints, inCompany, () => ({ stoodStill: true }));
    this.countLate(prints, letGo, { stoodStill: true });
  }

  /**
   * They have neither ended the process nor kept it from all else in their time.
   *
   * @param written whether it is to be noted at once
   * @param letGo as {@link Kept.letGo}. These may yet end the process
   */
  async clear(prints: string[], written: boolean, letGo: Record<string, number>): Promise<void> {
    for (const print of prints) {
      const { seen, late } = (letGo[print] !== undefined && this.kept.deaths[print]) || NONE;
      if (seen === undefined && late === undefined) delete this.kept.deaths[print];
      else this.kept.deaths[print] = { ...NONE, ...(seen === undefined ? {} : { seen }), ...(late === undefined ? {} : { late }) };
    }
    this.look();
    this.kept.inHand = [];
    this.kept.letGo = letGo;
    delete this.kept.until;
    delete this.kept.inCompany;
    if (written) await this.write();
  }

  /** It was settled after its trial. Not noted at once, for it does not come again. */
  forget(print: string): void {
    delete this.kept.deaths[print];
    this.look();
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
    const { inHand, letGo } = this.kept;
    if (print === undefined && inHand.length === 0 && Object.keys(letGo).length === 0) return;
    this.kept.inHand = inHand.filter((each) => each === print);
    this.kept.letGo = {};
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
    else if (deaths) deaths[deaths.inCompany || deaths.late !== undefined ? "retried" : "proven"] = true;
    await this.write();
  }

  /** It is on its way to the dead letters, or safe there. Not forgotten before all is closed in good order: its source may not have noted yet that it is settled. */
  bury(print: string, safe: boolean): void {
    const deaths = this.kept.deaths[print];
    if (deaths) deaths.buried = safe;
    this.look();
    if (safe) void this.write();
  }

  private count(prints: string[], inCompany: boolean, more: (before: Deaths) => Partial<Deaths>): void {
    const isAlone = prints.length === 1;
    for (const print of new Set(prints)) {
      const before = this.kept.deaths[print] ?? NONE;
      const known = { times: before.times + 1, alone: before.alone + (isAlone ? 1 : 0), buried: false };
      const proof = { ...(inCompany ? { inCompany } : {}), ...(isAlone && before.retried ? { proven: true } : {}) };
      this.kept.deaths[print] = { ...before, ...known, ...proof, ...more(before) };
    }
  }

  /** Of equal messages one may be on trial as well: that is one death, too. */
  private countLate(onTrial: string[], letGo: Record<string, number>, more?: Partial<Deaths>): void {
    for (const [print, ms] of Object.entries(letGo)) {
      if (onTrial.includes(print)) continue;
      const before = this.kept.deaths[print] ?? NONE;
      this.kept.deaths[print] = { ...before, times: before.times + 1, late: Math.max(before.late ?? 0, ms), buried: false, ...more };
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
    this.options.warn("Something else than the message that was suspected ends Node-RED, or keeps it busy: that has happened without it, too");
  }

  private async read(): Promise<Kept> {
    try {
      const kept = (await this.options.store.read(this.options.key)) as Partial<Kept> | undefined;
      return { ...kept, running: kept?.running === true, deaths: kept?.deaths ?? {}, inHand: kept?.inHand ?? [], letGo: kept?.letGo ?? {} };
    } catch (error) {
      if (isConnectorError(error)) throw error; // of a database, that comes back; a file that cannot be read stays so
      this.options.warn(`The marks of messages that end Node-RED cannot be read and are begun anew: ${errorText(error)}`);
      return { running: false, deaths: {}, inHand: [], letGo: {} };
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
