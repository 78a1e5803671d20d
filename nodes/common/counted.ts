/** A number with what it counts, as English has it: "1 row", "3 rows". For errors and logs; statuses have their plurals in the catalogues. */
export function counted(number: number, what: string): string {
  return `${number.toLocaleString("en")} ${what}${number === 1 ? "" : "s"}`;
}
