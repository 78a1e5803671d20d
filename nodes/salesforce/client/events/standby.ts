import type { ConnectorError } from "../../../common/errors";
import type { SharedStore, Store } from "../../../common/store";

/** What a lease tells. */
export interface LeaseEvents {
  /** @param fence what is written as long as it is held is written with it */
  onHeld(fence: number): void;
  onLost(error?: ConnectorError): void;
  /** Nobody can tell who listens; without an error it can be told again. */
  onTrouble(error?: ConnectorError): void;
}

/** The right to listen, which one of several instances has. */
export interface ListenLease {
  start(): void;
  /** Gives it back. */
  close(): Promise<void>;
}

/** The store as who holds the lease with this fence may write to it: what one writes that was replaced counts for nothing. */
export function fencedStore(store: SharedStore, fence: number): Store {
  return {
    read: async (key) => (await store.readFenced(key))?.value,
    write: async (key, value) => void (await store.writeFenced(key, value, fence)),
    remove: async (key) => void (await store.removeFenced(key, fence)),
  };
}

/** Where several instances agree on which of them listens. */
export interface Standby {
  store: SharedStore;
  /** @param key names the lease in the store */
  lease(key: string, events: LeaseEvents): ListenLease;
}
