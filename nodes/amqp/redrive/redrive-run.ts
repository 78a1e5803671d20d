import { randomUUID } from "node:crypto";
import type { ConsumeMessage } from "amqplib";
import { systemClock, type Clock } from "../../common/clock";
import { ConnectorError, goingOn, toConnectorError } from "../../common/errors";
import type { Format } from "../../format/format";
import type { BrokerLink } from "../client/broker";
import { blockedFor } from "../client/publishing/publish-faults";
import { Publisher, type Outgoing } from "../client/publishing/publisher";
import { parkingCopy, redriveCopy, type Target } from "./copies";
import { readDeadLetter, wasPutBack, type DeadLetter } from "./dead-letter";
import { Destinations } from "./destinations";
import { HeldLetters } from "./held-letters";
import { LetterBox } from "./letter-box";
import { Preview, readPayload, viewOf, type LetterMessage, type LetterView } from "./letter-message";
import { Pace } from "./pace";
import { Tally, type RedriveReport } from "./report";

/** Settings of an `amqp redrive`, normalised. */
export interface RedriveSettings {
  /** The dead-letter queue. */
  queue: string;
  /** How many dead letters are moved per second at most; `undefined` for no limit. */
  rate: number | undefined;
  /** How often a message may be put back before it goes to the parking queue instead; 0 for no limit. */
  maxRedrives: number;
  parkingQueue: string;
  format: Format;
}

/** What one run is to do. */
export interface RedriveOrder {
  /** How many dead letters to move or show; those that the filter leaves out do not count. `undefined` for all. */
  limit: number | undefined;
  /** Only look at dead letters, and move none. */
  dryRun: boolean;
  target: Target;
}

/** What a run needs. */
export interface RedriveRunOptions {
  link: BrokerLink;
  settings: RedriveSettings;
  order: RedriveOrder;
  /** Tells whether a dead letter is to be moved or shown: yes if the result is truthy. Default: all are. */
  filter?(view: LetterView): unknown;
  /** Called in a dry run with a message for each dead letter. Default: none are made. */
  show?(message: LetterMessage): void;
  /** `done` of `of` dead letters have been moved, or, in a dry run, looked at. */
  onProgress?(done: number, of: number): void;
  /** Warns the user, once for each text. */
  warn(text: string): void;
  /** Default: the machine's. */
  clock?: Clock;
  /** With so many dead letters held, which are to stay in the queue, the run ends. Default 10000. */
  mostHeld?: number;
}

/** How many published messages may be unconfirmed. */
const WINDOW = 100;
/** How many messages the consumer may have at most. Twice the window, so that there is still room for a full window when some are held. */
const AHEAD = 2 * WINDOW;
/** Default of {@link RedriveRunOptions.mostHeld}. */
const MOST_HELD = 10_000;
/** ms to wait for a connection that is being made. */
const PATIENCE = 10_000;
/** ms that a run which must end waits for confirms of what is published already. */
const DRAIN = 8_000;

/**
 * One run that puts dead letters back. Each that was there at the start is handled at most once: a copy is published, and when that is confirmed, the dead letter is
 * acknowledged. Others are held unacknowledged until the end, so that they do not come again, and are then given back to the queue: those that cannot go back,
 * those that the filter leaves out, and those that were put back during the run and have failed again.
 */
export class RedriveRun {
  private readonly tally = new Tally();
  private readonly box: LetterBox;
  private readonly held: HeldLetters;
  private readonly publisher: Publisher;
  private readonly destinations: Destinations;
  private readonly clock: Clock;
  private readonly pace: Pace;
  private readonly preview: Preview | undefined;
  private readonly ending = new AbortController();
  /** When the run began, in ms since 1970. */
  private began = 0;
  private failure: ConnectorError | undefined;
  private publishing = 0;
  private wake: (() => void) | undefined;
  private drain: NodeJS.Timeout | undefined;
  private closing: Promise<unknown> | undefined;

  constructor(private readonly options: RedriveRunOptions) {
    const { link, settings, order, show, clock = systemClock, mostHeld = MOST_HELD, warn } = options;
    this.clock = clock;
    this.pace = new Pace(order.dryRun ? undefined : settings.rate, clock);
    this.box = new LetterBox({ connection: link.consume, queue: settings.queue, ahead: aheadOf(options), onLost: (error) => this.fail(error) });
    this.held = new HeldLetters({ box: this.box, queue: settings.queue, most: mostHeld, clock, warn });
    this.publisher = new Publisher({ connection: link.publish, window: WINDOW });
    this.destinations = new Destinations(link.publish, warn);
    if (show && order.dryRun) this.preview = new Preview(randomUUID(), show);
  }

  /**
   * Runs to the end. No message is lost when it ends early, but one that was published and could not be acknowledged any more is there twice.
   *
   * @throws ConnectorError when the run had to end early; its `details` are the report so far
   */
  async run(): Promise<RedriveReport> {
    this.began = this.clock.now();
    const start = this.clock.ticks();
    await this.attempt(() => this.work());
    while (this.publishing > 0) await this.change();
    await this.attempt(() => this.preview?.end());
    await this.close();
    clearTimeout(this.drain);
    const report = this.tally.report(this.options.order.dryRun, this.clock.ticks() - start);
    if (this.failure) throw withReport(this.failure, report, this.tally.depth);
    return report;
  }

  /** Ends the run: waits up to {@link DRAIN} ms for confirms of what is published, and gives the rest back. {@link run} rejects with FLOW_STOPPED. */
  stop(): void {
    this.fail(new ConnectorError("FLOW_STOPPED", "The flow was stopped in the middle of it"));
  }

  private async attempt(step: () => unknown): Promise<void> {
    try {
      await step();
    } catch (error) {
      this.fail(toConnectorError(error));
    }
  }

  private async work(): Promise<void> {
    const { order } = this.options;
    this.tally.depth = await this.unlessEnding(this.box.open(PATIENCE));
    if (!order.dryRun) await this.prepare(order.target);
    this.progress(0);
    const { limit = Infinity } = order;
    let tried = 0;
    for (let taken = 0; taken < this.tally.depth && tried < limit && (await this.mayTake()); ) {
      const message = await this.box.take();
      if (!message) {
        if (!this.failure) this.tally.depth = taken; // others have taken the rest
        return;
      }
      const letter = readDeadLetter(message, this.clock.now());
      if (!order.dryRun && wasPutBack(letter, this.began, this.now())) {
        this.held.add(message); // it has failed again; it can come before others in a queue with priorities, or one with other consumers
        continue;
      }
      taken += 1;
      if (await this.handle(message, letter)) tried += 1;
    }
  }

  /** Checks what concerns all dead letters alike, so that a missing exchange, say, is not counted as a failure of each. */
  private async prepare(target: Target): Promise<void> {
    const { state } = this.options.link.publish;
    if (state.kind === "blocked") throw blockedFor(state.reason);
    await this.unlessEnding(this.publisher.ready(PATIENCE));
    const problem = target.kind === "given" ? await this.destinations.problemOfExchange(target.exchange) : undefined;
    if (problem) throw problem;
  }

  /** Waits until another dead letter may be taken. @returns whether the run goes on */
  private async mayTake(): Promise<boolean> {
    while (this.publishing >= WINDOW && !this.ending.signal.aborted) await this.change();
    const { tooMuch } = this.held;
    if (tooMuch !== undefined) this.tally.because(`The run has held ${tooMuch}, and ended before it had seen all`);
    return tooMuch === undefined && !this.ending.signal.aborted;
  }

  /** Moves, shows or skips a dead letter. @returns whether it counts towards the limit: not if it is skipped */
  private async handle(message: ConsumeMessage, letter: DeadLetter): Promise<boolean> {
    const { filter, settings, order } = this.options;
    const payload = filter || this.preview ? readPayload(message, settings.format) : undefined;
    if (filter && !(await this.passes(filter, viewOf(message, letter, payload)))) {
      this.tally.skipped += 1;
      this.held.add(message);
      return false;
    }
    if (order.dryRun) {
      this.tally.found += 1;
      this.held.add(message);
      this.preview?.add(message, letter, payload);
      this.progress(this.tally.found);
    } else {
      await this.move(message, letter);
    }
    return true;
  }

  private async passes(filter: (view: LetterView) => unknown, view: LetterView): Promise<boolean> {
    try {
      return Boolean(await filter(view));
    } catch (error) {
      this.tally.because(error);
      return false;
    }
  }

  private async move(message: ConsumeMessage, letter: DeadLetter): Promise<void> {
    const { maxRedrives, parkingQueue } = this.options.settings;
    const park = maxRedrives > 0 && letter.redriven >= maxRedrives;
    let copy: Outgoing;
    try {
      copy = park ? parkingCopy(message, letter, parkingQueue) : redriveCopy(message, letter, this.options.order.target, new Date(this.now()).toISOString());
    } catch (error) {
      return this.stays(message, toConnectorError(error));
    }
    const problem = park ? await this.destinations.problemOfParkingQueue(parkingQueue) : await this.destinations.problemOfExchange(copy.exchange);
    if (problem) return this.stays(message, problem);
    await this.pace.turn(this.ending.signal);
    if (this.failure) return; // it is given back with the rest
    void this.publish(message, copy, park ? "parked" : "moved");
  }

  /** The time, in ms since 1970. Never before the run began, even if the clock is set back. */
  private now(): number {
    return Math.max(this.began, this.clock.now());
  }

  private async publish(message: ConsumeMessage, copy: Outgoing, outcome: "moved" | "parked"): Promise<void> {
    this.publishing += 1;
    try {
      await this.publisher.publish(copy);
      if (this.box.ack(message)) this.tally[outcome] += 1;
      this.progress(this.tally.moved + this.tally.parked);
    } catch (thrown) {
      const error = toConnectorError(thrown);
      if (error.scope === "system") this.fail(error);
      else this.stays(message, error);
    } finally {
      this.publishing -= 1;
      this.wake?.();
    }
  }

  private stays(message: ConsumeMessage, error: ConnectorError): void {
    this.tally.failed += 1;
    this.tally.because(error);
    this.held.add(message);
  }

  private progress(done: number): void {
    this.options.onProgress?.(done, Math.min(this.tally.depth, this.options.order.limit ?? Infinity));
  }

  /** The run cannot go on. Only the first reason is kept. */
  private fail(error: ConnectorError): void {
    if (this.failure) return;
    this.failure = error;
    this.ending.abort();
    this.box.interrupt();
    this.drain = setTimeout(() => void this.close(), DRAIN);
    this.wake?.();
  }

  /** Waits for `step`. @returns what it resolves with @throws the reason why the run must end, when that comes first */
  private async unlessEnding<T>(step: Promise<T>): Promise<T> {
    const { signal } = this.ending;
    if (this.failure) throw this.failure;
    const ended = new Promise<never>((_resolve, reject) => signal.addEventListener("abort", () => reject(this.failure as ConnectorError), { once: true }));
    return Promise.race([step, ended]);
  }

  /** Resolves when something published is confirmed or fails, or the run must end. */
  private change(): Promise<void> {
    return new Promise((resolve) => (this.wake = resolve));
  }

  /** Gives back all dead letters that are not acknowledged; publishing of unconfirmed copies fails. */
  private async close(): Promise<void> {
    await (this.closing ??= Promise.all([this.box.close(), this.publisher.close()]));
  }
}

/** How many messages the consumer may have: as far as is known, no more than will be needed within a second. */
function aheadOf({ settings, order, filter }: RedriveRunOptions): number {
  const rate = order.dryRun || settings.rate === undefined ? AHEAD : Math.ceil(settings.rate);
  const limit = filter ? AHEAD : (order.limit ?? AHEAD);
  return Math.max(1, Math.min(AHEAD, rate, limit));
}

/** The error of a run that ended early, with its report. @param depth how many dead letters there were; 0 when that is not known yet */
function withReport({ code, message, scope, retryable, cause }: ConnectorError, report: RedriveReport, depth: number): ConnectorError {
  const text = depth > 0 ? goingOn(message, `${report.moved + report.parked} of ${depth} dead letters were moved, ${report.left} are left`) : message;
  return new ConnectorError(code, text, { scope, retryable, cause, details: { ...report } });
}
