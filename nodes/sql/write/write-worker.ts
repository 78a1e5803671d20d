import { BackOff } from "../../common/back-off";
import { ConnectorError, isConnectorError, toConnectorError } from "../../common/errors";
import { type ItemResult, Sink, type SinkState } from "../../delivery/sink";
import { concernsTable, type DatabaseClient, type DatabaseState } from "../client/database-client";
import { fromData, type RowOutcome, toData, type WriteRow } from "../client/protocol";
import { RowMapper, type RowMapperOptions } from "../client/row-mapper";

/** What `msg.sql` holds when the row is committed. */
export interface WriteResult {
  rowsAffected: number;
  table: string;
  mode: string;
}

/** What the node shows: `failed` needs a hand, `waiting` passes by itself. */
export interface WriteState {
  kind: "idle" | "connected" | "working" | "waiting" | "failed";
  messages: number;
  error?: ConnectorError;
}

/** What a sql write node is made of. */
export interface WriteWorkerOptions extends RowMapperOptions {
  database: DatabaseClient;
  /** Most rows in one statement. */
  batchSize: number;
  /** How long the first row of a batch waits for company, in ms. */
  linger: number;
  onState: (state: WriteState) => void;
  /** The table is missing or does not fit: told once, not with every try. */
  onTrouble: (error: ConnectorError) => void;
  warn: (text: string) => void;
}

/** A driver that dies of a row dies of it again: after so many deaths in a row, batches are written row by row to find it. */
const DEATHS = 3;

/** Statements at once: more than this gains nothing and makes locks meet. */
const MAX_CONCURRENCY = 3;

/** The work of a sql write node: messages to rows, rows to batches, batches to the database, each message by its own row's fate. */
export class WriteWorker {
  private readonly mapper: RowMapper;
  private readonly sink: Sink<WriteRow, WriteResult>;
  private readonly stopListening: () => void;
  /** For a table that is missing: the database answers, so its own knocking tells nothing. */
  private readonly tableBackOff = new BackOff({ initial: 2000, max: 30_000 });
  private database: DatabaseState = { kind: "idle" };
  private own: SinkState = { kind: "idle", messages: 0 };
  private trouble: string | undefined;
  /** How often in a row the database's process crashed while it wrote for this node. */
  private deaths = 0;
  /** Ends the waits for a table. */
  private readonly waits = new Set<() => void>();

  constructor(private readonly options: WriteWorkerOptions) {
    const { database, batchSize, linger, mode, warn } = options;
    this.mapper = new RowMapper(options);
    this.sink = new Sink<WriteRow, WriteResult>({
      batchSize,
      linger,
      concurrency: Math.min(database.concurrency, MAX_CONCURRENCY),
      ...(mode === "upsert" ? { key: (row: WriteRow) => this.mapper.key(row) } : {}),
      write: (rows) => this.write(rows),
      untilReady: (error) => this.untilReady(error),
      onState: (state) => {
        this.own = state;
        this.tell();
      },
      warn,
    });
    database.acquire(this);
    this.stopListening = database.onState((state) => {
      this.database = state;
      this.tell();
    });
  }

  /** Takes a message in; `stored` is called when its row is committed, `done` after that or with the error. */
  take(msg: object, done: (error?: Error) => void, stored: (result: WriteResult) => void): void {
    let row: WriteRow | Promise<WriteRow>;
    try {
      row = this.mapper.row(msg);
    } catch (error) {
      row = Promise.reject(error as Error);
    }
    this.sink.take(msg, row, done, stored);
  }

  /** Lets what is being written finish, and lets go of the database. */
  async close(): Promise<void> {
    const closing = this.sink.close();
    for (const end of this.waits) end();
    await closing;
    this.stopListening();
    await this.options.database.release(this);
  }

  private async write(rows: WriteRow[]): Promise<ItemResult<WriteResult>[]> {
    const { table, mode } = this.options;
    const outcomes = this.deaths < DEATHS ? await this.store(rows) : await this.storeOneByOne(rows);
    this.trouble = undefined;
    this.tableBackOff.reset();
    return outcomes.map((outcome) => (outcome ? { ok: false, error: fromData(outcome) } : { ok: true, value: { rowsAffected: 1, table, mode } }));
  }

  private async store(rows: WriteRow[]): Promise<RowOutcome[]> {
    const { database, table, mode, keys, columns } = this.options;
    try {
      const outcomes = await database.write({ table, mode, keys, mapped: columns.length > 0, rows });
      if (this.deaths < DEATHS) this.deaths = 0;
      return outcomes;
    } catch (error) {
      if (isCrash(error)) this.deaths += 1;
      throw error;
    }
  }

  /** Blames the row that alone ends the process twice; what cannot be written for another reason is left to the source's retry. */
  private async storeOneByOne(rows: WriteRow[]): Promise<RowOutcome[]> {
    const outcomes: RowOutcome[] = [];
    for (const row of rows) outcomes.push(await this.storeAlone(row));
    this.deaths = 0;
    return outcomes;
  }

  private async storeAlone(row: WriteRow): Promise<RowOutcome> {
    const { table, mode } = this.options;
    for (let attempt = 1; ; attempt += 1) {
      try {
        return (await this.store([row]))[0] ?? null;
      } catch (thrown) {
        const error = toConnectorError(thrown, "DATABASE_UNAVAILABLE");
        if (!isCrash(error)) return toData(error);
        if (attempt === 2) return toData(new ConnectorError("ROW_REFUSED", `${mode} into ${table}: the driver crashes on this row: ${error.message}`));
      }
    }
  }

  private untilReady(error: ConnectorError): Promise<void> {
    if (!concernsTable(error)) return this.options.database.untilReady();
    if (this.trouble !== error.message) this.options.onTrouble(error);
    this.trouble = error.message;
    return new Promise((resolve) => {
      const end = (): void => {
        clearTimeout(timer);
        this.waits.delete(end);
        resolve();
      };
      const timer = setTimeout(end, this.tableBackOff.next());
      this.waits.add(end);
    });
  }

  private tell(): void {
    const { kind, messages, error } = this.own;
    const { onState } = this.options;
    if (kind === "waiting" && error && concernsTable(error)) onState({ kind: "failed", messages, error });
    else if (this.database.kind === "failed" || (this.database.kind === "waiting" && kind !== "writing")) onState({ ...this.database, messages });
    else if (kind === "writing") onState({ kind: "working", messages });
    else if (kind === "waiting") onState({ kind: "waiting", messages, ...(error ? { error } : {}) });
    else onState({ kind: this.database.kind, messages });
  }
}

/** Whether the driver took its process with it; SIGKILL and the like come from outside, and an exit code from our own time limits. */
function isCrash(error: unknown): boolean {
  return isConnectorError(error) && /^SIG(ABRT|SEGV|BUS|ILL|FPE|TRAP)$/.test(String(error.details["ended"]));
}
