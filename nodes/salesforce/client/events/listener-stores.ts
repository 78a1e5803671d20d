import type { Store } from "../../../common/store";
import type { RowPoison } from "../../../delivery/reading/row-deliveries";
import type { PositionPlace } from "./event-position";
import { fencedStore, type Standby } from "./standby";

/** The stores of a listener. */
interface ListenerStores {
  store: Store;
  /** Set if several instances share the work. The instance that holds the lease uses it instead of `store`. */
  standby?: Standby | undefined;
}

/** Returns the place of the position with this key. @param fence the fence of the lease; `undefined` without a standby */
export function positionPlace({ store, standby }: ListenerStores, key: string, fence: number | undefined): PositionPlace {
  if (standby && fence !== undefined) {
    const shared = standby.store;
    return { read: async () => (await shared.readFenced(key))?.value, write: (value) => shared.writeFenced(key, value, fence) };
  }
  return {
    read: () => store.read(key),
    write: async (value) => {
      await store.write(key, value);
      return true;
    },
  };
}

/**
 * Returns the store, next to the position with this key, for the marks of events that end the process.
 *
 * @param fence the fence of the lease; `undefined` without a standby
 * @param limit 0 turns the search for such events off
 * @returns `undefined` if the limit is 0
 */
export function poisonMarks({ store, standby }: ListenerStores, key: string, fence: number | undefined, limit: number, trial: RowPoison["trial"]): RowPoison | undefined {
  if (limit === 0) return undefined;
  return { store: standby && fence !== undefined ? fencedStore(standby.store, fence) : store, key: `${key}/poison`, limit, trial };
}
