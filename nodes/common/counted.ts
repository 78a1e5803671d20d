/** A number with the noun it counts: "1 row", "1,200 rows". For errors and logs, which are in English; the plurals of statuses are in the catalogues. */
export function counted(number: number, what: string): string {
  return `${number.toLocaleString("en")} ${what}${number === 1 ? "" : "s"}`;
}
