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
