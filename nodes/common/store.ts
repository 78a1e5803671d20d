import { type ConfigHolder, whyNone } from "./config-node";

/**
 * Where a node keeps what must outlive the process: positions, watermarks, routing state. Keys are paths of words (`amqp-stream/<node>/<queue>`),
 * values anything JSON can say.
 */
export interface Store {
  /** The value last written, or `undefined`. @throws when what is there cannot be read */
  read(key: string): Promise<unknown>;
  /** Resolves when the value is safe on disk (or in its table). Of several writes to one key the last one called wins. */
  write(key: string, value: unknown): Promise<void>;
  /** Resolves when nothing is kept under the key. */
  remove(key: string): Promise<void>;
}

/**
 * A {@link Store} that several processes may write to at once, so that one of them can take over from another.
 *
 * A *fence* is a whole number that a lease hands out, higher with each holder: what a holder wrote who does not know yet that it was
 * replaced is told by it, and refused. What {@link Store.write} wrote has the fence 0. A fenced write is not merged with others of its key:
 * those of one process follow each other, in the order they were called. It is rejected when nobody knows whether it was done.
 */
export interface SharedStore extends Store {
  /**
   * Writes `value` with its fence, if what is kept has no higher one.
   *
   * @returns whether it was written
   */
  writeFenced(key: string, value: unknown, fence: number): Promise<boolean>;
  /** Writes `value` with `fence` if what is kept has exactly the fence `expected`, or if nothing is kept and `expected` is undefined. @returns whether it was written */
  swap(key: string, value: unknown, fence: number, expected: number | undefined): Promise<boolean>;
  /** Removes what is kept if it has exactly the fence `expected`. @returns whether nothing is kept now */
  removeFenced(key: string, expected: number): Promise<boolean>;
  /** The value last written and its fence; undefined when there is none. */
  readFenced(key: string): Promise<FencedValue | undefined>;
  /** What is kept under keys that begin with `prefix`, page by page and in no order. What is there all the while comes once; what is written or removed meanwhile, perhaps. */
  entries(prefix: string): AsyncGenerator<StoreEntry[]>;
}

/** What is kept under a key, with the fence it was written with. */
export interface FencedValue {
  value: unknown;
  fence: number;
}

/** A key, and what is kept under it. */
export interface StoreEntry extends FencedValue {
  key: string;
}

/** A config node whose store other nodes use, of whatever family. */
export interface StoreHolder {
  store: SharedStore;
  /** Stays open until its users let go: what they write while they close is still written. */
  client: { acquire(user: object): void; release(user: object): Promise<void> };
}

/**
 * The store of what `getNode` found: the config node that keeps its users' state in a database.
 *
 * @throws ConnectorError `NOT_CONFIGURED` when it has none, or what is wrong with its settings
 */
export function storeHolderOf(node: unknown, chosen?: string): StoreHolder {
  const holder = node as (Partial<StoreHolder> & ConfigHolder) | null | undefined;
  if (typeof holder?.store?.swap === "function" && holder.client) return { store: holder.store, client: holder.client };
  throw whyNone(holder, "database", chosen);
}
