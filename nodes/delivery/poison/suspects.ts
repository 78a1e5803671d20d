/** What is known of a suspected message. */
export interface Deaths {
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

/** The values of a message that is not suspected. */
const NONE: Deaths = { times: 0, alone: 0 };
/** Most suspects that are remembered. */
const MAX_REMEMBERED = 1_000;
/** Most groups in which messages that were in the flow for long are tried, because the trial of each group takes as long as they were there. */
const LONG_GROUPS = 5;

/** The messages that may have ended the process, by fingerprint, with the evidence against each. Knows nothing of trials, nor of where it is stored. */
export class Suspects {
  /** Whether there are messages whose code was seen to end the process and that may come again. If so, each message has to be checked. */
  hasSeen = false;
  private deaths: Record<string, Deaths> = {};
  /**
   * How often each message that was in the flow for long has ended the process, as last counted. Not counted again after each trial: with ever fewer suspects left, the
   * groups would become ever smaller, and there would be more of them.
   */
  private long: number[] = [];

  /** @param limit how often a message must have ended the process to be poison */
  constructor(private readonly limit: number) {}

  /** The evidence against all of them, to be stored. */
  get all(): Record<string, Deaths> {
    return this.deaths;
  }

  /** The same without those that are safely dead-lettered. */
  get unburied(): Record<string, Deaths> {
    return Object.fromEntries(Object.entries(this.deaths).filter(([, { buried }]) => !buried));
  }

  /** Replaces all evidence, as by what the previous process has stored. */
  begin(deaths: Record<string, Deaths>): void {
    this.deaths = deaths;
  }

  /** Forgets the oldest suspects when there are too many. @returns whether a guilty message may come again */
  mayCome(): boolean {
    for (const forgotten of Object.keys(this.deaths).slice(0, -MAX_REMEMBERED)) delete this.deaths[forgotten];
    this.look();
    this.countLong();
    return Object.keys(this.deaths).some((print) => this.deaths[print]?.buried !== true && this.isGuilty(print));
  }

  /** Whether the message has ended the process often enough, provided that nothing else has: it was once the only one on trial, or its code was seen to do it each time. */
  isGuilty(print: string): boolean {
    const deaths = this.deaths[print];
    if (deaths === undefined || this.timesOf(print) < this.limit) return false;
    return this.isSeen(deaths) || (deaths.alone > 0 && (deaths.retried !== true || deaths.proven === true));
  }

  /** Whether it is proven that nothing else has ended the process. */
  isProven(print: string): boolean {
    const deaths = this.deaths[print];
    return deaths !== undefined && (deaths.proven === true || this.isSeen(deaths));
  }

  /** Returns how often the message has ended the process. The first time is added, in which it was unknown which message it was, unless its code was seen each time. */
  timesOf(print: string): number {
    const { times = 0, seen = 0 } = this.deaths[print] ?? {};
    return Math.max(times + 1, seen);
  }

  /** Returns what the message seems to have done, as a part of a sentence. */
  deedOf(print: string): string {
    return this.deaths[print]?.stoodStill ? "kept Node-RED busy until its connection was lost, or ended it," : "ended Node-RED";
  }

  /** Returns until when the message's trial would have lasted when the process ended, in ms after the start of the process; 0 if that is unknown. */
  untilOf(print: string): number {
    return this.deaths[print]?.until ?? 0;
  }

  /** Returns with how many others of its kind, itself included, the message may be tried at most; `undefined` when nothing is known of it. */
  groupOf(print: string): number | undefined {
    const deaths = this.deaths[print];
    if (deaths?.late === undefined) return deaths && 1;
    return Math.max(1, Math.ceil(this.long.filter((times) => times >= deaths.times).length / LONG_GROUPS));
  }

  /** Returns the most ms that the message may have been in the flow when the process ended; 0 unless its trial was over. */
  lateOf(print: string): number {
    return this.deaths[print]?.late ?? 0;
  }

  /** Notes that the process has ended or stood still with these messages on trial. @param inCompany whether messages whose trial was over were in the flow as well */
  count(prints: string[], inCompany: boolean, more: { until?: number; stoodStill?: true }): void {
    const isAlone = prints.length === 1;
    for (const print of new Set(prints)) {
      const before = this.deaths[print] ?? NONE;
      const known = { times: before.times + 1, alone: before.alone + (isAlone ? 1 : 0), buried: false };
      const proof = { ...(inCompany ? { inCompany } : {}), ...(isAlone && before.retried ? { proven: true } : {}) };
      const until = more.until === undefined ? {} : { until: Math.max(before.until ?? 0, more.until) };
      this.deaths[print] = { ...before, ...known, ...proof, ...more, ...until };
    }
  }

  /**
   * Notes that the process has ended or stood still with messages in the flow whose trial was over.
   *
   * @param onTrial the messages on trial. A message of which an equal one was on trial is not counted twice
   * @param letGo by fingerprint: for how many ms each was in the flow at most
   */
  countLate(onTrial: string[], letGo: Record<string, number>, more?: { stoodStill: true }): void {
    for (const [print, ms] of Object.entries(letGo)) {
      if (onTrial.includes(print)) continue;
      const before = this.deaths[print] ?? NONE;
      this.deaths[print] = { ...before, times: before.times + 1, late: Math.max(before.late ?? 0, ms), buried: false, ...more };
    }
    this.countLong();
  }

  /** Notes that the message's code was seen to end the process. */
  wasSeen(print: string): void {
    const before = this.deaths[print] ?? NONE;
    this.deaths[print] = { ...before, seen: (before.seen ?? 0) + 1, buried: false };
  }

  /** Notes that the messages have not ended the process during their trial, nor made it stand still. @param isThere whether a message is still in the flow and may yet end it */
  clear(prints: string[], isThere: (print: string) => boolean): void {
    for (const print of prints) {
      const { seen, late } = (isThere(print) && this.deaths[print]) || NONE;
      if (seen === undefined && late === undefined) delete this.deaths[print];
      else this.deaths[print] = { ...NONE, ...(seen === undefined ? {} : { seen }), ...(late === undefined ? {} : { late }) };
    }
    this.look();
  }

  /** Removes all evidence against the message. */
  forget(print: string): void {
    delete this.deaths[print];
    this.look();
  }

  /** Removes all evidence if the message's code was seen to end the process, because it was settled this time. @returns whether its code was seen to do so */
  forgive(print: string): boolean {
    if (this.deaths[print]?.seen === undefined) return false;
    this.forget(print);
    return true;
  }

  /** Notes that the process went on while the message was kept back. */
  wasKeptBack(print: string): void {
    const deaths = this.deaths[print];
    if (deaths) deaths[deaths.inCompany || deaths.late !== undefined ? "retried" : "proven"] = true;
  }

  /** Notes that the message is on its way to the dead letters or, if `safe`, that it is there. */
  bury(print: string, safe: boolean): void {
    const deaths = this.deaths[print];
    if (deaths) deaths.buried = safe;
    this.look();
  }

  private look(): void {
    this.hasSeen = Object.values(this.deaths).some(({ seen, buried }) => seen !== undefined && !buried);
  }

  private countLong(): void {
    this.long = Object.values(this.deaths).flatMap(({ late, times, buried }) => (late === undefined || buried ? [] : [times]));
  }

  private isSeen({ seen = 0 }: Deaths): boolean {
    return seen >= this.limit;
  }
}
