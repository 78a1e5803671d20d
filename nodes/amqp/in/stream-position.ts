import { createHash } from "node:crypto";
import { ConnectorError, errorText } from "../../common/errors";
import type { Store } from "../../common/store";

/** What {@link StreamPosition} needs. */
export interface StreamPositionOptions {
  store: Store;
  /** The key in the store. */
  key: string;
  /** Id of the broker's config node. A stored position of another broker is ignored. */
  broker: string;
  /** Warns the user, once per text. */
  warn(text: string): void;
  /** ms from a change to its write; changes in between are written together. Default 1000. */
  every?: number;
  /** ms after which a write that failed is tried again. Default 5000. */
  retry?: number;
}

/** The value in the store. Has either `offset` or `since`, or neither. */
interface Stored {
  broker: string;
  /** All messages up to this offset are settled. */
  offset?: number;
  /** Hash of the content of the message at `offset`, where that was known. */
  mark?: string;
  /** While nothing is settled: the time from which the node reads, in ms since 1970. */
  since?: number;
}

/** How far a stream is settled. Survives restarts; written once a second at most, and at the end. */
export class StreamPosition {
  private stored: Stored;
  /** The content of the message at the offset. Its hash is made only when it is needed, not for each message. */
  private content: Buffer | undefined;
  private loading: Promise<void> | undefined;
  private timer: NodeJS.Timeout | undefined;
  private writing: Promise<void> = Promise.resolve();
  private closed = false;

  constructor(private readonly options: StreamPositionOptions) {
    this.stored = { broker: options.broker };
  }

  /** All messages up to this offset are settled; `undefined` while nothing is. */
  get offset(): number | undefined {
    return this.stored.offset;
  }

  /** The time from which the node reads, in ms since 1970; `undefined` once something is settled. */
  get since(): number | undefined {
    return this.stored.since;
  }

  /**
   * Reads the stored position, unless that is done. To be awaited before anything else is called.
   *
   * @throws ConnectorError STORE_UNAVAILABLE when it cannot be read: to read the stream from anywhere else would lose or repeat messages
   */
  load(): Promise<void> {
    this.loading ??= this.read().catch((error: unknown) => {
      this.loading = undefined;
      throw new ConnectorError("STORE_UNAVAILABLE", `The stored position of the stream cannot be read: ${errorText(error)}`, { cause: error });
    });
    return this.loading;
  }

  /** All messages up to `offset` are settled. @param content that of the message at `offset`, if it is at hand */
  moveTo(offset: number, content?: Buffer): void {
    if (this.stored.offset === offset) return;
    this.change({ offset });
    this.content = content;
  }

  /** Whether a message that comes from the stored offset has another content than the one that was settled there: then the stream is another one of the same name. */
  isOther(content: Buffer): boolean {
    const { mark } = this.marked();
    return mark !== undefined && mark !== markOf(content);
  }

  /** Nothing is settled, and the node reads from this time on. @param since ms since 1970 */
  beginAt(since: number): void {
    this.change({ since });
  }

  /** Writes the position now if it has changed since the last write. */
  async flush(): Promise<void> {
    if (this.timer) this.write();
    await this.writing;
  }

  /** Writes the position as {@link flush} does, and never again, since the key may then belong to a successor. */
  close(): Promise<void> {
    this.closed = true;
    return this.flush();
  }

  private async read(): Promise<void> {
    const { store, key, broker, warn } = this.options;
    const found = (await store.read(key)) as Partial<Stored> | undefined;
    if (found === undefined) return;
    if (found.broker !== broker) return warn("The stored position of the stream is one of another broker and does not count");
    if (typeof found.offset === "number") this.stored = { broker, offset: found.offset, ...(typeof found.mark === "string" ? { mark: found.mark } : {}) };
    else if (typeof found.since === "number") this.stored = { broker, since: found.since };
  }

  private change(to: Omit<Stored, "broker">): void {
    this.stored = { broker: this.options.broker, ...to };
    this.content = undefined;
    if (!this.closed) this.timer ??= setTimeout(() => this.write(), this.options.every ?? 1_000);
  }

  private marked(): Stored {
    if (this.content) this.stored = { ...this.stored, mark: markOf(this.content) };
    this.content = undefined;
    return this.stored;
  }

  private write(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    const { store, key, warn, retry = 5_000 } = this.options;
    this.writing = store.write(key, this.marked()).catch((error: unknown) => {
      warn(`STORE_UNAVAILABLE: The position of the stream cannot be stored, so a restart would read it again from the one stored last: ${errorText(error)}`);
      if (!this.closed) this.timer ??= setTimeout(() => this.write(), retry); // needed since an idle stream has no further change
    });
  }
}

/** Only the content counts: an upgrade of the broker may change how it passes on the rest. */
const markOf = (content: Buffer): string => createHash("sha256").update(content).digest("base64");
