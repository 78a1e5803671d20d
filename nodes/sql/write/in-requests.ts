import { type ConnectorError, toConnectorError } from "../../common/errors";

/** Characters and bytes of one request, roughly, unless one item has more: it is copied to the database's process as a whole, and nothing else is done meanwhile. */
const REQUEST_UNITS = 16 * 1024 * 1024;

/** What is to be known of outcomes. */
export interface Outcomes<Outcome> {
  /** That of an item with an error. */
  refuse(error: ConnectorError): Outcome;
  /** Whether the item is left for later, through no fault of its own. */
  isLeft(outcome: Outcome): boolean;
}

/**
 * Stores items in requests of a bounded size, one after the other.
 *
 * @param unitsOf how large an item is
 * @param store stores some in one request
 * @returns one outcome per item, in order; what a request fails with is the outcome of its items and of those behind it, since others are stored. So is that of an item which is left: none overtakes it
 * @throws what the first request fails with: nothing is known to be stored then
 */
export async function inRequests<Item, Outcome>(
  items: Item[],
  unitsOf: (item: Item) => number,
  store: (items: Item[]) => Promise<Outcome[]>,
  { refuse, isLeft }: Outcomes<Outcome>,
): Promise<Outcome[]> {
  let to = endOf(items, 0, unitsOf);
  if (to === items.length) return store(items);
  const outcomes = await store(items.slice(0, to));
  while (to < items.length) {
    const left = outcomes.findIndex(isLeft);
    if (left >= 0) return outcomes.concat(items.slice(to).map(() => outcomes[left] as Outcome));
    const from = to;
    to = endOf(items, from, unitsOf);
    try {
      outcomes.push(...(await store(items.slice(from, to))));
    } catch (thrown) {
      const refused = refuse(toConnectorError(thrown));
      return outcomes.concat(items.slice(from).map(() => refused));
    }
  }
  return outcomes;
}

/** Where the request that begins with the item at `from` ends. */
function endOf<Item>(items: readonly Item[], from: number, unitsOf: (item: Item) => number): number {
  let units = unitsOf(items[from] as Item);
  let to = from + 1;
  while (to < items.length && (units += unitsOf(items[to] as Item)) <= REQUEST_UNITS) to += 1;
  return to;
}
