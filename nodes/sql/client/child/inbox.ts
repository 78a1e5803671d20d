import { chunks } from "../../../common/chunks";
import { ConnectorError, isConnectorError, toConnectorError } from "../../../common/errors";
import type { DatabaseConnection } from "./backend";
import { type Dialect, tableParts } from "../dialect";
import { isDuplicateKey } from "../duplicate-key";
import type { InboxOptions } from "../protocol";
import { rollBack } from "./roll-back";

/** How many ids one statement may have. */
const MOST_IDS = 500;
/** ms between two searches for old ids, … */
const PRUNE_INTERVAL = 60_000;
/** … and how many of them are deleted at a time. If there were that many, the next write searches again, so that deleting keeps up with any rate. */
const PRUNE_MOST = 1000;

/**
 * The table with the ids of messages whose work is committed. An id is added in the same transaction as its work, so that either both are committed or
 * neither is. When two transactions add the same id at the same time, the second waits at the primary key until the first has ended.
 */
export class Inbox {
  /** Tables that are known to exist. */
  private readonly ready = new Set<string>();
  private readonly prunedAt = new Map<string, number>();

  constructor(private readonly dialect: Dialect) {}

  /**
   * Makes the table when it is missing. To be called outside of a transaction, since on some databases a `create table` commits.
   *
   * @throws ConnectorError of scope `system`: `NOT_CONFIGURED` with the statements to run when the user may not make it
   */
  async prepare(connection: DatabaseConnection, { table }: InboxOptions): Promise<void> {
    if (this.ready.has(table)) return;
    const parts = tableParts(table);
    if (!(await this.exists(connection, table, parts))) await this.create(connection, table, parts);
    this.ready.add(table);
  }

  /**
   * Adds ids in the open transaction, and resolves with those that were not there. @throws ConnectorError `DATABASE_BUSY` when another process adds one of them
   * at the same time
   */
  async claim(connection: DatabaseConnection, { table, owner }: InboxOptions, ids: readonly string[]): Promise<Set<string>> {
    const fresh = new Set<string>();
    try {
      for (const some of chunks(ids, MOST_IDS)) {
        for (const id of await this.add(connection, this.quoted(table), owner, some)) fresh.add(id);
      }
      return fresh;
    } catch (error) {
      if (!isConnectorError(error)) throw error;
      if (error.code === "TABLE_UNKNOWN") this.ready.delete(table);
      const options = { details: { ...error.details, table }, cause: error };
      if (isDuplicateKey(error)) throw new ConnectorError("DATABASE_BUSY", "Another process stores the same message at this moment", options);
      if (error.scope === "system" || error.retryable) throw error;
      throw new ConnectorError("NOT_CONFIGURED", `The inbox table ${table} cannot be used: ${error.message}`, options);
    }
  }

  /** Deletes old ids now and then. To be called outside of a transaction. Never rejects: a failure here concerns no message. */
  async tidy(connection: DatabaseConnection, { table, days }: InboxOptions): Promise<void> {
    if (performance.now() - (this.prunedAt.get(table) ?? -Infinity) < PRUNE_INTERVAL) return;
    this.prunedAt.set(table, performance.now());
    try {
      const { rowsAffected } = await connection.query(this.dialect.inbox.prune(this.quoted(table), days, PRUNE_MOST));
      if (rowsAffected >= PRUNE_MOST) this.prunedAt.delete(table);
    } catch {
      await rollBack(connection);
    }
  }

  private async add(connection: DatabaseConnection, table: string, owner: string, ids: readonly string[]): Promise<string[]> {
    const { claim, lock, known, add } = this.dialect.inbox;
    if (claim) return idsOf(await this.run(connection, claim(table, owner, ids)));
    if (lock) await connection.query(lock(table));
    const there = new Set(idsOf(await this.run(connection, known(table, owner, ids))));
    const fresh = ids.filter((id) => !there.has(id)).sort();
    if (fresh.length > 0) await this.run(connection, add(table, owner, fresh));
    return fresh;
  }

  private async run(connection: DatabaseConnection, { sql, parameters }: ReturnType<Dialect["describe"]>): Promise<Record<string, unknown>[]> {
    return (await connection.query(sql, parameters)).rows;
  }

  private async exists(connection: DatabaseConnection, table: string, parts: readonly string[]): Promise<boolean> {
    const columns = (await this.run(connection, this.dialect.describe(parts))).map((row) => String(row["name"] ?? row["NAME"]).toLowerCase());
    if (columns.length === 0) return false;
    const missing = ["node", "id", "stored_at"].filter((column) => !columns.includes(column));
    if (missing.length === 0) return true;
    throw new ConnectorError("NOT_CONFIGURED", `Table ${table} is no inbox: it has no column ${missing.join(", ")}. ${this.howTo(parts)}`, { details: { table } });
  }

  private async create(connection: DatabaseConnection, table: string, parts: readonly string[]): Promise<void> {
    try {
      for (const sql of this.dialect.inbox.create(parts)) await connection.query(sql);
    } catch (thrown) {
      const error = toConnectorError(thrown, "DATABASE_UNAVAILABLE");
      if (error.code === "DATABASE_UNAVAILABLE") throw error;
      await rollBack(connection);
      if (await this.exists(connection, table, parts)) return; // another process has made it meanwhile
      throw new ConnectorError("NOT_CONFIGURED", `The inbox table ${table} cannot be made: ${error.message}. ${this.howTo(parts)}`, {
        details: { ...error.details, table },
        cause: error,
      });
    }
  }

  private howTo(parts: readonly string[]): string {
    return `Let somebody who may run: ${this.dialect.inbox.create(parts).join("; ")}`;
  }

  private quoted(table: string): string {
    return this.dialect.quoteTable(tableParts(table));
  }
}

function idsOf(rows: readonly Record<string, unknown>[]): string[] {
  return rows.map((row) => String(row["id"] ?? row["ID"]));
}
