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

/** How many suspects are tried together at first, since each trial costs a write to the disk. */
const GROUP = 20;
/** ms. A process that stood still learns afterwards that it has lost its connection: only then, as its flow may have finished in the same turn. */
const LEARNS_WITHIN = 1_000;
/** A trial takes so much longer than the one on trial was in the flow as the process ended: it may do so earlier or later the next time. */
const MARGIN = 1.5;

/** One trial at a time in this process: with two, an innocent message of one source would be marked for the other's. */
const trials = new InTurn();

/**
 * Finds the message that ends the process each time it is taken, and puts it among the dead letters.
 *
 * No system that messages are taken from can tell: before RabbitMQ 4.3 each requeue raises the delivery count, so each redeploy does, and others
 * count nothing. So we keep marks of our own. In ordinary times there is but one: that the source runs. When a source finds it set as it starts,
 * the process has ended without closing it, and one of the messages that come again may be why. Those are handed over in small groups, each marked
 * on disk before; when the process ends again, the marked ones are tried one by one the next time. One that ended the process while it was alone
 * is poison, unless something else ends it: so it is kept back at last, for as long as it was in hand, to see whether the process ends without it, too.
 * In the same way it finds the one that keeps the process from all else until its connection is lost: never answered, it would come again without end.
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
  /** Trials without what is tried. */
  private readonly waits = new Sleepers();
  /** While there is a pause: resolves when it is over. */
  private pausing: Promise<void> | undefined;
  private pauseOver: (() => void) | undefined;

  constructor(private readonly options: PoisonWatchOptions<T>) {
    this.marks = new PoisonMarks(options);
    this.suspects = this.marks.suspects;
    this.letGo = new LetGo(this.usual / 2, this.usual * LONGEST, (noted) => this.marks.renew(noted));
  }

  /** Looks at the marks, unless that is done, and leaves one. To be awaited before the first message is taken. @throws ConnectorError when their store is away: then nobody is known to have looked, and this is to be called again */
  begin(): Promise<void> {
    this.begun ??= this.look().catch((error: unknown) => {
      this.begun = undefined;
      throw error;
    });
    return this.begun;
  }

  /** Takes a message that has arrived: hands it over, or puts it in line if it is a suspect or a trial is running. */
  take(taken: T): void {
    const suspect = (this.alert || this.suspects.hasSeen) && this.isSuspect(taken);
    if (!suspect && !this.trying) return this.options.hand(taken);
    if (this.ended) return; // it comes again
    this.line.push({ taken, suspect }); // behind those on trial, so that order is kept
    if (!this.trying) void this.work();
  }

  /** A message was settled: it has not ended the process; or it is safe among the dead letters. */
  settled(taken: T): void {
    if (this.condemned.delete(taken)) this.marks.bury(this.options.fingerprint(taken), true);
    else if (!this.onTrial.has(taken) && !this.letGo.has(taken)) this.forgive(taken);
    else if (this.hasStoodStill) whenOver(LEARNS_WITHIN, () => this.acquit(taken));
    else this.acquit(taken);
  }

  /** Some messages are open no more: what they came by is gone. If this process has just stood still, maybe over one of those in hand. */
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
      this.waits.wake(); // nobody was in hand: it was something else
    }
    this.letGo.drop(isGone);
    for (const taken of gone) this.acquit(taken);
  }

  /** Hands nothing over until {@link resume} of what waits behind a trial. */
  pause(): void {
    this.pausing ??= new Promise((resolve) => (this.pauseOver = resolve));
  }

  /** Continues to hand over after {@link pause}. */
  resume(): void {
    this.pausing = undefined;
    this.pauseOver?.();
  }

  /** Gives the messages back that wait behind a trial. */
  giveBack(): void {
    for (const { taken } of this.line.splice(0)) this.options.giveBack(taken);
  }

  /** The source takes no more; what waits in line comes again. */
  stop(): void {
    this.ended = true;
    this.line = [];
    this.onTrial.clear();
    this.letGo.end();
    this.trialOver?.();
    this.waits.end();
    this.resume();
  }

  /** The source has closed in good order: after {@link stop}, and after its messages were given back. */
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

  /** Takes a message off trial, and off the messages that were let go. */
  private acquit(taken: T): void {
    if (this.letGo.delete(taken)) this.suspects.forget(this.options.fingerprint(taken));
    if (this.onTrial.delete(taken) && this.onTrial.size === 0) this.trialOver?.();
  }

  /** Whatever it was seen to do before, it has not done it this time. */
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
   * Takes from the line what is tried together; hands over what is no suspect, and dead-letters what is poison. Nothing during a pause.
   * Stops at one that is to be kept back.
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
    const tried = taken.filter((each) => isOpen(each)); // the channel may have gone meanwhile
    if (tried.length > 0 && !this.ended) await this.watch(tried, ms);
    if (this.ended) return;
    const isLast = this.pausing !== undefined || !this.line.some(({ suspect }) => suspect); // else the next group's mark says it
    const innocent = tried.filter((each) => !this.guilty.has(each));
    this.guilty.clear();
    await this.marks.clear(innocent.map((each) => fingerprint(each)), isLast, this.letGo.noted());
  }

  /**
   * Nothing is handed over, neither this one nor what came with it: if the process ends or stands still now, something else is why. As long as it may have been
   * in hand, and, within reason, as late after the start.
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

  /** Hands them over. Resolves when they are settled or lost, or have had their time, `ms`: who is in the flow still is let go. */
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
    this.options.deadLetter(taken, new ConnectorError("POISON", `The message has ${this.suspects.deedOf(print)} ${times} times and is not taken again`), times);
  }

  private exits(delivery: Delivery): void {
    const taken = this.options.takenOf?.(delivery);
    this.marks.exits(taken && this.options.fingerprint(taken));
  }

  /** Decided as a message comes: nobody is tried who came after those that were in hand, and everybody who came with them, however slow the flow. */
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
