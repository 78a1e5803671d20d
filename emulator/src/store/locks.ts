/** Records that are locked as if by someone else. Writes to them, or to records that name them as a parent, fail with `UNABLE_TO_LOCK_ROW`. */
export class Locks {
  private readonly held = new Map<string, number>();

  /**
   * Locks a record.
   *
   * @param id 15 or 18 characters
   * @param times how many writes fail before the lock ends by itself. Default: it lasts until {@link unlock}
   */
  lock(id: string, times = Infinity): void {
    this.held.set(id.slice(0, 15), times);
  }

  unlock(id: string): void {
    this.held.delete(id.slice(0, 15));
  }

  /** Whether a write to this record fails. This counts as one of the lock's times. */
  hit(id: string): boolean {
    const key = id.slice(0, 15);
    const left = this.held.get(key);
    if (left === undefined) return false;
    if (left <= 1) this.held.delete(key);
    else this.held.set(key, left - 1);
    return true;
  }

  clear(): void {
    this.held.clear();
  }
}
