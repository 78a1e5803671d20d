import { ConnectorError, errorText } from "../../common/errors";
import type { Store } from "../../common/store";
import { type Linked, LinkedList } from "../../common/linked-list";
import type { RowValue } from "../client/protocol";

/** A place in the rows of a watched query. */
export interface Position {
  /** `null`: there was no row yet. */
  watermark: RowValue;
  /** Key of the last row with that watermark; absent: all rows with that watermark. */
  key?: RowValue;
}

/** What a stored watermark belongs to. It does not count for other columns, or another database. */
export interface WatermarkIdentity {
  /** Id of the database's config node. */
  database: string;
  watermarkColumn: string;
  keyColumn: string;
}

/** What {@link Watermark} needs. */
export interface WatermarkOptions extends WatermarkIdentity {
  store: Store;
  /** Where in the store. */
  key: string;
  /** Tells the user. */
  warn(text: string): void;
  /** ms between two writes at least. Default 250. */
  every?: number;
  /** ms until a write that failed is tried again. Default 5000. */
  retry?: number;
}

/** Rows that are not settled yet. `position`: up to where all is settled once they are, including rows after them that were settled earlier. */
interface Mark extends Linked<Mark> {
  position: Position;
}

/** Tells up to which position all rows are settled, and stores that. Rows are settled in any order; the position does not pass the first that is not settled. */
export class Watermark {
  private current: Position | undefined;
  private readonly marks = new LinkedList<Mark>();
  private loading: Promise<void> | undefined;
  private timer: NodeJS.Timeout | undefined;
  /** By a clock that nobody sets. */
  private writtenAt = -Infinity;
  private dirty = false;
  private failing = false;
  private closed = false;
  private writing: Promise<void> = Promise.resolve();

  constructor(private readonly options: WatermarkOptions) {}

  /** Everything up to here is settled; `undefined` while nothing is known. */
  get position(): Position | undefined {
    return this.current;
  }

  /**
   * Reads the stored watermark, once. To be awaited before any other call.
   *
   * @throws ConnectorError STORE_UNAVAILABLE when what is there cannot be read: reading on from anywhere else would lose rows or repeat them
   */
  load(): Promise<void> {
    this.loading ??= this.read().catch((error: unknown) => {
      this.loading = undefined;
      throw new ConnectorError("STORE_UNAVAILABLE", `The stored watermark cannot be read: ${errorText(error)}`, { cause: error });
    });
    return this.loading;
  }

  /** Sets the position: all rows up to it count as settled. */
  begin(position: Position): void {
    this.change(position);
  }

  /** Adds rows that are handed over, up to a position; to be called in their order. @returns to be called when they are settled */
  add(position: Position): () => void {
    const mark: Mark = { position, older: undefined, newer: undefined };
    this.marks.add(mark);
    return () => {
      const { older } = mark;
      this.marks.remove(mark);
      if (older) older.position = mark.position;
      else this.change(mark.position);
    };
  }

  /** Writes what is not written yet. */
  async close(): Promise<void> {
    this.closed = true;
    clearTimeout(this.timer);
    if (this.dirty) this.write();
    await this.writing;
  }

  private async read(): Promise<void> {
    const { store, key, database, watermarkColumn, keyColumn, warn } = this.options;
    const found = (await store.read(key)) as (Partial<WatermarkIdentity> & { position?: Position }) | undefined;
    if (!found?.position) return;
    if (found.database === database && found.watermarkColumn === watermarkColumn && found.keyColumn === keyColumn) this.current = found.position;
    else warn("The stored watermark is one of other columns or of another database, and does not count");
  }

  private change(position: Position): void {
    this.current = position;
    const { every = 250, retry = 5_000 } = this.options;
    this.writeIn(this.writtenAt + (this.failing ? retry : every) - performance.now());
  }

  private writeIn(ms: number): void {
    this.dirty = true;
    if (!this.closed) this.timer ??= setTimeout(() => this.write(), Math.max(0, ms));
  }

  private write(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.dirty = false;
    this.writtenAt = performance.now();
    const { store, key, database, watermarkColumn, keyColumn } = this.options;
    this.writing = store.write(key, { database, watermarkColumn, keyColumn, position: this.current }).then(
      () => void (this.failing = false),
      (error: unknown) => this.failed(error),
    );
  }

  private failed(error: unknown): void {
    const { warn, retry = 5_000 } = this.options;
    if (!this.failing) warn(`STORE_UNAVAILABLE: The watermark cannot be stored, so a restart would read again from the one stored last: ${errorText(error)}`);
    this.failing = true;
    this.writeIn(retry);
  }
}
