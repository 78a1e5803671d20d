/** Length of a slice in ms. With the one piece of work that may still exceed it, it stays well under 20 ms. */
const SLICE = 5;

/** Who waits for the next slice, in order. One of them goes on in each turn of the event loop, so a turn takes no longer however many they are. */
const line: (() => void)[] = [];

/** Cuts long work into slices of 5 ms, between which the event loop gets to run everything else. */
export class Slices {
  private end = performance.now() + SLICE;

  /** Whether this slice is used up, and {@link next} must be awaited. */
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

/** Runs a generator to its end without a break. @returns what it returns */
export function inOneGo<R>(work: Generator<void, R>): R {
  for (;;) {
    const step = work.next();
    if (step.done) return step.value;
  }
}

/** Runs a generator in {@link Slices}: it may be interrupted wherever it yields. @returns what it returns */
export async function inSlices<R>(work: Generator<void, R>): Promise<R> {
  const slices = new Slices();
  await slices.next(); // other work may be waiting for its slice
  for (;;) {
    const step = work.next();
    if (step.done) return step.value;
    if (slices.over) await slices.next();
  }
}
