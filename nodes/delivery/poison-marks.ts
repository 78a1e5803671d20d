import { errorText, isConnectorError } from "../common/errors";
import type { Store } from "../common/store";

/** What {@link PoisonMarks} needs. */
export interface PoisonMarksOptions {
  store: Store;
  /** The key of the marks in the store. Each source has its own. */
  key: string;
  /** How often a message must have ended the process to be poison. At least 2, because after the first time it is unknown which of many messages it was. */
  limit: number;
  warn(text: string): void;
}

/** What is known of a suspected message. */
interface Deaths {
  /** How often the message was on trial or let go when the process ended or stood still. */
  times: number;
  /** How many of these times it was the only one on trial. */
  alone: number;
  /** If its trial was over when the process ended: the most ms that it may have been in the flow, the largest value of all times. */
  late?: number;
  /** Whether at least once messages that had been let go, of this or another source, were in the flow as well. */
  inCompany?: boolean;
  /** Whether the process went on while the message was kept back, but the message was `late` or `inCompany`. The reason may be another, so it is tried once more. */
  retried?: boolean;
  /** Until when its trial would have lasted when the process ended, in ms after the start of the process; the largest value of all times. */
  until?: number;
  /** Whether, at least once, the process did not end but stood still until its connection was lost. */
  stoodStill?: boolean;
  /** How often code that ran for the message was seen to end the process. */
  seen?: number;
  /** Whether it is proven that the message is the reason: the process went on while the message was kept back. */
  proven?: boolean;
  /** Whether the message is safely dead-lettered. It does not come again then, unless its source could not note that it is settled. */
  buried?: boolean;
}

/** The marks, as they are stored. */
interface Kept {
  /** Whether the source runs. If this is still set when the source starts, the process has ended without closing it. */
  running: boolean;
  /** The suspected messages, by fingerprint. */
  deaths: Record<string, Deaths>;
  /** Fingerprints of the messages on trial. */
  inHand: string[];
  /** Messages that were let go and are still in the flow, by fingerprint: the most ms that each will have been there before this is written again. */
  letGo: Record<string, number>;
  /** Whether any source had let messages go that were still in the flow when the trial began. */
  inCompany?: boolean;
  /** When the trial ends at the latest, in ms after the start of the process. */
  until?: number;
  /** Fingerprint of the message that is kept back. */
  keptBack?: string;
  /** Fingerprint of the message whose code has ended the process. */
  endedBy?: string;
}

/** The values of a message that is not suspected. */
const NONE: Deaths = { times: 0, alone: 0 };
/** Most suspects that are remembered. */
const MAX_REMEMBERED = 1_000;
/** Most groups in which messages that were in the flow for long are tried, because the trial of each group takes as long as they were there. */
const LONG_GROUPS = 5;

/** The knowledge of a `PoisonWatch` about the messages that may end the process, stored so that the next process has it, too. */
export class PoisonMarks {
  private kept: Kept = { running: true, deaths: {}, inHand: [], letGo: {} };
  /** Whether there are messages whose code was seen to end the process and that may come again. If so, each message has to be checked. */
  hasSeen = false;
  /** Whether the source is closed. From then on, the marks belong to the node that replaces this one. */
  private ended = false;
  /** Whether the user was warned that marks cannot be written. */
  private isBlind = false;

  constructor(private readonly options: PoisonMarksOptions) {}

  /**
   * Reads the marks that the previous process has left, and notes that this one runs.
   *
   * @returns whether a message that has ended the process may come
   * @throws ConnectorError when the store is away
   */
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
    // a poison message that could not be dead-lettered for want of a place must not reach the flow after the user has wired one, and so deployed
    return running || Object.keys(deaths).some((print) => deaths[print]?.buried !== true && this.isGuilty(print));
  }

  /** Notes that the source was closed in an orderly way. */
  async end(): Promise<void> {
    const deaths = Object.fromEntries(Object.entries(this.kept.deaths).filter(([, { buried }]) => !buried));
    this.kept = { running: false, deaths, inHand: [], letGo: {} };
    this.ended = true;
    await this.put().catch(() => undefined); // then the messages that come next are tried without need
  }

  /** Whether the message has ended the process often enough, provided that nothing else has: it was once the only one on trial, or its code was seen to do it each time. */
  isGuilty(print: string): boolean {
    const deaths = this.kept.deaths[print];
    if (deaths === undefined || this.timesOf(print) < this.limit) return false;
    return this.isSeen(deaths) || (deaths.alone > 0 && (deaths.retried !== true || deaths.proven === true));
  }

  /** Whether it is proven that nothing else has ended the process. */
  isProven(print: string): boolean {
    const deaths = this.kept.deaths[print];
    return deaths !== undefined && (deaths.proven === true || this.isSeen(deaths));
  }

  /** Returns how often the message has ended the process. The first time is added, in which it was unknown which message it was, unless its code was seen each time. */
  timesOf(print: string): number {
    const { times = 0, seen = 0 } = this.kept.deaths[print] ?? {};
    return Math.max(times + 1, seen);
  }

  /** Returns what the message seems to have done, as a part of a sentence. */
  deedOf(print: string): string {
    return this.kept.deaths[print]?.stoodStill ? "kept Node-RED busy until its connection was lost, or ended it," : "ended Node-RED";
  }

  /** Returns until when the message's trial would have lasted when the process ended, in ms after the start of the process; 0 if that is unknown. */
  untilOf(print: string): number {
    return this.kept.deaths[print]?.until ?? 0;
  }

  /** Returns with how many others of its kind, itself included, the message may be tried at most; `undefined` when nothing is known of it. */
  groupOf(print: string): number | undefined {
    const deaths = this.kept.deaths[print];
    if (deaths?.late === undefined) return deaths && 1;
    const alike = Object.values(this.kept.deaths).filter(({ late, times, buried }) => late !== undefined && times >= deaths.times && !buried);
    return Math.ceil(alike.length / LONG_GROUPS);
  }

  /** Returns the most ms that the message may have been in the flow when the process ended; 0 unless its trial was over. */
  lateOf(print: string): number {
    return this.kept.deaths[print]?.late ?? 0;
  }

  /**
   * Notes that these messages are tried now.
   *
   * @param until when the trial ends at the latest, in ms after the start of the process
   * @param letGo as {@link Kept.letGo}
   * @param inCompany as {@link Kept.inCompany}
   */
  async take(prints: string[], until: number, letGo: Record<string, number>, inCompany: boolean): Promise<void> {
    this.kept = { ...this.kept, inHand: prints, until: Math.round(until), letGo, inCompany };
    await this.write();
  }

  /** Notes the messages that were let go. @param letGo as {@link Kept.letGo} */
  renew(letGo: Record<string, number>): void {
    this.kept.letGo = letGo;
    void this.write();
  }

  /** Notes that the process has stood still, until the connection was lost, with these messages on trial. @param letGo as {@link Kept.letGo} */
  stoodStill(prints: string[], letGo: Record<string, number>, inCompany: boolean): void {
    this.count(prints, inCompany, () => ({ stoodStill: true }));
    this.countLate(prints, letGo, { stoodStill: true });
  }

  /**
   * Ends the trial of messages that have neither ended the process nor brought it to a standstill.
   *
   * @param written whether to store that at once
   * @param letGo as {@link Kept.letGo}. These messages may yet end the process
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

  /** Forgets a message that was settled during or after its trial. This is not stored at once, because the message does not come again. */
  forget(print: string): void {
    delete this.kept.deaths[print];
    this.look();
  }

  /** Forgets that a message's code was seen to end the process: this time, the message was settled. */
  settled(print: string): void {
    if (this.kept.deaths[print]?.seen === undefined) return;
    delete this.kept.deaths[print];
    this.look();
    void this.write();
  }

  /** Notes that the process exits now. @param print of the message whose code ends it; `undefined` if that is no message of this source */
  exits(print: string | undefined): void {
    const { inHand, letGo } = this.kept;
    if (print === undefined && inHand.length === 0 && Object.keys(letGo).length === 0) return;
    this.kept.inHand = inHand.filter((each) => each === print);
    this.kept.letGo = {};
    if (print !== undefined) this.kept.endedBy = print;
    try {
      this.options.store.writeAtOnce?.(this.options.key, this.kept);
    } catch {
      // then the messages that were on trial or let go are tried the next time, as after a kill
    }
  }

  /** Notes that a message is kept back now, to see whether the process also ends or stands still without it. */
  async keepBack(print: string): Promise<void> {
    this.kept.keptBack = print;
    await this.write();
  }

  /** Notes the result when a message was kept back for long enough. @param isInnocent whether the process has stood still without it, too */
  async judge(print: string, isInnocent: boolean): Promise<void> {
    delete this.kept.keptBack;
    const deaths = this.kept.deaths[print];
    if (isInnocent) this.absolve(print);
    else if (deaths) deaths[deaths.inCompany || deaths.late !== undefined ? "retried" : "proven"] = true;
    await this.write();
  }

  /**
   * Notes that a message is on its way to the dead letters, or `safe` there. It is not forgotten before the source is closed in an orderly way, since the source may not
   * have noted yet that it is settled.
   */
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

  /** Counts one more time for the messages that were let go. If an equal message was on trial as well, it is counted already. */
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

  /** Forgets a message, because the process has ended or stood still without it, too. */
  private absolve(print: string): void {
    delete this.kept.deaths[print];
    this.options.warn("Something else than the message that was suspected ends Node-RED, or keeps it busy: that has happened without it, too");
  }

  private async read(): Promise<Kept> {
    try {
      const kept = (await this.options.store.read(this.options.key)) as Partial<Kept> | undefined;
      return { ...kept, running: kept?.running === true, deaths: kept?.deaths ?? {}, inHand: kept?.inHand ?? [], letGo: kept?.letGo ?? {} };
    } catch (error) {
      if (isConnectorError(error)) throw error; // such an error is a database's, which will come back; a file that cannot be read stays so
      this.options.warn(`The marks of messages that end Node-RED cannot be read and are begun anew: ${errorText(error)}`);
      return { running: false, deaths: {}, inHand: [], letGo: {} };
    }
  }

  private put(): Promise<void> {
    const { store, key } = this.options;
    const nothing = !this.kept.running && Object.keys(this.kept.deaths).length === 0;
    return nothing ? store.remove(key) : store.write(key, this.kept);
  }

  /** Stores the marks. If that fails, the user is warned once: the watch finds nothing without marks, but messages must go on. */
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
