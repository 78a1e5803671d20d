/** The claims that hold a place in this process, by place. */
const holders = new Map<string, PlaceClaim>();
/** The claims that wait for their place. */
const waiting = new Set<PlaceClaim>();

/** A node's claim on the place where its position is stored. If two nodes shared one position, each would skip events that only the other has settled. */
export class PlaceClaim {
  /** @param onHeld called when the claim holds the place: at once, or when another gave it up */
  constructor(
    private readonly place: string,
    private readonly onHeld: () => void,
  ) {}

  /** Takes the place if it is free, else waits for it. @returns whether it was free */
  take(): boolean {
    if (holders.has(this.place)) {
      waiting.add(this);
      return false;
    }
    waiting.delete(this);
    holders.set(this.place, this);
    this.onHeld();
    return true;
  }

  /** Gives the place up, or stops waiting for it. */
  leave(): void {
    waiting.delete(this);
    if (holders.get(this.place) !== this) return;
    holders.delete(this.place);
    for (const claim of [...waiting]) if (claim.place === this.place && claim.take()) return;
  }
}
