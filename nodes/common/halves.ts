/** A list in two parts of the same length, or one longer by one; a list of one item in one part. For finding what is at fault in a batch. */
export function halves<T>(list: readonly T[]): T[][] {
  const middle = Math.ceil(list.length / 2);
  return [list.slice(0, middle), list.slice(middle)].filter(({ length }) => length > 0);
}
