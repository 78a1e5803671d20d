import type { ConnectorError } from "../common/errors";
import type { Delivery } from "./delivery";
import type { PoisonMarksOptions } from "./poison-marks";

/** ms. Who has not ended the process by then is let go: a flow may keep a message for long, a Join for its group. */
export const TRIAL = 10_000;
/** So many trials long is at most that of one which was in the flow for longer than one as the process ended. Who is there for longer than that is not suspected. */
export const LONGEST = 12;
/** ms. What was in hand comes first, as soon as there is a consumer again; what is redelivered later has another reason. */
export const RECENT = 60_000;

/** What a `PoisonWatch` asks of a message as its source knows it. */
export interface PoisonSubject<T> {
  /** What it is known by when it comes again. */
  fingerprint(taken: T): string;
  /** Whether it may have been in hand when the process ended, of those that come soon after its start. */
  suspects(taken: T): boolean;
  /** Whether it is still the source's to hand over. */
  isOpen(taken: T): boolean;
  /** It could not be handed over, by a fault on our side or in time. */
  giveBack(taken: T): void;
}

/** What a `PoisonWatch` needs. */
export interface PoisonWatchOptions<T> extends PoisonSubject<T>, PoisonMarksOptions {
  /** ms from the first message on in which suspects come. Default {@link RECENT}. */
  recent?: number;
  /** ms that a trial takes at most, of one of which nothing is known. Default {@link TRIAL}. */
  trial?: number | undefined;
  /** What the source took, if the delivery is one of its. */
  takenOf?(delivery: Delivery): T | undefined;
  /** Hands a message to the flow. */
  hand(taken: T): void;
  /** Dead-letters a message that never reaches the flow. @param times how often it has ended the process */
  deadLetter(taken: T, error: ConnectorError, times: number): void;
  /** While messages wait for the trials of others: why. `undefined` when none waits any more. */
  onSearch?(reason: string | undefined): void;
  /** Until when, by `performance.now()`, this process has just stood still for so long that it may have lost what messages come by. Default: never. */
  stoodStillUntil?(): number | undefined;
}
