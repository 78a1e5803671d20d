import { createHash } from "node:crypto";
import { ConnectorError, errorText } from "../../common/errors";
import { LatestWins } from "../../common/latest-wins";
import type { Store } from "../../common/store";
import type { DatabaseClient } from "./database-client";
import { type DialectName, fromData, type NamedStatement, type StatementResult } from "./protocol";

/** Where values are kept. */
export const STORE_TABLE = "surewire_store";

/** Another process may write the same key, or make the table, at the same moment: then it is done again, so often at most. */
const ATTEMPTS = 5;

/** As much of a key as is shown. */
const NAME_LENGTH = 400;

/** What differs in the table: text that may be long. `name` and `updated` are for people. */
const LONG_TEXT: Readonly<Record<DialectName, string>> = {
  postgresql: "text",
  mariadb: "mediumtext",
  sqlite: "text",
  sqlserver: "nvarchar(max)",
  oracle: "clob",
  db2: "clob(16M)",
  generic: "varchar(4000)",
};

/**
 * A {@link Store} in a table of a database, so that several processes share what they keep. The table is made with the first write; a key
 * is found by its hash, since databases differ in what letters they take for the same and in how long a key may be.
 *
 * Rejections are `ConnectorError`s `STORE_UNAVAILABLE`.
 */
export class SqlStore implements Store {
  private readonly writes = new LatestWins<string | undefined>((key, text) => (text === undefined ? this.delete(key) : this.replace(key, text)));

  constructor(private readonly client: DatabaseClient) {}

  async read(key: string): Promise<unknown> {
    const pending = this.writes.pending(key);
    if (pending) return pending.value === undefined ? undefined : JSON.parse(pending.value);
    try {
      const [result] = await this.run([{ sql: `select value from ${STORE_TABLE} where id = :id`, values: { id: idOf(key) } }]);
      const [row] = result?.rows ?? [];
      return row ? JSON.parse(String(Object.values(row)[0])) : undefined;
    } catch (error) {
      if (isUnknownTable(error)) return undefined; // nothing was ever written
      throw unavailable(`What is kept as "${key}" cannot be read`, error);
    }
  }

  write(key: string, value: unknown): Promise<void> {
    return this.writes.put(key, JSON.stringify(value));
  }

  remove(key: string): Promise<void> {
    return this.writes.put(key, undefined);
  }

  /** In one transaction: understood by every database, while each has an upsert of its own. */
  private async replace(key: string, text: string): Promise<void> {
    const id = idOf(key);
    const values = { id, name: key.slice(0, NAME_LENGTH), value: text, updated: new Date().toISOString() };
    const statements = [
      { sql: `delete from ${STORE_TABLE} where id = :id`, values: { id } },
      { sql: `insert into ${STORE_TABLE} (id, name, value, updated) values (:id, :name, :value, :updated)`, values },
    ];
    for (let attempt = 1; ; attempt += 1) {
      try {
        await this.run(statements);
        return;
      } catch (error) {
        const again = error instanceof ConnectorError && (error.scope === "message" || isUnknownTable(error));
        if (!again || attempt === ATTEMPTS) throw unavailable(`"${key}" cannot be kept`, error);
        if (isUnknownTable(error)) await this.create(key);
      }
    }
  }

  private async delete(key: string): Promise<void> {
    try {
      await this.run([{ sql: `delete from ${STORE_TABLE} where id = :id`, values: { id: idOf(key) } }]);
    } catch (error) {
      if (!isUnknownTable(error)) throw unavailable(`"${key}" cannot be forgotten`, error);
    }
  }

  private async create(key: string): Promise<void> {
    try {
      const { dialect } = await this.client.ping();
      const sql = createTable(dialect);
      await this.run([{ sql, values: {} }]).catch((error: unknown) => {
        // two processes at once: the other has made it
        if (error instanceof ConnectorError && error.scope === "message") return;
        throw new ConnectorError("STORE_UNAVAILABLE", `${errorText(error)}. The table may be made by hand: ${sql}`, { cause: error });
      });
    } catch (error) {
      throw unavailable(`"${key}" cannot be kept`, error);
    }
  }

  /** Runs a transaction. @throws ConnectorError */
  private async run(statements: readonly NamedStatement[]): Promise<StatementResult[]> {
    const [outcome] = await this.client.execute({ transactions: [{ statements }], maxRows: 1 });
    if (!outcome || "error" in outcome) throw outcome ? fromData(outcome.error) : new ConnectorError("DATABASE_UNAVAILABLE", "The database gave no answer");
    return outcome.results;
  }
}

/** Makes the table in a dialect. */
export function createTable(dialect: DialectName): string {
  const end = dialect === "mariadb" ? " default character set utf8mb4" : "";
  const text = dialect === "sqlserver" ? "nvarchar" : "varchar";
  return `create table ${STORE_TABLE} (id char(64) not null primary key, name ${text}(${NAME_LENGTH}), value ${LONG_TEXT[dialect]} not null, updated varchar(30) not null)${end}`;
}

function idOf(key: string): string {
  return createHash("sha256").update(key).digest("hex");
}

function isUnknownTable(error: unknown): boolean {
  return error instanceof ConnectorError && error.code === "TABLE_UNKNOWN";
}

function unavailable(what: string, error: unknown): ConnectorError {
  if (error instanceof ConnectorError && error.code === "STORE_UNAVAILABLE") return error;
  return new ConnectorError("STORE_UNAVAILABLE", `${what}: ${errorText(error)}`, { cause: error });
}
