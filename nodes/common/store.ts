import { type ConfigHolder, whyNone } from "./config-node";

/**
 * Where a node keeps what must outlive the process: positions, watermarks, routing state. A key is a path of words, `amqp-stream/<node>/<queue>`, and a
 * value anything that JSON can express.
 */
export interface Store {
  /** The value last written, or `undefined`. @throws when what is there cannot be read */
  read(key: string): Promise<unknown>;
  /** Writes a value. Resolves when it is safe on disk, or in the table. Of several writes to a key the one that was called last wins. */
  write(key: string, value: unknown): Promise<void>;
  /** Removes a value. Resolves when there is none under the key. */
  remove(key: string): Promise<void>;
  /** As {@link write}, and done when it returns: for the moment in which the process exits. Absent where that cannot be. */
  writeAtOnce?(key: string, value: unknown): void;
}

/**
 * A {@link Store} that several processes may write to at once, so that one of them can take over from another.
 *
 * A *fence* is a whole number that a lease hands out, a higher one to each holder. By it the store refuses what a former holder writes that does not know
 * yet that it was replaced. {@link Store.write} writes with the fence 0. Fenced writes of one process to one key are all done, one after the other, in the
 * order they were called. A write rejects when it cannot be known whether it was done.
 */
export interface SharedStore extends Store {
  /**
   * Writes `value` with `fence`, unless the value there has a higher fence.
   *
   * @returns whether it was written
   */
  writeFenced(key: string, value: unknown, fence: number): Promise<boolean>;
  /** Writes `value` with `fence` if the value there has exactly the fence `expected`; if `expected` is undefined, only if there is no value. @returns whether it was written */
  swap(key: string, value: unknown, fence: number, expected: number | undefined): Promise<boolean>;
  /** Removes the value if it has exactly the fence `expected`. @returns whether there is no value now */
  removeFenced(key: string, expected: number): Promise<boolean>;
  /** The value last written and its fence; undefined when there is none. */
  readFenced(key: string): Promise<FencedValue | undefined>;
  /** The entries whose keys begin with `prefix`, page by page, in no order. An entry that is written or removed meanwhile may be missing; all others come exactly once. */
  entries(prefix: string): AsyncGenerator<StoreEntry[]>;
}

/** A value, and the fence it was written with. */
export interface FencedValue {
  value: unknown;
  fence: number;
}

/** A value with its key and its fence. */
export interface StoreEntry extends FencedValue {
  key: string;
}

/** A config node with a store that nodes of all families use. */
export interface StoreHolder {
  store: SharedStore;
  /** Its connection. It stays open until its users release it, so what they write while they close is still written. */
  client: { acquire(user: object): void; release(user: object): Promise<void> };
}

/**
 * The store of a config node that keeps the state of its users in a database.
 *
 * @param node what `RED.nodes.getNode` has found
 * @param chosen the id in the settings
 * @throws ConnectorError `NOT_CONFIGURED` when it has no store, or the problem that it has itself
 */
export function storeHolderOf(node: unknown, chosen?: string): StoreHolder {
  const holder = node as (Partial<StoreHolder> & ConfigHolder) | null | undefined;
  if (typeof holder?.store?.swap === "function" && holder.client) return { store: holder.store, client: holder.client };
  throw whyNone(holder, "database", chosen);
}
