import { setImmediate } from "node:timers/promises";
import { toConnectorError } from "../../../common/errors";
import type { DatabaseConnection } from "./backend";
import { Connector } from "./connector";
import { Cursors } from "./cursors";
import type { Dialect } from "../dialect";
import { Executor } from "./executor";
import { Pool } from "./pool";
import { productOf, signOfLife } from "./product";
import {
  type CursorOpened, type ExecuteRequest, type Fetched, type OpenOptions, type PingResult, type Purpose, type ReadRequest, type RowOutcome, toData, type Transaction, type TransactionOutcome,
  type WriteRequest,
} from "../protocol";
import { TableWriter } from "../writing/table-writer";

/** How long closing waits for statements, in ms. */
const CLOSE_TIMEOUT = 3000;
/** After this many failed connects the process is replaced: the addon has leaked some 3 MB by then. */
const MOST_FAILED_CONNECTS = 100;
/** How many rows a query of a database in memory may return, since they are all read at once. */
const MOST_ROWS_IN_MEMORY = 100_000;

/** Serves the requests for one database, in the child process. */
export class ChildSession {
  private readonly connector: Connector;
  private readonly pool: Pool;
  /** Connections for stores only. `undefined` for the embedded SQLite: it runs one statement at a time, and stores go first there instead. */
  private readonly stores: Pool | undefined;
  private readonly cursors: Cursors;
  /** The dialect and what uses it; known with the first connection. */
  private speaking: { dialect: Dialect; writer: TableWriter; executor: Executor } | undefined;

  /**
   * @param stuck ends the process; called when a driver call hangs for good
   * @throws ConnectorError `DRIVER_MISSING`
   */
  constructor(
    private readonly options: OpenOptions,
    stuck: (reason: string) => void,
  ) {
    this.connector = new Connector(options, stuck);
    const embedded = options.engine === "sqlite"; // a file has nothing to time out, and :memory: lives as long as its connection
    const inMemory = embedded && options.file === ":memory:"; // seen by no other connection
    const pool = (size: () => number, purpose?: "read"): Pool =>
      new Pool({
        size,
        acquireTimeout: options.loginTimeout + options.queryTimeout,
        connect: () => this.connect(purpose),
        ping: (connection) => signOfLife(connection, this.ready().dialect.name),
        pingAfter: options.idleCheck,
        ...(embedded ? { idleTimeout: Infinity, maxLifetime: Infinity } : {}),
      });
    const { growAfter = 0 } = options;
    const readers = (): number => (performance.now() < growAfter ? 1 : options.poolSize);
    const writers = (): number => (embedded || this.speaking?.dialect.concurrent === false ? 1 : readers());
    this.pool = pool(writers);
    this.stores = embedded ? undefined : pool(writers); // with a single connection, 500 changes at once would take twice as long
    this.cursors = new Cursors({
      pool: inMemory ? this.pool : pool(readers, "read"),
      writers: this.pool,
      dialect: () => this.ready().dialect,
      native: embedded,
      ...(inMemory ? { atOnce: MOST_ROWS_IN_MEMORY } : {}),
    });
  }

  /** Whether the process should now end and be replaced: too many connects failed, and no connection or cursor is open. */
  get worn(): boolean {
    return this.connector.failures >= MOST_FAILED_CONNECTS && this.pool.size === 0 && this.cursors.count === 0;
  }

  ping({ purpose }: { purpose?: Purpose }): Promise<PingResult> {
    return this.use(purpose, async (connection) => {
      const { name } = this.ready().dialect;
      const product = await productOf(connection, name);
      const begun = performance.now();
      await signOfLife(connection, name);
      return { dialect: name, product, driver: this.connector.driver, roundTrip: Math.round((performance.now() - begun) * 10) / 10 };
    });
  }

  async write(request: WriteRequest): Promise<RowOutcome[]> {
    return this.pool.use((connection) => this.ready().writer.write(connection, request));
  }

  async execute(request: ExecuteRequest): Promise<TransactionOutcome[]> {
    const { transactions, purpose } = request;
    const run = (some: readonly Transaction[]): Promise<TransactionOutcome[]> => this.use(purpose, (connection) => this.ready().executor.execute(connection, { ...request, transactions: some }));
    const outcomes = await run(transactions);
    while (outcomes.length < transactions.length) {
      const left = transactions.slice(outcomes.length);
      try {
        outcomes.push(...(await run(left)));
      } catch (thrown) {
        const error = toData(toConnectorError(thrown, "DATABASE_UNAVAILABLE")); // only of those that are left: the others are committed
        return outcomes.concat(left.map(() => ({ error })));
      }
    }
    return outcomes;
  }

  openCursor(request: ReadRequest): Promise<CursorOpened> {
    return this.cursors.open(request);
  }

  fetch(cursor: number): Promise<Fetched> {
    return this.cursors.fetch(cursor);
  }

  closeCursor(cursor: number): Promise<void> {
    return this.cursors.closeCursor(cursor);
  }

  async close(): Promise<void> {
    await Promise.all([this.cursors.close(CLOSE_TIMEOUT), this.pool.close(CLOSE_TIMEOUT), this.stores?.close(CLOSE_TIMEOUT)]);
  }

  private use<T>(purpose: Purpose | undefined, work: (connection: DatabaseConnection) => Promise<T>): Promise<T> {
    const isStore = purpose === "store";
    if (this.stores) return (isStore ? this.stores : this.pool).use(work);
    // SQLite's statements are synchronous: without a turn of the event loop between them, the next request in line would begin before a request of a store has been received
    return this.pool.use((connection) => work(connection).finally(() => setImmediate()), { first: isStore });
  }

  private ready(): NonNullable<typeof this.speaking> {
    if (!this.speaking) throw new Error("no connection was made yet");
    return this.speaking;
  }

  private async connect(purpose?: "read"): Promise<DatabaseConnection> {
    const connection = await this.connector.connect(purpose);
    const { dialect } = this.connector;
    if (dialect) this.speaking ??= { dialect, writer: new TableWriter(dialect), executor: new Executor(dialect, this.options.engine === "sqlite") };
    return connection;
  }
}
