import { ConnectorError, isConnectorError, toConnectorError } from "../../common/errors";
import type { DatabaseConnection } from "./backend";
import { type Dialect, tableParts } from "./dialect";
import { isDuplicateKey } from "./duplicate-key";
import type { InboxOptions } from "./protocol";
import { rollBack } from "./roll-back";

/** Ids in one statement. */
const MOST_IDS = 500;
/** Old ids are looked for this often, in ms, … */
const PRUNE_INTERVAL = 60_000;
/** … and deleted so many at a time; when there were as many, again after the next write, so that it keeps up with any rate. */
const PRUNE_MOST = 1000;

/**
 * The ids of the messages whose work is committed. An id is added in the transaction of its work: both are there, or neither is. Two who
 * add one at the same time wait for each other at the primary key, and the second finds it there.
 */
export class Inbox {
  /** Tables that are known to be there. */
  private readonly ready = new Set<string>();
  private readonly prunedAt = new Map<string, number>();

  constructor(private readonly dialect: Dialect) {}

  /**
   * Makes the table when it is missing. Outside of a transaction: some databases commit it with a `create table`.
   *
   * @throws ConnectorError of scope `system`: `NOT_CONFIGURED` with the statements to run when the user may not make it
   */
  async prepare(connection: DatabaseConnection, { table }: InboxOptions): Promise<void> {
    if (this.ready.has(table)) return;
    const parts = tableParts(table);
    if (!(await this.exists(connection, table, parts))) await this.create(connection, table, parts);
    this.ready.add(table);
  }

  /** Adds the ids to the transaction, and gives those that were not there. @throws ConnectorError `DATABASE_BUSY` when another adds one right now */
  async claim(connection: DatabaseConnection, { table, owner }: InboxOptions, ids: readonly string[]): Promise<Set<string>> {
    const fresh = new Set<string>();
    try {
      for (let start = 0; start < ids.length; start += MOST_IDS) {
        for (const id of await this.add(connection, this.quoted(table), owner, ids.slice(start, start + MOST_IDS))) fresh.add(id);
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

  /** Deletes old ids now and then; call it outside of a transaction. What goes wrong here concerns nobody's message. */
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
      if (await this.exists(connection, table, parts)) return; // another was faster
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
