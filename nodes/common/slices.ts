/** ms. With what one piece of work takes on top, a slice stays well under 20 ms. */
const SLICE = 5;

/** Those who wait for their next slice, in order. One goes on in each turn of the event loop, so that many together take no longer turns than one. */
const line: (() => void)[] = [];

/** Long work on the thread that everything shares, cut into slices of 5 ms: between them the event loop has its turn. */
export class Slices {
  private end = performance.now() + SLICE;

  /** Whether the present slice is used up: {@link next} is to be awaited. */
  get over(): boolean {
    return performance.now() >= this.end;
  }

  /** Resolves when the next slice begins. */
  next(): Promise<void> {
    return new Promise((resolve) => {
      line.push(() => {
        this.end = performance.now() + SLICE;
        resolve();
      });
      if (line.length === 1) setImmediate(turn);
    });
  }
}

function turn(): void {
  line.shift()?.();
  if (line.length > 0) setImmediate(turn);
}

/** Runs work that can be cut where it yields, in one go. */
export function inOneGo<R>(work: Generator<void, R>): R {
  for (;;) {
    const step = work.next();
    if (step.done) return step.value;
  }
}

/** Runs work that can be cut where it yields, in {@link Slices}. */
export async function inSlices<R>(work: Generator<void, R>): Promise<R> {
  const slices = new Slices();
  await slices.next(); // others may be at work
  for (;;) {
    const step = work.next();
    if (step.done) return step.value;
    if (slices.over) await slices.next();
  }
}
