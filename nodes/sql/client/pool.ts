import { ConnectorError, isConnectorError } from "../../common/errors";
import type { DatabaseConnection } from "./backend";

/** How a {@link Pool} works. Times in ms. */
export interface PoolOptions {
  /** Most connections. */
  size: number;
  connect: () => Promise<DatabaseConnection>;
  /** How long {@link Pool.use} waits for a connection. */
  acquireTimeout: number;
  /** A connection idle for longer is asked whether it lives before it is given out. Default 30000. */
  pingAfter?: number;
}

interface Waiter {
  give(connection: DatabaseConnection): void;
  refuse(error: ConnectorError): void;
}

interface Idle {
  connection: DatabaseConnection;
  since: number;
}

/**
 * Our own pool: npm odbc's hands out dead connections for ever after a server restart, and never connects again when one
 * connect failed. Connects one at a time (the addon holds a process-wide lock while it connects anyway).
 */
export class Pool {
  /** Connects that failed since the process started: each leaks some 28 KB in the addon. */
  failedConnects = 0;
  private idle: Idle[] = [];
  private readonly waiters: Waiter[] = [];
  private open = 0;
  private connecting = false;
  private closed = false;
  private drained: (() => void) | undefined;

  constructor(private readonly options: PoolOptions) {}

  /** Open connections, idle or lent. */
  get size(): number {
    return this.open;
  }

  /** Lends a connection to `work`. It comes back without a transaction, or not at all when it is broken. */
  async use<T>(work: (connection: DatabaseConnection) => Promise<T>): Promise<T> {
    const connection = await this.acquire();
    try {
      const result = await work(connection);
      this.giveBack(connection);
      return result;
    } catch (error) {
      await this.afterFailure(connection, error);
      throw error;
    }
  }

  /** Waits for what is lent, up to `timeout` ms, and closes all. */
  async close(timeout: number): Promise<void> {
    this.closed = true;
    for (const waiter of this.waiters.splice(0)) waiter.refuse(closedError());
    const idle = this.idle.splice(0);
    const lent = this.open - idle.length;
    await Promise.all(idle.map(({ connection }) => this.discard(connection)));
    if (lent === 0) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, timeout);
      this.drained = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  private async acquire(): Promise<DatabaseConnection> {
    const { pingAfter = 30_000 } = this.options;
    for (;;) {
      if (this.closed) throw closedError();
      const next = this.idle.pop();
      if (!next) return this.wait();
      const fresh = Date.now() - next.since < pingAfter;
      if (next.connection.alive && (fresh || (await answers(next.connection)))) return next.connection;
      await this.discard(next.connection);
    }
  }

  private wait(): Promise<DatabaseConnection> {
    return new Promise((resolve, reject) => {
      const { acquireTimeout, size } = this.options;
      const timer = setTimeout(() => {
        this.waiters.splice(this.waiters.indexOf(waiter), 1);
        reject(new ConnectorError("DATABASE_UNAVAILABLE", `No connection was free within ${acquireTimeout} ms (pool of ${size})`));
      }, acquireTimeout);
      const waiter: Waiter = {
        give: (connection) => {
          clearTimeout(timer);
          resolve(connection);
        },
        refuse: (error) => {
          clearTimeout(timer);
          reject(error);
        },
      };
      this.waiters.push(waiter);
      void this.grow();
    });
  }

  private async grow(): Promise<void> {
    if (this.connecting) return;
    this.connecting = true;
    while (!this.closed && this.waiters.length > 0 && this.open < this.options.size) {
      this.open += 1;
      try {
        this.giveBack(await this.options.connect());
      } catch (error) {
        this.lost();
        this.failedConnects += 1;
        const reason = isConnectorError(error) ? error : new ConnectorError("DATABASE_UNAVAILABLE", String(error), { cause: error });
        // all of them: each on its own would only run into the same wall, one login timeout after the other
        if (this.open === 0 || reason.code !== "DATABASE_UNAVAILABLE") for (const waiter of this.waiters.splice(0)) waiter.refuse(reason);
        break;
      }
    }
    this.connecting = false;
  }

  private giveBack(connection: DatabaseConnection): void {
    if (this.closed) {
      void this.discard(connection);
      return;
    }
    const waiter = this.waiters.shift();
    if (waiter) waiter.give(connection);
    else this.idle.push({ connection, since: Date.now() });
  }

  private async afterFailure(connection: DatabaseConnection, error: unknown): Promise<void> {
    const broken = !connection.alive || (isConnectorError(error) && error.code === "DATABASE_UNAVAILABLE");
    if (broken) {
      // a server that is gone has dropped the idle ones too
      const idle = this.idle.splice(0);
      await Promise.all([connection, ...idle.map((other) => other.connection)].map((dead) => this.discard(dead)));
    } else {
      try {
        await connection.rollback();
        this.giveBack(connection);
      } catch {
        await this.discard(connection);
      }
    }
    if (this.waiters.length > 0) void this.grow();
  }

  private async discard(connection: DatabaseConnection): Promise<void> {
    await connection.close();
    this.lost();
  }

  private lost(): void {
    this.open -= 1;
    if (this.open === 0) this.drained?.();
  }
}

async function answers(connection: DatabaseConnection): Promise<boolean> {
  try {
    await connection.query("select 1");
    return true;
  } catch {
    return false;
  }
}

function closedError(): ConnectorError {
  return new ConnectorError("FLOW_STOPPED", "The database connection is closed");
}
