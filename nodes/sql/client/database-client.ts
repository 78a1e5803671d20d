import { within } from "../../common/deadline";
import { ConnectorError, toConnectorError } from "../../common/errors";
import { Availability, type DatabaseState } from "./availability";
import { ChildProcess } from "./child-process";
import { type DatabaseCredentials, withCredentials } from "./connection-string";
import type {
  CursorOpened, ExecuteRequest, Fetched, OpenOptions, Operation, Operations, PingResult, Purpose, ReadRequest, RowOutcome, TransactionOutcome, WriteRequest,
} from "./protocol";

export { concernsTable, type DatabaseState } from "./availability";

/** A database as the config node describes it. */
export interface DatabaseOptions extends OpenOptions {
  /** ODBC: without user and password. */
  connectionString: string;
  credentials: DatabaseCredentials;
}

/** What is asked of an open cursor, which has its connection: nobody logs in for it. */
const OF_CURSORS: ReadonlySet<Operation> = new Set<Operation>(["fetch", "closeCursor"]);

/** Users have this long to let go of a closing client, in ms; Node-RED closes a config node together with its users. */
const DRAIN_TIMEOUT = 10_000;

/**
 * A database in its child process: started with the first request, started again when it ends, closed when its last user lets go.
 * All users share one process, one pool and, while the database is away, one knock at the door.
 */
export class DatabaseClient {
  private child: ChildProcess | undefined;
  private readonly users = new Set<object>();
  private readonly availability: Availability;
  /** Open cursors: numbers of ours, since those of a new process begin anew. */
  private readonly cursors = new Map<number, { child: ChildProcess; cursor: number }>();
  private lastCursor = 0;
  private drained: (() => void) | undefined;
  private closing = false;
  private closed = false;

  /** @param timing as {@link Availability} takes it */
  constructor(
    private readonly options: DatabaseOptions,
    timing?: { afterRefusal: number },
  ) {
    this.availability = new Availability(() => this.ping(), timing);
  }

  /** How many statements can run at once. */
  get concurrency(): number {
    return this.options.engine === "sqlite" ? 1 : this.options.poolSize;
  }

  /** The child's process id while there is one. */
  get pid(): number | undefined {
    return this.child?.pid;
  }

  /** A node starts to use the client. */
  acquire(user: object): void {
    this.users.add(user);
  }

  /** A node is done with the client; with the last one the process ends. */
  async release(user: object): Promise<void> {
    if (!this.users.delete(user) || this.users.size > 0) return;
    if (this.closing) this.drained?.();
    else await this.end().then(() => this.availability.rests());
  }

  /** Tells of each change of state, until the returned function is called. The current state is told at once. */
  onState(listener: (state: DatabaseState) => void): () => void {
    return this.availability.onState(listener);
  }

  /** Asks the database for a sign of life. @throws ConnectorError */
  ping(purpose?: Purpose): Promise<PingResult> {
    return this.ask("ping", purpose ? { purpose } : {});
  }

  /**
   * Writes a batch in one round trip to the child: one outcome per row, `null` for committed.
   *
   * @throws ConnectorError of scope `system` when nothing was stored
   */
  write(request: WriteRequest): Promise<RowOutcome[]> {
    return this.ask("write", request);
  }

  /** Runs transactions: one outcome each. @throws ConnectorError of scope `system` when nothing was committed */
  execute(request: ExecuteRequest): Promise<TransactionOutcome[]> {
    return this.ask("execute", request);
  }

  /** Begins to read: the rows come with {@link fetch}. Ends with the last row, {@link closeCursor} or the process. @throws ConnectorError */
  async openCursor(request: ReadRequest): Promise<CursorOpened> {
    const opened = await this.ask("openCursor", request);
    this.lastCursor += 1;
    if (this.child) this.cursors.set(this.lastCursor, { child: this.child, cursor: opened.cursor });
    return { ...opened, cursor: this.lastCursor };
  }

  /** The next rows of a cursor. @throws ConnectorError; the cursor is closed then */
  async fetch(id: number): Promise<Fetched> {
    const open = this.cursors.get(id);
    try {
      if (!open || open.child !== this.child) throw new ConnectorError("DATABASE_UNAVAILABLE", "The query is no longer being read");
      const fetched = await this.ask("fetch", { cursor: open.cursor });
      if (fetched.done) this.cursors.delete(id);
      return fetched;
    } catch (error) {
      this.cursors.delete(id);
      throw error;
    }
  }

  /** Reads no further. Harmless when the cursor is closed already. @throws ConnectorError */
  async closeCursor(id: number): Promise<void> {
    const open = this.cursors.get(id);
    this.cursors.delete(id);
    if (open && open.child === this.child) await this.ask("closeCursor", { cursor: open.cursor });
  }

  /** Resolves when the database answers again, or the client closes. One knock for all who wait: fast on an outage, slow on a refusal. */
  untilReady(): Promise<void> {
    return this.availability.untilReady();
  }

  /** For the config node's close: waits for the users, bounded, then ends the process. */
  async close(): Promise<void> {
    this.closing = true;
    this.availability.close();
    if (this.users.size > 0) {
      await within(new Promise<void>((resolve) => (this.drained = resolve)), DRAIN_TIMEOUT);
    }
    this.closed = true;
    this.availability.forget();
    await this.end();
  }

  private async ask<O extends Operation>(operation: O, argument: Operations[O]["argument"]): Promise<Operations[O]["answer"]> {
    const { refused } = this.availability;
    const logsIn = !OF_CURSORS.has(operation);
    if (refused && logsIn) throw refused;
    try {
      const answer = await this.running().request(operation, argument);
      if (logsIn) this.availability.works();
      return answer;
    } catch (thrown) {
      const error = toConnectorError(thrown, "DATABASE_UNAVAILABLE");
      if (error.code === "DRIVER_MISSING") void this.end(); // a fresh process sees what was installed since
      this.availability.failed(error);
      throw error;
    }
  }

  private running(): ChildProcess {
    if (this.child?.usable) return this.child;
    if (this.closed) throw new ConnectorError("FLOW_STOPPED", "The database connection is closed");
    const { credentials, ...options } = this.options;
    const open: OpenOptions = options;
    if (options.engine === "odbc") open.connectionString = withCredentials(options.connectionString, credentials);
    else if (!options.file) throw new ConnectorError("NOT_CONFIGURED", "The database has no file");
    const child = new ChildProcess(open, () => {
      if (this.child === child) this.child = undefined;
    });
    this.child = child;
    return child;
  }

  private async end(): Promise<void> {
    const { child } = this;
    this.child = undefined;
    await child?.close();
  }
}
