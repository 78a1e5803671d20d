import type { BayeuxMessage } from "./bayeux";

/** How many ms a server is expected to hold a poll before it has told its own number. (Salesforce says 110 s.) */
const HELD = 110_000;

/** Longest hold of a poll that is believed, in ms, whatever the server says. */
const MAX_HELD = 600_000;

/** Longest wait between two polls, in ms. After 40 s without a poll, the server forgets the session. */
export const MAX_INTERVAL = 30_000;

/**
 * After more than `inRow` polls in a row that come back empty at once, polls pause `pause` ms, so as not to hammer a server that does not hold them.
 * "At once" means within `within` ms, and within half of the time that the server says it holds a poll.
 */
const QUICK = { within: 100, inRow: 5, pause: 1_000 };

/**
 * How many ms the next poll waits for a listener that is behind: less when other channels share the session. Below the 40 s after which the server forgets
 * the session.
 */
const HOLD_OFF = { shared: 500, alone: 20_000 };

/** Says when a session polls again, and how long an answer may take: as the server advises, but slower where the server does not hold polls. */
export class PollPace {
  private held = HELD;
  private interval = 0;
  private quickPolls = 0;

  /** How many ms the server holds a poll at most. */
  get longest(): number {
    return this.held;
  }

  /** ms between two polls, as the server advises. */
  get advised(): number {
    return this.interval;
  }

  /** ms until the next poll. */
  get pause(): number {
    return this.quickPolls > QUICK.inRow ? Math.max(QUICK.pause, this.interval) : this.interval;
  }

  /** ms until the next poll while a listener is behind. @param channels how many channels the session has */
  holdOff(channels: number): number {
    return channels > 1 ? HOLD_OFF.shared : HOLD_OFF.alone;
  }

  /** A poll was answered. @param took how many ms that took @param idle whether it brought no events and did nothing but poll */
  answered(took: number, idle: boolean): void {
    this.quickPolls = idle && took < Math.min(QUICK.within, this.held / 2) ? this.quickPolls + 1 : 0;
  }

  /** Follows the server's advice, which holds until other advice comes. An unknown `reconnect` counts as `retry`. */
  heed(messages: BayeuxMessage[]): void {
    const advice = messages.find(({ channel }) => channel === "/meta/connect")?.advice;
    if (Number(advice?.timeout) > 0) this.held = Math.min(Number(advice?.timeout), MAX_HELD);
    if (Number(advice?.interval) >= 0) this.interval = Math.min(Number(advice?.interval), MAX_INTERVAL);
  }
}
