import { load, median, report, Rounds } from "./measure";

/** One of two ways to do the same work. */
export interface Way {
  name: string;
  /** Does the work once. @returns messages a second */
  run(round: number): Promise<number>;
}

/** What is compared, for the report. */
export interface Comparison {
  name: string;
  /** What the ratio should be at least. */
  goal: number;
  /** What is done in a round, such as "20000 messages". */
  work: string;
  /** What else is to be said at the end. */
  more?(): string;
}

/** Takes turns with both ways, and reports the speed of `ours` as a ratio to `plain`: the median of all rounds but the first, which warms up. */
export async function compare({ name, goal, work, more }: Comparison, plain: Way, ours: Way, rounds = new Rounds()): Promise<void> {
  const ratios: number[] = [];
  const rates: number[] = [];
  for (let round = 0; rounds.left(round); round += 1) {
    const base = await plain.run(round);
    const rate = await ours.run(round);
    const ratio = rate / base;
    console.log(`  round ${round}: ${plain.name} ${base.toFixed(0)}/s, ${ours.name} ${rate.toFixed(0)}/s, ratio ${ratio.toFixed(2)}   ${load()}`);
    if (round === 0) continue;
    ratios.push(ratio);
    rates.push(rate);
  }
  report(name, median(ratios), goal, `${median(rates).toFixed(0)}/s, ${work} a round, ${ratios.length} rounds${more ? `, ${more()}` : ""}`);
}
