import { type ConnectorError, toConnectorError } from "../../common/errors";

/**
 * Roughly how many characters and bytes one request may have, unless one item has more. Nothing else is done while a request is copied to the database's
 * process.
 */
const REQUEST_UNITS = 16 * 1024 * 1024;

/** What {@link inRequests} needs to know about outcomes. */
export interface Outcomes<Outcome> {
  /** Makes the outcome of an item from an error. */
  refuse(error: ConnectorError): Outcome;
  /** Whether the item is left for later, through no fault of its own. */
  isLeft(outcome: Outcome): boolean;
}

/**
 * Stores items in requests of a bounded size, one after the other.
 *
 * @param unitsOf how large an item is
 * @param store stores some in one request
 * Resolves with one outcome per item, in order. When a later request fails, its error is the outcome of its items and of all after them, since the earlier ones
 * are stored. When an item is left for later, its outcome is also that of all later requests, so that no item overtakes it.
 *
 * @throws the error of the first request: nothing is known to be stored then
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
