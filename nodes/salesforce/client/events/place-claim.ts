/** By the places that are in use in this process. */
const holders = new Map<string, PlaceClaim>();
const waiting = new Set<PlaceClaim>();

/** A node's claim on the place where its position is kept: with one position for two nodes, each would pass over what only the other has finished. */
export class PlaceClaim {
  /** @param onHeld the place is this node's, at once or when the other has given it up */
  constructor(
    private readonly place: string,
    private readonly onHeld: () => void,
  ) {}

  /** @returns whether it is held; if not, it waits for it */
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

  /** Gives it up, or waits no more. */
  leave(): void {
    waiting.delete(this);
    if (holders.get(this.place) !== this) return;
    holders.delete(this.place);
    for (const claim of [...waiting]) if (claim.place === this.place && claim.take()) return;
  }
}
