/** Messages that are still in the flow after their trial, of all sources of this process. */
const all = new Set<unknown>();

/** The messages of one source that were let go: their trial is over, but they are still in the flow, so that they may yet end the process. See `PoisonWatch`. */
export class LetGo<T> {
  private readonly there = new Map<T, { print: string; since: number }>();
  private renewal: NodeJS.Timeout | undefined;

  /**
   * @param every ms between two calls of `renew`
   * @param longest ms in the flow after which a message is no longer suspected
   * @param renew called with {@link noted} as long as there are such messages, and once more when there are none
   */
  constructor(
    private readonly every: number,
    private readonly longest: number,
    private readonly renew: (noted: Record<string, number>) => void,
  ) {}

  /** Whether any source of this process has such messages. */
  static get any(): boolean {
    return all.size > 0;
  }

  /**
   * Adds a message.
   *
   * @param print its fingerprint, by which it is recognised when it comes again
   * @param since when it was handed over, by `performance.now()`
   */
  add(taken: T, print: string, since: number): void {
    this.there.set(taken, { print, since });
    all.add(taken);
    this.renewal ??= setInterval(() => this.look(), this.every).unref();
  }

  has(taken: T): boolean {
    return this.there.has(taken);
  }

  /** Removes a message. @returns whether it was there */
  delete(taken: T): boolean {
    all.delete(taken);
    return this.there.delete(taken);
  }

  /**
   * Returns the messages that are still suspected, by fingerprint, each with the most ms that it will have been in the flow when `renew` is called next.
   *
   * @param which selects messages. Default: all
   */
  noted(which: (taken: T) => boolean = () => true): Record<string, number> {
    const now = performance.now();
    const young = [...this.there].filter(([taken, { since }]) => now - since < this.longest && which(taken));
    return Object.fromEntries(young.map(([, { print, since }]) => [print, Math.ceil(now - since + this.every)]));
  }

  /** Removes the messages that `which` selects. */
  drop(which: (taken: T) => boolean): void {
    for (const taken of this.there.keys()) if (which(taken)) this.delete(taken);
  }

  /** Removes all messages and stops calling `renew`. */
  end(): void {
    clearInterval(this.renewal);
    this.drop(() => true);
  }

  private look(): void {
    const noted = this.noted();
    this.renew(noted);
    if (Object.keys(noted).length > 0) return;
    clearInterval(this.renewal);
    this.renewal = undefined;
  }
}
