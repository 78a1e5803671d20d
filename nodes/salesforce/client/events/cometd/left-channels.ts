import { keyOf } from "./bayeux";

/** An answer to a poll with fewer events than this was not cut short, so no more events wait on the server. */
const FLUSHED = 50;

/** A channel that was unsubscribed. */
interface Left {
  name: string;
  /** Whether the server has answered the unsubscribe. */
  isGone: boolean;
  /** Whether events have come since. If so, it is unsubscribed once more. */
  isBack: boolean;
}

/** The channels of a session that were unsubscribed, and of which events may still be on their way. */
export class LeftChannels {
  private readonly byKey = new Map<string, Left>();

  has(key: string): boolean {
    return this.byKey.has(key);
  }

  /** Adds a channel that is about to be unsubscribed. @returns function to be called when the server has answered that */
  add(key: string, name: string): () => void {
    const left: Left = { name, isGone: false, isBack: false };
    this.byKey.set(key, left);
    return () => void (left.isGone = true);
  }

  /** Events of a channel have come. */
  came(key: string): void {
    const left = this.byKey.get(key);
    if (left) left.isBack = true;
  }

  /** A poll begins. @returns `back`: the channels to unsubscribe once more; `answered`: to be called with the number of events in the answer */
  poll(): { back: string[]; answered: (events: number) => void } {
    const gone = [...this.byKey.values()].filter(({ isGone }) => isGone);
    const back = gone.filter(({ isBack }) => isBack).map(({ name }) => name);
    for (const one of gone) one.isBack = false;
    const answered = (events: number): void => {
      if (events >= FLUSHED) return;
      for (const { name, isBack } of gone) if (!isBack) this.byKey.delete(keyOf(name));
    };
    return { back, answered };
  }

  /** Forgets all, as their session has ended. */
  clear(): void {
    this.byKey.clear();
  }
}
