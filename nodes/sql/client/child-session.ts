import type { Backend, DatabaseConnection } from "./backend";
import { detectDialect, dialectNamed } from "./dialect";
import { OdbcBackend } from "./odbc-backend";
import { Pool } from "./pool";
import type { OpenOptions, PingResult, RowOutcome, WriteRequest } from "./protocol";
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
  private writer: TableWriter | undefined;

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
  }

  /** True when the process should end as soon as it is idle. */
  get worn(): boolean {
    return this.pool.failedConnects >= MOST_FAILED_CONNECTS && this.pool.size === 0;
  }

  async ping(): Promise<PingResult> {
    return this.pool.use(async (connection) => {
      await connection.query("select 1");
      return { dialect: this.ready().dialect.name };
    });
  }

  async write(request: WriteRequest): Promise<RowOutcome[]> {
    return this.pool.use((connection) => this.ready().write(connection, request));
  }

  close(): Promise<void> {
    return this.pool.close(CLOSE_TIMEOUT);
  }

  private ready(): TableWriter {
    if (!this.writer) throw new Error("no connection was made yet");
    return this.writer;
  }

  /** The first connection says which dialect is spoken. */
  private async connect(): Promise<DatabaseConnection> {
    const connection = await this.backend.connect();
    try {
      this.writer ??= new TableWriter(dialectNamed(this.backend.dialect ?? (await detectDialect(connection))));
      for (const sql of this.writer.dialect.setup) await connection.query(sql);
      return connection;
    } catch (error) {
      await connection.close();
      throw error;
    }
  }
}
