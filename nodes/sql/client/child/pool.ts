import { BackOff } from "../../../common/back-off";
import { within } from "../../../common/deadline";
import { ConnectorError, isConnectorError } from "../../../common/errors";
import type { DatabaseConnection } from "./backend";

/** How a {@link Pool} works. Times in ms, by `performance.now()`. */
export interface PoolOptions {
  /** How many connections there may be. Called before each connect, since the first connection may tell how many are possible. */
  size: () => number;
  connect: () => Promise<DatabaseConnection>;
  /** Asks a connection for a sign of life; rejects when there is none. */
  ping: (connection: DatabaseConnection) => Promise<void>;
  /** How long {@link Pool.use} waits for a connection. */
  acquireTimeout: number;
  /** A connection idle for longer is pinged before it is given out. Default 30000. */
  pingAfter?: number;
  /** A connection idle for longer is closed. Default 10 min; `Infinity` for never. */
  idleTimeout?: number;
  /** An older connection is closed when it comes back, so that servers can be taken out of service and memory of sessions is freed. Default 1 h; `Infinity` for never. */
  maxLifetime?: number;
  /** How often idle connections are looked through. Default 30000. */
  sweepEvery?: number;
}

interface Waiter {
  give(lent: Lent): void;
  refuse(error: ConnectorError): void;
}

interface Lent {
  connection: DatabaseConnection;
  /** When it was opened. */
  born: number;
}

interface Idle extends Lent {
  since: number;
}

/**
 * Our own pool: npm odbc's hands out dead connections for ever after a server restart, and never connects again when one
 * connect failed. Connects one at a time (the addon holds a process-wide lock while it connects anyway).
 */
export class Pool {
  private idle: Idle[] = [];
  private readonly waiters: Waiter[] = [];
  private open = 0;
  private connecting = false;
  /** How many connections were open when another one was last refused, and until when no more than these are opened. */
  private full = { open: Infinity, until: 0 };
  /** Limits how often a full server is asked for another connection: each refused login leaks 28 KB in the addon, and without a limit there would be 50 logins a second. */
  private readonly fullBackOff = new BackOff({ max: 300_000 });
  private closed = false;
  private closing: Promise<void> | undefined;
  private drained: (() => void) | undefined;
  private sweeping: NodeJS.Timeout | undefined;

  constructor(private readonly options: PoolOptions) {}

  /** Open connections, idle or lent. */
  get size(): number {
    return this.open;
  }

  /**
   * Lends a connection to `work`. It comes back without a transaction, or not at all when it is broken.
   *
   * @param first whether it goes before the callers that wait already
   */
  async use<T>(work: (connection: DatabaseConnection) => Promise<T>, { first = false } = {}): Promise<T> {
    const lent = await this.acquire(first);
    try {
      const result = await work(lent.connection);
      this.giveBack(lent);
      return result;
    } catch (error) {
      await this.afterFailure(lent, error);
      throw error;
    }
  }

  /** Waits up to `timeout` ms for lent connections to come back, and closes all. All callers share one run. */
  close(timeout: number): Promise<void> {
    return (this.closing ??= this.closeAll(timeout));
  }

  private async closeAll(timeout: number): Promise<void> {
    this.closed = true;
    clearTimeout(this.sweeping);
    for (const waiter of this.waiters.splice(0)) waiter.refuse(closedError());
    await Promise.all(this.idle.splice(0).map(({ connection }) => this.discard(connection)));
    if (this.open === 0) return; // what was lent may have come back meanwhile
    await within(new Promise<void>((resolve) => (this.drained = resolve)), timeout);
  }

  private async acquire(first: boolean): Promise<Lent> {
    const { pingAfter = 30_000 } = this.options;
    for (;;) {
      if (this.closed) throw closedError();
      const next = this.idle.pop();
      if (!next) return this.wait(first);
      const fresh = performance.now() - next.since < pingAfter;
      if (next.connection.alive && (fresh || (await this.answers(next.connection)))) return next;
      await this.discard(next.connection);
    }
  }

  private wait(first: boolean): Promise<Lent> {
    return new Promise((resolve, reject) => {
      const { acquireTimeout, size } = this.options;
      const timer = setTimeout(() => {
        this.waiters.splice(this.waiters.indexOf(waiter), 1);
        const busy = this.open > (this.connecting ? 1 : 0);
        const why = busy ? `No connection was free within ${acquireTimeout} ms (pool of ${size()})` : `The database took no connection within ${acquireTimeout} ms`;
        reject(new ConnectorError("DATABASE_UNAVAILABLE", why, { details: busy ? { busy } : {} })); // busy: the database is there
      }, acquireTimeout);
      const waiter: Waiter = {
        give: (lent) => {
          clearTimeout(timer);
          resolve(lent);
        },
        refuse: (error) => {
          clearTimeout(timer);
          reject(error);
        },
      };
      if (first) this.waiters.unshift(waiter);
      else this.waiters.push(waiter);
      void this.grow();
    });
  }

  private async grow(): Promise<void> {
    if (this.connecting) return;
    this.connecting = true;
    while (!this.closed && this.waiters.length > 0 && this.open < this.options.size() && !this.isFull) {
      this.open += 1;
      try {
        this.lend({ connection: await this.options.connect(), born: performance.now() });
        this.fullBackOff.reset();
      } catch (error) {
        this.lost();
        if (this.open > 0) this.full = { open: this.open, until: performance.now() + this.fullBackOff.next() };
        const reason = isConnectorError(error) ? error : new ConnectorError("DATABASE_UNAVAILABLE", String(error), { cause: error });
        // all waiters fail at once: each would only fail in the same way, one login timeout after the other
        if (this.open === 0 || reason.code !== "DATABASE_UNAVAILABLE") for (const waiter of this.waiters.splice(0)) waiter.refuse(reason);
        break;
      }
    }
    this.connecting = false;
  }

  /** Whether the database has lately refused one more connection than there are: its limit may be lower than ours. */
  private get isFull(): boolean {
    return this.open > 0 && this.open >= this.full.open && performance.now() < this.full.until;
  }

  private giveBack(lent: Lent): void {
    const { maxLifetime = 3_600_000 } = this.options;
    // a connection may have broken although the work succeeded: in the middle of a batch whose first part was stored
    if (!lent.connection.alive || performance.now() - lent.born >= maxLifetime) void this.discard(lent.connection);
    else this.lend(lent);
  }

  /** Gives a connection to the first caller that waits, or keeps it. */
  private lend(lent: Lent): void {
    if (this.closed) {
      void this.discard(lent.connection);
      return;
    }
    const waiter = this.waiters.shift();
    if (waiter) {
      waiter.give(lent);
      return;
    }
    this.idle.push({ ...lent, since: performance.now() });
    this.sweepLater();
  }

  private async afterFailure(lent: Lent, error: unknown): Promise<void> {
    const { connection } = lent;
    const broken = !connection.alive || (isConnectorError(error) && error.code === "DATABASE_UNAVAILABLE");
    if (broken) {
      // a server that is gone has dropped the idle ones too
      const idle = this.idle.splice(0);
      await Promise.all([connection, ...idle.map((other) => other.connection)].map((dead) => this.discard(dead)));
    } else {
      try {
        await connection.rollback();
        this.giveBack(lent);
      } catch {
        await this.discard(connection);
      }
    }
  }

  /** Closes connections that are idle for long: firewalls forget silent ones, and servers have only so many. */
  private sweepLater(): void {
    if (this.sweeping || this.closed || this.idle.length === 0) return;
    this.sweeping = setTimeout(() => {
      this.sweeping = undefined;
      this.sweep();
      this.sweepLater();
    }, this.options.sweepEvery ?? 30_000);
    this.sweeping.unref();
  }

  private sweep(): void {
    const { idleTimeout = 600_000, maxLifetime = 3_600_000 } = this.options;
    const now = performance.now();
    const old = (idle: Idle): boolean => now - idle.since >= idleTimeout || now - idle.born >= maxLifetime;
    const dropped = this.idle.filter(old);
    this.idle = this.idle.filter((idle) => !old(idle));
    for (const { connection } of dropped) void this.discard(connection);
  }

  private async answers(connection: DatabaseConnection): Promise<boolean> {
    try {
      await this.options.ping(connection);
      return true;
    } catch {
      return false;
    }
  }

  private async discard(connection: DatabaseConnection): Promise<void> {
    await connection.close();
    this.lost();
    if (this.waiters.length > 0) void this.grow(); // there is room for another now
  }

  private lost(): void {
    this.open -= 1;
    if (this.open > 0) return;
    this.full.until = 0; // after an outage, say, the server may have room again
    this.drained?.();
  }
}

function closedError(): ConnectorError {
  return new ConnectorError("FLOW_STOPPED", "The database connection is closed");
}
