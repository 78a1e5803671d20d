import type { Reply } from "../http";

/** An HTTP request that is answered now or later. */
export interface Exchange {
  answer(reply: Reply): void;
  /** Breaks the connection instead of answering. */
  cut(): void;
  /** Calls `listener` if the client has gone before it was answered. */
  onGone(listener: () => void): void;
}
