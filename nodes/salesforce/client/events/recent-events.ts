/** Which events came lately, so that one that comes again is known. Remembers so many, the newest. */
export class RecentEvents {
  private readonly known = new Set<string>();
  /** In the order they came, round and round. */
  private readonly order: string[] = [];
  private next = 0;

  /** @param size events that are remembered; 0: every event is new */
  constructor(private readonly size: number) {}

  /** Those that are remembered, oldest first. */
  get ids(): string[] {
    return [...this.order.slice(this.next), ...this.order.slice(0, this.next)];
  }

  /** @param id what the event is known again by @returns whether it is new */
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
