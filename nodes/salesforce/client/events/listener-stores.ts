import type { Store } from "../../../common/store";
import type { RowPoison } from "../../../delivery/row-deliveries";
import type { PositionPlace } from "./event-position";
import { fencedStore, type Standby } from "./standby";

/** Where a listener may keep things. */
interface ListenerStores {
  store: Store;
  /** Used instead of `store` where several instances share the work, by the one that holds the lease. */
  standby?: Standby | undefined;
}

/** Where the position under `key` is kept. @param fence of the lease; `undefined` without a standby */
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

/** Where marks of events that end the process are kept, beside the position under `key`. @param fence of the lease; `undefined` without a standby @returns `undefined` when the limit is 0: nobody looks for such events */
export function poisonMarks({ store, standby }: ListenerStores, key: string, fence: number | undefined, limit: number, trial: RowPoison["trial"]): RowPoison | undefined {
  if (limit === 0) return undefined;
  return { store: standby && fence !== undefined ? fencedStore(standby.store, fence) : store, key: `${key}/poison`, limit, trial };
}
