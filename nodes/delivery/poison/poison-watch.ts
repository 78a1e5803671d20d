import { whenOver } from "../../common/deadline";
import { ConnectorError, errorText } from "../../common/errors";
import { InTurn } from "../../common/in-turn";
import { Sleepers } from "../../common/sleep";
import type { Delivery } from "../delivery";
import { onLastWords } from "./last-words";
import { LetGo } from "./let-go";
import { PoisonMarks } from "./poison-marks";
import { LONGEST, type PoisonWatchOptions, RECENT, TRIAL } from "./poison-options";
import type { Suspects } from "./suspects";

/** A message that waits behind a trial. */
interface Waiting<T> {
  taken: T;
  suspect: boolean;
}

/** How many suspects are tried together at first. Each trial costs a write to the disk. */
const GROUP = 20;
/**
 * How long to wait after a standstill, in ms, before a message on trial counts as innocent. The process learns only after the standstill that it has lost its connection,
 * and the flow of the message may have finished in the same turn as the standstill.
 */
const LEARNS_WITHIN = 1_000;
/** A trial takes this many times as long as the message was in the flow when the process ended, because it may take longer to end the process the next time. */
const MARGIN = 1.5;

/** Runs one trial at a time in this process. With two, the innocent message of one source would be marked for what the message of the other source does. */
const trials = new InTurn();

/**
 * Finds the message that ends the process each time it is taken, and dead-letters it.
 *
 * The systems that messages come from cannot tell which message it is: before RabbitMQ 4.3 each requeue, and so each redeploy, raises the delivery count, and other
 * systems count nothing. So the watch stores marks of its own. Usually there is only one: that the source runs. If a source finds this mark when it starts, the process
 * has ended without closing the source, and one of the messages that come again may be the reason. They are handed over in small groups, and each group is marked on disk
 * first. If the process ends again, the messages of the marked group are tried one by one.
 *
 * A message that has ended the process often enough, at least once while it was the only one on trial, is poison, unless something else ends the process. So it is finally
 * kept back for as long as it was in the flow. If the process ends then, too, the message is innocent. This last test is not needed if the message's own code was seen to
 * end the process each time.
 *
 * In the same way, the watch finds a message that keeps the process busy until its connection is lost. Such a message is never settled, so it would come again for ever.
 */
export class PoisonWatch<T> {
  private readonly marks: PoisonMarks;
  private readonly suspects: Suspects;
  private readonly startedAt = performance.now();
  private begun: Promise<void> | undefined;
  private alert = false;
  private ended = false;
  private firstAt: number | undefined;
  /** The messages that wait behind a trial, in their order. */
  private line: Waiting<T>[] = [];
  private readonly onTrial = new Set<T>();
  private readonly letGo: LetGo<T>;
  /** Messages during whose trial the process has stood still. */
  private readonly guilty = new Set<T>();
  /** Messages on their way to the dead letters. */
  private readonly condemned = new Set<T>();
  private trialOver: (() => void) | undefined;
  private trying = false;
  /** When the present trial began. */
  private triedAt = 0;
  /** Stops listening for the end of the process. */
  private deafen: (() => void) | undefined;
  /** The waits while a message is kept back. */
  private readonly waits = new Sleepers();
  /** While there is a pause: resolves when it is over. */
  private pausing: Promise<void> | undefined;
  private pauseOver: (() => void) | undefined;

  constructor(private readonly options: PoisonWatchOptions<T>) {
    this.marks = new PoisonMarks(options);
    this.suspects = this.marks.suspects;
    this.letGo = new LetGo(this.usual / 2, this.usual * LONGEST, (noted) => this.marks.renew(noted));
  }

  /**
   * Reads the marks of the previous process, and notes that this one runs. Does so once only. Must be awaited before the first message is taken.
   *
   * @throws ConnectorError when the store of the marks is away. Then this must be called again
   */
  begin(): Promise<void> {
    this.begun ??= this.look().catch((error: unknown) => {
      this.begun = undefined;
      throw error;
    });
    return this.begun;
  }

  /** Takes a message that has arrived. Hands it over, or puts it in line if it is a suspect or a trial is running. */
  take(taken: T): void {
    const suspect = (this.alert || this.suspects.hasSeen) && this.isSuspect(taken);
    if (!suspect && !this.trying) return this.options.hand(taken);
    if (this.ended) return; // it comes again
    this.line.push({ taken, suspect }); // behind those on trial, so that order is kept
    if (!this.trying) void this.work();
  }

  /** Notes that a message was settled: it has not ended the process, or it is safely dead-lettered. */
  settled(taken: T): void {
    if (this.condemned.delete(taken)) this.marks.bury(this.options.fingerprint(taken), true);
    else if (!this.onTrial.has(taken) && !this.letGo.has(taken)) this.forgive(taken);
    else if (this.hasStoodStill) whenOver(LEARNS_WITHIN, () => this.acquit(taken));
    else this.acquit(taken);
  }

  /** Notes that some messages are no longer open, because their connection is gone. If the process has just stood still, one of the messages in hand may be the reason. */
  lost(): void {
    const { isOpen } = this.options;
    this.line = this.line.filter(({ taken }) => isOpen(taken));
    const isGone = (taken: T): boolean => !isOpen(taken);
    const gone = [...this.onTrial].filter(isGone);
    if (this.options.stoodStillUntil?.() !== undefined) {
      this.alert = true;
      this.firstAt = undefined;
    }
    if (this.hasStoodStill) {
      this.marks.stoodStill(gone.map((taken) => this.options.fingerprint(taken)), this.letGo.noted(isGone), LetGo.any);
      for (const taken of gone) this.guilty.add(taken);
      this.waits.wake(); // a message that is kept back was not in hand: something else is the reason
    }
    this.letGo.drop(isGone);
    for (const taken of gone) this.acquit(taken);
  }

  /** Keeps the messages that wait behind a trial in line until {@link resume}. */
  pause(): void {
    this.pausing ??= new Promise((resolve) => (this.pauseOver = resolve));
  }

  /** Continues to hand over after {@link pause}. */
  resume(): void {
    this.pausing = undefined;
    this.pauseOver?.();
  }

  /** Gives back the messages that wait behind a trial. */
  giveBack(): void {
    for (const { taken } of this.line.splice(0)) this.options.giveBack(taken);
  }

  /** Ends all trials, because the source takes no more messages. Those that wait in line come again. */
  stop(): void {
    this.ended = true;
    this.line = [];
    this.onTrial.clear();
    this.letGo.end();
    this.trialOver?.();
    this.waits.end();
    this.resume();
  }

  /** Notes that the source was closed in an orderly way. To be called after {@link stop}, when its messages have been given back. */
  async end(): Promise<void> {
    const hasBegun = await this.begun?.then(() => true, () => false);
    if (!hasBegun) return; // marks that were not read stay as they are
    await this.marks.end();
    this.deafen?.();
  }

  /** Whether this process has stood still since the trial began. */
  private get hasStoodStill(): boolean {
    return (this.options.stoodStillUntil?.() ?? 0) > this.triedAt;
  }

  /** Removes a message from those on trial and from those that were let go. */
  private acquit(taken: T): void {
    if (this.letGo.delete(taken)) this.suspects.forget(this.options.fingerprint(taken));
    if (this.onTrial.delete(taken) && this.onTrial.size === 0) this.trialOver?.();
  }

  /** Forgets that a message's code was seen to end the process, since it has not done so this time. */
  private forgive(taken: T): void {
    if (this.suspects.hasSeen && !this.ended) this.marks.settled(this.options.fingerprint(taken));
  }

  private async look(): Promise<void> {
    this.alert = await this.marks.begin();
    this.deafen = onLastWords((delivery) => this.exits(delivery));
  }

  private async work(): Promise<void> {
    this.trying = true;
    this.options.onSearch?.("looks for a message that ends Node-RED");
    while (this.line.length > 0) {
      await this.pausing;
      await trials.run("trial", () => this.step());
    }
    this.trying = false;
    if (!this.ended) this.options.onSearch?.(undefined);
  }

  private step(): Promise<void> {
    const group = this.nextGroup();
    const next = this.line[0];
    return group.length > 0 || !next || this.pausing ? this.try(group) : this.tryWithout(this.options.fingerprint(next.taken));
  }

  /**
   * Takes off the line the messages that are tried together next. Hands over those before them that are not suspected, and dead-letters poison. Stops at a message that
   * must be kept back. Takes nothing during a pause.
   */
  private nextGroup(): T[] {
    const group: T[] = [];
    let most = this.options.limit < 3 ? 1 : GROUP;
    for (let next = this.line[0]; next && !this.pausing; next = this.line[0]) {
      const { taken, suspect } = next;
      const print = suspect ? this.options.fingerprint(taken) : "";
      const guilty = suspect && this.suspects.isGuilty(print);
      if (group.length > 0 && (guilty || !suspect)) return group;
      if (guilty && !this.suspects.isProven(print)) return group;
      if (suspect && !guilty) most = Math.min(most, this.suspects.groupOf(print) ?? most);
      if (group.length > 0 && group.length >= most) return group;
      this.line.shift();
      if (!suspect) this.hand(taken);
      else if (guilty) this.condemn(taken, print);
      else group.push(taken);
    }
    return group;
  }

  private async try(group: T[]): Promise<void> {
    const { isOpen, fingerprint } = this.options;
    const taken = group.filter((each) => isOpen(each));
    if (taken.length === 0 || this.ended) return;
    const prints = taken.map((each) => fingerprint(each));
    const ms = Math.max(...prints.map((print) => this.lengthFor(print)));
    await this.marks.take(prints, performance.now() - this.startedAt + ms, this.letGo.noted(), LetGo.any);
    const tried = taken.filter((each) => isOpen(each)); // the channel may have been lost meanwhile
    if (tried.length > 0 && !this.ended) await this.watch(tried, ms);
    if (this.ended) return;
    const isLast = this.pausing !== undefined || !this.line.some(({ suspect }) => suspect); // otherwise the mark of the next group replaces this one
    const innocent = tried.filter((each) => !this.guilty.has(each));
    this.guilty.clear();
    await this.marks.clear(innocent.map((each) => fingerprint(each)), isLast, this.letGo.noted());
  }

  /**
   * Hands nothing over for a while, neither this message nor those that came with it: if the process ends or stands still meanwhile, something else is the reason. Waits for
   * as long as the message may have been in the flow and, within limits, until as late after the start of the process as its trial would have lasted.
   */
  private async tryWithout(print: string): Promise<void> {
    await this.marks.keepBack(print);
    this.triedAt = performance.now();
    const asLate = Math.min(Math.max(RECENT, this.usual * LONGEST), this.suspects.untilOf(print)) - (performance.now() - this.startedAt);
    const ms = Math.max(this.lengthFor(print), asLate);
    const what = `A message seems to have ${this.suspects.deedOf(print)} ${this.suspects.timesOf(print)} times`;
    this.options.warn(`${what}: nothing is handed over for ${Math.ceil(ms / 1_000)} s, to see whether that happens without it, too`);
    await this.waits.sleep(ms);
    if (!this.ended) await this.marks.judge(print, this.hasStoodStill);
  }

  /** Hands the messages over. Resolves when all are settled or lost, or after `ms`. Those that are still in the flow then are let go. */
  private async watch(tried: T[], ms: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.trialOver = resolve;
      this.triedAt = performance.now();
      timer = setTimeout(() => (this.hasStoodStill ? (timer = whenOver(LEARNS_WITHIN, resolve)) : resolve()), ms);
      for (const taken of tried) this.onTrial.add(taken);
      for (const taken of tried) this.hand(taken);
    });
    clearTimeout(timer);
    for (const taken of this.onTrial) this.letGo.add(taken, this.options.fingerprint(taken), this.triedAt);
    this.onTrial.clear();
  }

  private hand(taken: T): void {
    try {
      this.options.hand(taken);
    } catch (error) {
      this.options.warn(errorText(error));
      this.options.giveBack(taken);
      this.acquit(taken);
    }
  }

  private condemn(taken: T, print: string): void {
    this.marks.bury(print, false);
    this.condemned.add(taken);
    const times = this.suspects.timesOf(print);
    const error = new ConnectorError("POISON", `The message has ${this.suspects.deedOf(print)} ${times} times and is not taken again`);
    this.options.warn(`${error.toString()}: it is a dead letter`); // a user who wants to know why Node-RED has ended reads the log
    this.options.deadLetter(taken, error, times);
  }

  private exits(delivery: Delivery): void {
    const taken = this.options.takenOf?.(delivery);
    this.marks.exits(taken && this.options.fingerprint(taken));
  }

  /**
   * Whether a message is a suspect. This is decided when it arrives: however slow the flow is, every message that came with those that were in hand is tried, and none
   * that came later.
   */
  private isSuspect(taken: T): boolean {
    const now = performance.now();
    this.firstAt ??= now;
    this.alert &&= now - this.firstAt < (this.options.recent ?? RECENT);
    if (this.alert && this.options.suspects(taken)) return true;
    return this.suspects.hasSeen && this.suspects.isGuilty(this.options.fingerprint(taken));
  }

  /** Length in ms of the trial of a message of which nothing is known. */
  private get usual(): number {
    return this.options.trial ?? TRIAL;
  }

  /** Returns for how many ms a message is tried or kept back. */
  private lengthFor(print: string): number {
    return Math.min(this.usual * LONGEST, Math.max(this.usual, MARGIN * this.suspects.lateOf(print)));
  }
}
