/** What is in the flow though its trial is over, of all sources of this process. */
const all = new Set<unknown>();

/** What a source has in the flow though its trial is over: it may yet end the process. */
export class LetGo<T> {
  private readonly there = new Map<T, { print: string; since: number }>();
  private renewal: NodeJS.Timeout | undefined;

  /**
   * @param every ms after which those that are left are told to `renew`, again and again
   * @param longest ms after which one is suspected no more
   */
  constructor(
    private readonly every: number,
    private readonly longest: number,
    private readonly renew: (noted: Record<string, number>) => void,
  ) {}

  /** Whether there are any, of any source. */
  static get any(): boolean {
    return all.size > 0;
  }

  /**
   * @param print what it is known by when it comes again
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

  /** @returns whether it was one of them */
  delete(taken: T): boolean {
    all.delete(taken);
    return this.there.delete(taken);
  }

  /** Those that are suspected, by what they are known by: ms that they are in the flow at most when they are told next. @param which default: all */
  noted(which: (taken: T) => boolean = () => true): Record<string, number> {
    const now = performance.now();
    const young = [...this.there].filter(([taken, { since }]) => now - since < this.longest && which(taken));
    return Object.fromEntries(young.map(([, { print, since }]) => [print, Math.ceil(now - since + this.every)]));
  }

  /** Forgets those that it is told. */
  drop(which: (taken: T) => boolean): void {
    for (const taken of this.there.keys()) if (which(taken)) this.delete(taken);
  }

  /** Tells no more. */
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
