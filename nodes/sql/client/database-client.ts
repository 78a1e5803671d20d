import { BackOff } from "../../common/back-off";
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

/** Requests that need no login, since an open cursor has its connection. They tell nothing about whether one can log in. */
const OF_CURSORS: ReadonlySet<Operation> = new Set<Operation>(["fetch", "closeCursor"]);

/** ms that a closing client waits for its users to release it; Node-RED closes a config node at the same time as the nodes that use it. */
const DRAIN_TIMEOUT = 10_000;

/**
 * A database and its child process, which is started with the first request, started again after it has ended, and closed when the last user releases the
 * client. All users share the process, its pool and, while the database is away, the pings that tell when it answers again.
 */
export class DatabaseClient {
  private child: ChildProcess | undefined;
  private readonly users = new Set<object>();
  private readonly availability: Availability;
  /** Open cursors, by numbers of our own: each new process counts its own from 1 again. */
  private readonly cursors = new Map<number, { child: ChildProcess; cursor: number }>();
  private lastCursor = 0;
  /** A pooler that is full (PgBouncer) lets a login wait, and with it all that the process does. So the process after one that hung makes do with few connections for a while. */
  private readonly caution = new BackOff({ initial: 60_000, max: 600_000, random: () => 1 }); // no jitter: a short wait would cost another process
  private growAfter = 0;
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

  /** How many statements can run at the same time. */
  get concurrency(): number {
    return this.options.engine === "sqlite" ? 1 : this.options.poolSize;
  }

  /** Process id of the child; `undefined` while there is none. */
  get pid(): number | undefined {
    return this.child?.pid;
  }

  /** Notes that a node uses the client. */
  acquire(user: object): void {
    this.users.add(user);
  }

  /** Notes that a node no longer uses the client. With the last one the process ends. */
  async release(user: object): Promise<void> {
    if (!this.users.delete(user) || this.users.size > 0) return;
    if (this.closing) this.drained?.();
    else await this.end().then(() => this.availability.rests());
  }

  /** Calls the listener with the current state at once, and with each change of it until the returned function is called. */
  onState(listener: (state: DatabaseState) => void): () => void {
    return this.availability.onState(listener);
  }

  /** Runs a harmless statement to see whether the database answers, and what it is. @throws ConnectorError */
  ping(purpose?: Purpose): Promise<PingResult> {
    return this.ask("ping", purpose ? { purpose } : {});
  }

  /**
   * Writes a batch with one request to the child. Resolves with one outcome per row, in order; `null` means committed.
   *
   * @throws ConnectorError of scope `system` when nothing was stored
   */
  write(request: WriteRequest): Promise<RowOutcome[]> {
    return this.ask("write", request);
  }

  /** Runs transactions. Resolves with one outcome each, in order. @throws ConnectorError of scope `system` when nothing was committed */
  execute(request: ExecuteRequest): Promise<TransactionOutcome[]> {
    return this.ask("execute", request);
  }

  /**
   * Runs a query whose rows are read by {@link fetch}. The cursor is open until the last row, {@link closeCursor} or the end of the process. @throws
   * ConnectorError
   */
  async openCursor(request: ReadRequest): Promise<CursorOpened> {
    const opened = await this.ask("openCursor", request);
    this.lastCursor += 1;
    if (this.child) this.cursors.set(this.lastCursor, { child: this.child, cursor: opened.cursor });
    return { ...opened, cursor: this.lastCursor };
  }

  /** Returns the next rows of a cursor. @throws ConnectorError; the cursor is closed then */
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

  /** Closes a cursor before its end. Harmless when it is closed already. @throws ConnectorError */
  async closeCursor(id: number): Promise<void> {
    const open = this.cursors.get(id);
    this.cursors.delete(id);
    if (open && open.child === this.child) await this.ask("closeCursor", { cursor: open.cursor });
  }

  /** Resolves when the database answers again, or when the client closes. Pings once for all who wait: soon after an outage, later after a refused login. */
  untilReady(): Promise<void> {
    return this.availability.untilReady();
  }

  /** For the config node's close: waits until all users have released the client, at most 10 s, then ends the process. */
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
      if (error.code === "DRIVER_MISSING") void this.end(); // the next process sees a driver that was installed meanwhile
      this.availability.failed(error);
      throw error;
    }
  }

  private running(): ChildProcess {
    if (this.child?.usable) return this.child;
    if (this.closed) throw new ConnectorError("FLOW_STOPPED", "The database connection is closed");
    const { credentials, ...options } = this.options;
    const open: OpenOptions = { ...options, growAfter: this.growAfter };
    if (options.engine === "odbc") open.connectionString = withCredentials(options.connectionString, credentials);
    else if (!options.file) throw new ConnectorError("NOT_CONFIGURED", "The database has no file");
    const child = new ChildProcess(open, (hung) => {
      this.growAfter = hung ? this.caution.next() : 0;
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
