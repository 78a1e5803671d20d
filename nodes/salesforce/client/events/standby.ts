import type { ConnectorError } from "../../../common/errors";
import type { SharedStore, Store } from "../../../common/store";

/** What a lease tells its user. */
export interface LeaseEvents {
  /** The lease is held. @param fence number to be given with each write while it is held */
  onHeld(fence: number): void;
  /** The lease is not held any more. @param error why it is not known who holds it */
  onLost(error?: ConnectorError): void;
  /** @param error why it is not known which instance listens; `undefined` when it is known again */
  onTrouble(error?: ConnectorError): void;
}

/** The right to listen, which one of several instances holds at a time. */
export interface ListenLease {
  start(): void;
  /** Gives the right back. */
  close(): Promise<void>;
}

/** A store for the holder of the lease with this fence. What is written with it after another instance has taken the lease is ignored. */
export function fencedStore(store: SharedStore, fence: number): Store {
  return {
    read: async (key) => (await store.readFenced(key))?.value,
    write: async (key, value) => void (await store.writeFenced(key, value, fence)),
    remove: async (key) => void (await store.removeFenced(key, fence)),
  };
}

/** By what several instances agree on which of them listens. */
export interface Standby {
  store: SharedStore;
  /** @param key names the lease in the store */
  lease(key: string, events: LeaseEvents): ListenLease;
}
