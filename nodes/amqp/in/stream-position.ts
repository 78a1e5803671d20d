import { ConnectorError, errorText } from "../../common/errors";
import type { Store } from "../../common/store";

/** What {@link StreamPosition} needs. */
export interface StreamPositionOptions {
  store: Store;
  /** Where in the store. */
  key: string;
  /** Whose offsets these are: those of another broker mean nothing here. */
  broker: string;
  /** Tells the user, once per text. */
  warn(text: string): void;
  /** ms between two writes at least. Default 1000. */
  every?: number;
  /** ms until a write that failed is tried again. Default 5000. */
  retry?: number;
}

/** What is stored. */
interface Stored {
  broker: string;
  /** Everything up to this one is settled. */
  offset?: number;
  /** ms since the epoch, while nothing is settled yet: from then on the node reads. */
  since?: number;
}

/** How far a stream is settled, kept over restarts. Written once a second at most, and at the end. */
export class StreamPosition {
  private stored: Stored;
  private loading: Promise<void> | undefined;
  private timer: NodeJS.Timeout | undefined;
  private writing: Promise<void> = Promise.resolve();
  private closed = false;

  constructor(private readonly options: StreamPositionOptions) {
    this.stored = { broker: options.broker };
  }

  /** Everything up to this one is settled; `undefined` while nothing is. */
  get offset(): number | undefined {
    return this.stored.offset;
  }

  /** Since when the node reads, in ms since the epoch; told while nothing is settled yet. */
  get since(): number | undefined {
    return this.stored.since;
  }

  /**
   * Reads what is stored, the first time. To be awaited before anything is asked or told.
   *
   * @throws ConnectorError STORE_UNAVAILABLE when what is there cannot be read: reading on from anywhere else would lose messages or repeat them
   */
  load(): Promise<void> {
    this.loading ??= this.read().catch((error: unknown) => {
      this.loading = undefined;
      throw new ConnectorError("STORE_UNAVAILABLE", `The stored position of the stream cannot be read: ${errorText(error)}`, { cause: error });
    });
    return this.loading;
  }

  /** Everything up to `offset` is settled. */
  moveTo(offset: number): void {
    if (this.stored.offset === offset) return;
    this.change({ offset });
  }

  /** Nothing is settled, and the node reads what came since then. */
  beginAt(since: number): void {
    this.change({ since });
  }

  /** Writes what is not written yet, once. */
  async flush(): Promise<void> {
    if (this.timer) this.write();
    await this.writing;
  }

  /** Writes what is not written yet, and nothing after that: what comes next is another's. */
  close(): Promise<void> {
    this.closed = true;
    return this.flush();
  }

  private async read(): Promise<void> {
    const { store, key, broker, warn } = this.options;
    const found = (await store.read(key)) as Partial<Stored> | undefined;
    if (found === undefined) return;
    if (found.broker !== broker) return warn("The stored position of the stream is one of another broker and does not count");
    if (typeof found.offset === "number") this.stored = { broker, offset: found.offset };
    else if (typeof found.since === "number") this.stored = { broker, since: found.since };
  }

  private change(to: Omit<Stored, "broker">): void {
    this.stored = { broker: this.options.broker, ...to };
    if (!this.closed) this.timer ??= setTimeout(() => this.write(), this.options.every ?? 1_000);
  }

  private write(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    const { store, key, warn, retry = 5_000 } = this.options;
    this.writing = store.write(key, this.stored).catch((error: unknown) => {
      warn(`The position of the stream cannot be stored, so a restart would read it again from the one stored last: ${errorText(error)}`);
      if (!this.closed) this.timer ??= setTimeout(() => this.write(), retry); // an idle stream has no next change
    });
  }
}
