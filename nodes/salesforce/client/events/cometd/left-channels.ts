import { keyOf } from "./bayeux";

/** An answer to a poll with fewer events than that was not cut short: no more events wait on the server. */
const FLUSHED = 50;

/** A channel that was unsubscribed. */
interface Left {
  name: string;
  /** Whether the server has said so. */
  isGone: boolean;
  /** Whether events have come since: then it is unsubscribed once more. */
  isBack: boolean;
}

/** The channels of a session that were unsubscribed, of which events may still be on their way. */
export class LeftChannels {
  private readonly byKey = new Map<string, Left>();

  has(key: string): boolean {
    return this.byKey.has(key);
  }

  /** It is about to be unsubscribed. @returns called when the server has said so */
  add(key: string, name: string): () => void {
    const left: Left = { name, isGone: false, isBack: false };
    this.byKey.set(key, left);
    return () => void (left.isGone = true);
  }

  /** An event of a channel has come. */
  came(key: string): void {
    const left = this.byKey.get(key);
    if (left) left.isBack = true;
  }

  /** A poll begins. @returns the channels to unsubscribe once more, and what is told how many events the answer had */
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

  /** They were of a session that is gone. */
  clear(): void {
    this.byKey.clear();
  }
}
