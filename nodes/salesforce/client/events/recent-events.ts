/** Remembers the ids of the last events, so that an event that comes again is recognized. */
export class RecentEvents {
  private readonly known = new Set<string>();
  /** The ids in the order they came: a ring buffer, whose oldest entry is at {@link next} once it is full. */
  private readonly order: string[] = [];
  private next = 0;

  /** @param size how many events are remembered; 0: every event counts as new */
  constructor(private readonly size: number) {}

  /** The remembered ids, oldest first. */
  get ids(): string[] {
    return [...this.order.slice(this.next), ...this.order.slice(0, this.next)];
  }

  /** Remembers an event. @param id what tells it from all others @returns whether it is new */
  add(id: string): boolean {
    if (this.known.has(id)) return false;
    if (this.size === 0) return true;
    const oldest = this.order[this.next];
    if (oldest !== undefined) this.known.delete(oldest);
    this.order[this.next] = id;
    this.known.add(id);
    this.next = (this.next + 1) % this.size;
    return true;
  }
}
