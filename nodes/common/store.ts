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
 * replaced is told by it, and refused.
 */
export interface SharedStore extends Store {
  /**
   * Writes `value` with its fence, if what is kept has no higher one. Not merged with other writes of the key.
   *
   * @returns whether it was written
   */
  writeFenced(key: string, value: unknown, fence: number): Promise<boolean>;
  /** Writes `value` with `fence` if what is kept has exactly the fence `expected`, or if nothing is kept and `expected` is undefined. @returns whether it was written */
  swap(key: string, value: unknown, fence: number, expected: number | undefined): Promise<boolean>;
  /** The value last written and its fence; undefined when there is none. */
  readFenced(key: string): Promise<{ value: unknown; fence: number } | undefined>;
  /** Keys that begin with `prefix`, in no order. */
  keys(prefix: string): Promise<string[]>;
}
