import { BackOff } from "../../common/back-off";
import { ConnectorError, type ErrorCode, isConnectorError, toConnectorError } from "../../common/errors";
import { ChildProcess } from "./child-process";
import { connectionString, type DatabaseCredentials } from "./connection-string";
import type {
  CursorOpened, DialectName, Engine, ExecuteRequest, Fetched, OpenOptions, Operation, Operations, PingResult, ReadRequest, RowOutcome, TransactionOutcome, WriteRequest,
} from "./protocol";

/** A database as the config node describes it. Times in ms. */
export interface DatabaseOptions {
  engine: Engine;
  /** ODBC: without user and password. */
  connectionString: string;
  /** SQLite: an absolute path, or `:memory:`. */
  file: string;
  dialect: DialectName | "auto";
  /** Most connections, 1 to 10. */
  poolSize: number;
  loginTimeout: number;
  queryTimeout: number;
  credentials: DatabaseCredentials;
}

/** What the client shows: `failed` needs a hand (password, driver), `waiting` passes by itself. */
export interface DatabaseState {
  kind: "idle" | "connected" | "waiting" | "failed";
  error?: ConnectorError;
}

/** Users have this long to let go of a closing client, in ms; Node-RED closes a config node together with its users. */
const DRAIN_TIMEOUT = 10_000;

/** Knocking more often than this with a refused password locks accounts, in ms. */
export const REFUSED_DELAY = 60_000;

/** Codes that only a person can mend. */
const NEEDS_A_HAND = new Set<ErrorCode>(["DATABASE_REFUSED", "DRIVER_MISSING", "NOT_CONFIGURED"]);

/**
 * A database in its child process: started with the first request, started again when it ends, closed when its last user lets go.
 * All users share one process, one pool and, while the database is away, one knock at the door.
 */
export class DatabaseClient {
  private child: ChildProcess | undefined;
  private readonly users = new Set<object>();
  private readonly listeners = new Set<(state: DatabaseState) => void>();
  private readonly backOff = new BackOff({ initial: 500, max: 15_000 });
  private state: DatabaseState = { kind: "idle" };
  private refused: { error: ConnectorError; until: number } | undefined;
  private knocking: Promise<void> | undefined;
  private endWait: (() => void) | undefined;
  private drained: (() => void) | undefined;
  private closed = false;

  constructor(
    private readonly options: DatabaseOptions,
    private readonly refusedDelay = REFUSED_DELAY,
  ) {}

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
    if (this.closed) this.drained?.();
    else await this.end().then(() => this.tell({ kind: "idle" }));
  }

  /** Tells of each change of state, until the returned function is called. The current state is told at once. */
  onState(listener: (state: DatabaseState) => void): () => void {
    this.listeners.add(listener);
    listener(this.state);
    return () => this.listeners.delete(listener);
  }

  /** Asks the database for a sign of life. @throws ConnectorError */
  ping(): Promise<PingResult> {
    return this.ask("ping", null);
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
  openCursor(request: ReadRequest): Promise<CursorOpened> {
    return this.ask("openCursor", request);
  }

  /** The next rows of a cursor. @throws ConnectorError; the cursor is closed then */
  fetch(cursor: number): Promise<Fetched> {
    return this.ask("fetch", { cursor });
  }

  /** Reads no further. Harmless when the cursor is closed already. */
  async closeCursor(cursor: number): Promise<void> {
    await this.ask("closeCursor", { cursor });
  }

  /** Resolves when the database answers again, or the client closes. One knock for all who wait: fast on an outage, slow on a refusal. */
  untilReady(): Promise<void> {
    this.knocking ??= this.knock().finally(() => (this.knocking = undefined));
    return this.knocking;
  }

  /** For the config node's close: waits for the users, bounded, then ends the process. */
  async close(timeout = DRAIN_TIMEOUT): Promise<void> {
    this.closed = true;
    this.endWait?.();
    if (this.users.size > 0) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, timeout);
        this.drained = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    this.listeners.clear();
    await this.end();
  }

  private async ask<O extends Operation>(operation: O, argument: Operations[O]["argument"]): Promise<Operations[O]["answer"]> {
    if (this.refused && Date.now() < this.refused.until) throw this.refused.error;
    try {
      const answer = await this.running().request(operation, argument);
      this.works();
      return answer;
    } catch (thrown) {
      const error = toConnectorError(thrown, "DATABASE_UNAVAILABLE");
      this.failed(error);
      throw error;
    }
  }

  private running(): ChildProcess {
    if (this.child?.usable) return this.child;
    const { credentials, ...options } = this.options;
    const open: OpenOptions = options;
    if (options.engine === "odbc") open.connectionString = connectionString(options.connectionString, credentials, options.dialect);
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

  private async knock(): Promise<void> {
    while (!this.closed) {
      const pause = this.refused ? this.refused.until - Date.now() : this.backOff.next();
      await this.wait(Math.max(pause, 0));
      if (this.closed) return;
      try {
        await this.ping();
        return;
      } catch (error) {
        if (isConnectorError(error) && error.scope !== "system") return; // it answered
      }
    }
  }

  private wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.endWait = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  private works(): void {
    this.refused = undefined;
    this.backOff.reset();
    this.tell({ kind: "connected" });
  }

  private failed(error: ConnectorError): void {
    if (error.scope !== "system" || error.code === "FLOW_STOPPED" || concernsTable(error)) return;
    const needsAHand = NEEDS_A_HAND.has(error.code);
    if (error.code === "DRIVER_MISSING") void this.end(); // a fresh process sees what was installed since
    if (error.code === "DATABASE_REFUSED") this.refused = { error, until: Date.now() + this.refusedDelay };
    this.tell({ kind: needsAHand ? "failed" : "waiting", error });
  }

  private tell(state: DatabaseState): void {
    const same = state.kind === this.state.kind && state.error?.message === this.state.error?.message;
    this.state = state;
    if (!same) for (const listener of this.listeners) listener(state);
  }
}

/** Whether an error is about one table: the database itself works. */
export function concernsTable(error: ConnectorError): boolean {
  return error.scope === "system" && error.details["table"] !== undefined;
}
