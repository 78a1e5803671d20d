import type { BayeuxMessage } from "./bayeux";

/** How long a server holds a poll that has not said so (wire: 110 s), in ms. */
const HELD = 110_000;

/** No poll is waited for longer, whatever the server says. */
const MAX_HELD = 600_000;

/** Longest time waited between two polls, in ms: after 40 s the server forgets the session. */
export const MAX_INTERVAL = 30_000;

/**
 * Polls that may come back empty at once in a row before they are spaced, and by how much, in ms: a server that does not hold them must not be hammered.
 * At once is within `within`, or half of the time the server said.
 */
const QUICK = { within: 100, inRow: 5, pause: 1_000 };

/**
 * How long the next poll waits for a listener that is behind, in ms: less where others wait with it, and never so long that the server forgets the
 * session, which it does after 40 s.
 */
const HOLD_OFF = { shared: 500, alone: 20_000 };

/** When a session polls again, and how long an answer may take: as the server advises, and slower where it does not hold polls. */
export class PollPace {
  private held = HELD;
  private interval = 0;
  private quickPolls = 0;

  /** How long the server holds a poll at most, in ms. */
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

  /** ms until the next poll while a listener is behind. @param channels of the session */
  holdOff(channels: number): number {
    return channels > 1 ? HOLD_OFF.shared : HOLD_OFF.alone;
  }

  /** A poll has its answer. @param took in ms @param idle nothing came with it, and it was there for nothing else */
  answered(took: number, idle: boolean): void {
    this.quickPolls = idle && took < Math.min(QUICK.within, this.held / 2) ? this.quickPolls + 1 : 0;
  }

  /** Advice holds until other advice comes. What it says that is not known is `retry`. */
  heed(messages: BayeuxMessage[]): void {
    const advice = messages.find(({ channel }) => channel === "/meta/connect")?.advice;
    if (Number(advice?.timeout) > 0) this.held = Math.min(Number(advice?.timeout), MAX_HELD);
    if (Number(advice?.interval) >= 0) this.interval = Math.min(Number(advice?.interval), MAX_INTERVAL);
  }
}
