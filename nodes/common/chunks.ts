/** The parts of a list that have `size` items each, but for the last, which may have fewer. */
export function* chunks<T>(list: readonly T[], size: number): Generator<T[]> {
  for (let from = 0; from < list.length; from += size) yield list.slice(from, from + size);
}

/** A list in two parts of the same length, or one longer by one; a list of one item in one part. For finding what is at fault in a batch. */
export function halves<T>(list: readonly T[]): T[][] {
  const middle = Math.ceil(list.length / 2);
  return [list.slice(0, middle), list.slice(middle)].filter(({ length }) => length > 0);
}
