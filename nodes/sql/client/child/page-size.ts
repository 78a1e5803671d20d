/** Roughly how many bytes of rows a page may have, unless one row has more. A page is in the memory of both processes, and is copied from one to the other. */
const PAGE_BYTES = 16 * 1024 * 1024;

/** Checks row by row whether a page is large enough. */
export class PageSize {
  private bytes = 0;

  /** Counts a row. @returns whether another may follow */
  add(row: readonly unknown[]): boolean {
    for (const value of row) {
      if (typeof value === "string") this.bytes += value.length;
      else this.bytes += value instanceof Uint8Array || value instanceof ArrayBuffer ? value.byteLength : 8;
    }
    return this.bytes < PAGE_BYTES;
  }
}

/** Cuts the rows that `fetch` gives into pages of that size. @param fetch gives the next rows, an empty list when there are no more */
export function inPages<T extends readonly unknown[]>(fetch: () => Promise<T[]>): () => Promise<T[]> {
  let rows: T[] = [];
  let at = 0;
  return async () => {
    if (at >= rows.length) {
      rows = await fetch();
      at = 0;
    }
    const from = at;
    const size = new PageSize();
    while (at < rows.length) {
      at += 1;
      if (!size.add(rows[at - 1] as T)) break;
    }
    return from === 0 && at === rows.length ? rows : rows.slice(from, at);
  };
}
