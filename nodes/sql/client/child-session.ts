import type { Backend, DatabaseConnection } from "./backend";
import { detectDialect, type Dialect, dialectNamed } from "./dialect";
import { OdbcBackend } from "./odbc-backend";
import { Pool } from "./pool";
import { Cursors } from "./cursors";
import { Executor } from "./executor";
import type { CursorOpened, ExecuteRequest, Fetched, OpenOptions, PingResult, ReadRequest, RowOutcome, TransactionOutcome, WriteRequest } from "./protocol";
import { SqliteBackend } from "./sqlite-backend";
import { TableWriter } from "./table-writer";

/** How long closing waits for statements, in ms. */
const CLOSE_TIMEOUT = 3000;
/** After so many failed connects the process has leaked some 3 MB and is replaced. */
const MOST_FAILED_CONNECTS = 100;

/** One database, as the child process serves it. */
export class ChildSession {
  private readonly backend: Backend;
  private readonly pool: Pool;
  private readonly cursors: Cursors;
  /** What speaks the dialect; known with the first connection. */
  private speaking: { dialect: Dialect; writer: TableWriter; executor: Executor } | undefined;

  /**
   * @param stuck ends the process: a driver call hangs for good
   * @throws ConnectorError `DRIVER_MISSING`
   */
  constructor(
    private readonly options: OpenOptions,
    stuck: (reason: string) => void,
  ) {
    this.backend = options.engine === "sqlite" ? new SqliteBackend(options) : new OdbcBackend(options, stuck);
    this.pool = new Pool({
      size: this.backend.dialect === "sqlite" ? 1 : options.poolSize,
      acquireTimeout: options.loginTimeout + options.queryTimeout,
      connect: () => this.connect(),
    });
    this.cursors = new Cursors({ most: options.poolSize, connect: () => this.connect("read"), dialect: () => this.ready().dialect });
  }

  /** True when the process should end as soon as it is idle. */
  get worn(): boolean {
    return this.pool.failedConnects >= MOST_FAILED_CONNECTS && this.pool.size === 0;
  }

  async ping(): Promise<PingResult> {
    return this.pool.use(async (connection) => {
      await connection.query("select 1");
      return { dialect: this.ready().dialect.name, product: "" };
    });
  }

  async write(request: WriteRequest): Promise<RowOutcome[]> {
    return this.pool.use((connection) => this.ready().writer.write(connection, request));
  }

  execute(request: ExecuteRequest): Promise<TransactionOutcome[]> {
    return this.pool.use((connection) => this.ready().executor.execute(connection, request));
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
    await Promise.all([this.cursors.close(), this.pool.close(CLOSE_TIMEOUT)]);
  }

  private ready(): NonNullable<typeof this.speaking> {
    if (!this.speaking) throw new Error("no connection was made yet");
    return this.speaking;
  }

  /** The first connection says which dialect is spoken. */
  private async connect(purpose?: "read"): Promise<DatabaseConnection> {
    const connection = await this.backend.connect(purpose);
    try {
      if (!this.speaking) {
        const dialect = dialectNamed(this.backend.dialect ?? (await detectDialect(connection)));
        this.speaking = { dialect, writer: new TableWriter(dialect), executor: new Executor(dialect) };
      }
      for (const sql of this.speaking.dialect.setup) await connection.query(sql);
      return connection;
    } catch (error) {
      await connection.close();
      throw error;
    }
  }
}
