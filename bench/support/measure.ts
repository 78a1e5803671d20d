import { loadavg } from "node:os";
import { stopAll } from "../../test/services/service";

/** Runs a benchmark, then stops the servers that it started. */
export function runBenchmark(main: () => Promise<void>): void {
  void main()
    .catch((error: unknown) => {
      console.error(error);
      process.exitCode = 1;
    })
    .finally(stopAll);
}

/** The middle one of an odd number of values; of an even number, the upper of the two. */
export function median(values: number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;
}

/**
 * Prints one line: what was measured, its ratio with the goal beside it, and what else is to be said.
 *
 * @param met whether the goal was reached; default: by the ratio itself
 */
export function report(name: string, ratio: number, goal: number | undefined, more: string, met = ratio >= (goal ?? 0)): void {
  const judged = goal === undefined ? "" : `goal ${goal.toFixed(2)}${met ? "" : "  MISSED"}`;
  console.log(`  ${name.padEnd(26)}ratio ${ratio.toFixed(2)}   ${judged.padEnd(20)}${more}`);
}

/** How busy the machine was, which says how far the speeds can be trusted. */
export function load(): string {
  return `load ${loadavg().map((value) => value.toFixed(1)).join(" ")}`;
}

/** The bounds of a benchmark: so many rounds, or as many as fit into its time. */
export class Rounds {
  private readonly began = performance.now();

  private readonly most: number;

  /**
   * @param seconds after which no other round begins
   * @param usual how many rounds there are, those that warm up included, unless `ROUNDS` in the environment says otherwise
   */
  constructor(
    private readonly seconds = 90,
    usual = 8,
  ) {
    this.most = Number(process.env.ROUNDS ?? usual);
  }

  /** Whether another round may begin after `done` of them. */
  left(done: number): boolean {
    return done < this.most && performance.now() - this.began < this.seconds * 1000;
  }
}
