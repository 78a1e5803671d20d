/** The middle one of an odd number of values; of an even number, the upper of the two. */
export function median(values: number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;
}

/** Prints one line: what was measured, its ratio with the goal beside it, and what else is to be said. */
export function report(name: string, ratio: number, goal: number | undefined, more: string): void {
  const judged = goal === undefined ? "" : `goal ${goal.toFixed(2)}${ratio >= goal ? "" : "  MISSED"}`;
  console.log(`  ${name.padEnd(26)}ratio ${ratio.toFixed(2)}   ${judged.padEnd(20)}${more}`);
}
