import type { Reply } from "../http";

/** One request, answered now or later. */
export interface Exchange {
  answer(reply: Reply): void;
  /** Cuts the connection instead of an answer. */
  cut(): void;
  /** The client has gone before it was answered. */
  onGone(listener: () => void): void;
}
