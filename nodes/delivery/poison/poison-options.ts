import type { ConnectorError } from "../../common/errors";
import type { Delivery } from "../delivery";
import type { PoisonMarksOptions } from "./poison-marks";

/** Length of a trial, in ms. A message that has not ended the process by then is let go, because a flow may keep a message for long, as a Join does. */
export const TRIAL = 10_000;
/**
 * How many times the usual length a trial may take: it is longer for a message that was in the flow for longer than a trial when the process ended. A message that is in
 * the flow for longer than this is not suspected.
 */
export const LONGEST = 12;
/**
 * For how many ms from the first message on redelivered messages are suspected. Those that were in hand when the process ended come first, as soon as there is a consumer
 * again; later redeliveries have other reasons.
 */
export const RECENT = 60_000;

/** What a `PoisonWatch` needs to know of a source's messages. */
export interface PoisonSubject<T> {
  /** Returns a text by which the message is recognised when it comes again. */
  fingerprint(taken: T): string;
  /** Whether a message that comes soon after the start may have been in hand when the process ended. */
  suspects(taken: T): boolean;
  /** Whether the source may still hand the message over. */
  isOpen(taken: T): boolean;
  /** Gives a message back that could not be handed over, because of an error in our own code or because it waited too long. */
  giveBack(taken: T): void;
}

/** The options of a `PoisonWatch`. */
export interface PoisonWatchOptions<T> extends PoisonSubject<T>, PoisonMarksOptions {
  /** For how many ms from the first message on messages are suspected. Default {@link RECENT}. */
  recent?: number;
  /** Length in ms of the trial of a message of which nothing is known. Default {@link TRIAL}. */
  trial?: number | undefined;
  /** Returns the message of a delivery, if the delivery belongs to the source. */
  takenOf?(delivery: Delivery): T | undefined;
  /** Hands a message to the flow. */
  hand(taken: T): void;
  /** Dead-letters a message without handing it to the flow. @param times how often it has ended the process */
  deadLetter(taken: T, error: ConnectorError, times: number): void;
  /** Called when messages begin to wait for the trials of others. @param reason why they wait; `undefined` when none waits any more */
  onSearch?(reason: string | undefined): void;
  /**
   * Returns the end, by `performance.now()`, of a recent standstill of this process that was so long that the source may have lost its connection; `undefined` if there
   * was none. Default: there never was one.
   */
  stoodStillUntil?(): number | undefined;
}
