/**
 * A whole number of a saved flow, which may come as text from the environment.
 *
 * @param least smallest value that counts, default 0
 * @returns `fallback` when the value is blank, no whole number, or under `least`
 */
export function wholeNumber(value: number | string | undefined, fallback: number, least = 0): number {
  const number = Number(value);
  return value === undefined || value === "" || !Number.isInteger(number) || number < least ? fallback : number;
}
