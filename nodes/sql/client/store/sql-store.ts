import { createHash, randomUUID } from "node:crypto";
import { ConnectorError, errorText } from "../../../common/errors";
import { InTurn } from "../../../common/in-turn";
import { LatestWins } from "../../../common/latest-wins";
import type { FencedValue, SharedStore, StoreEntry } from "../../../common/store";
import type { DatabaseClient } from "../database-client";
import { type DialectName, fromData, type NamedStatement, type StatementResult } from "../protocol";
import { limitRows } from "../limit-rows";
import { createTable, likePrefix, STORE_TABLE } from "./store-table";

/** How often a change is tried at most: another process may write the same key, or create the table, at the same moment. */
const ATTEMPTS = 5;
/** How many rows a page of {@link SqlStore.entries} has. */
const PAGE = 500;
/** How many rows may be read in the generic dialect, for which no clause for pages is known; more are an error. */
const MOST_ROWS = 100_000;

/** The fence of a value that was written without one. */
const NO_FENCE = 0;

const INSERT = `insert into ${STORE_TABLE} (id, name, value, fence, stamp, updated) values (:id, :name, :value, :fence, :stamp, :updated)`;
const UPDATE = `update ${STORE_TABLE} set value = :value, fence = :fence, stamp = :stamp, updated = :updated where id = :id and`;
const DELETE = `delete from ${STORE_TABLE} where id = :id`;
const READ = `select value, fence from ${STORE_TABLE} where id = :id`;
const READ_MARKS = `select stamp, fence from ${STORE_TABLE} where id = :id`;

/** A row of the table. */
type StoredRow = Record<"id" | "name" | "value" | "stamp" | "updated", string> & { fence: number };

/** A page of stored entries. `last`: the id of its last row, when more rows may follow. */
interface EntryPage {
  found: StoreEntry[];
  last: string | undefined;
}

/** When a value is written: `sql` is the condition on the stored row, `holds` the same for the row's fence; `orNothing` allows the write where nothing is stored. */
interface Condition {
  sql?: string;
  holds(fence: number): boolean;
  orNothing?: boolean;
}

/**
 * A {@link SharedStore} in a table of a database, over connections that only stores use. The table is created with the first write. A key is found by its hash, since
 * databases differ in which letters they treat as equal and in how long a key may be.
 *
 * Rejects with `ConnectorError`s `STORE_UNAVAILABLE`. A write whose answer was lost is repeated, which shows whether the first one was done. If that fails, too, the
 * write is rejected, and nobody knows whether it was done.
 */
export class SqlStore implements SharedStore {
  private readonly writes = new LatestWins<string | undefined>((key, text) => (text === undefined ? this.delete(key) : this.replace(key, text)));
  private readonly turns = new InTurn();
  private known: DialectName | undefined;

  constructor(private readonly client: DatabaseClient) {}

  async read(key: string): Promise<unknown> {
    return (await this.readFenced(key))?.value;
  }

  async readFenced(key: string): Promise<FencedValue | undefined> {
    const pending = this.writes.pending(key);
    if (pending) return pending.value === undefined ? undefined : { value: JSON.parse(pending.value), fence: NO_FENCE };
    return this.reading(`What is kept as "${key}" cannot be read`, async () => {
      const [row] = await this.rows({ sql: READ, values: { id: idOf(key) } }, 1);
      return row && { value: JSON.parse(String(row[0])) as unknown, fence: Number(row[1]) };
    });
  }

  async *entries(prefix: string): AsyncGenerator<StoreEntry[]> {
    for (let page = await this.page(prefix); ; page = await this.page(prefix, page.last)) {
      yield page.found;
      if (page.last === undefined) return;
    }
  }

  write(key: string, value: unknown): Promise<void> {
    return this.writes.put(key, JSON.stringify(value));
  }

  remove(key: string): Promise<void> {
    return this.writes.put(key, undefined);
  }

  writeFenced(key: string, value: unknown, fence: number): Promise<boolean> {
    return this.put(key, rowOf(key, JSON.stringify(value), fence), { sql: "fence <= :fence", holds: (kept) => kept <= fence, orNothing: true });
  }

  swap(key: string, value: unknown, fence: number, expected: number | undefined): Promise<boolean> {
    const row = { ...rowOf(key, JSON.stringify(value), fence), expected: expected ?? NO_FENCE };
    return this.put(key, row, expected === undefined ? { holds: () => false, orNothing: true } : { sql: "fence = :expected", holds: (kept) => kept === expected });
  }

  removeFenced(key: string, expected: number): Promise<boolean> {
    const values = { id: idOf(key), expected };
    const statements = [{ sql: `${DELETE} and fence = :expected`, values }, { sql: READ_MARKS, values: { id: values.id } }];
    return this.turns.run(key, () => this.insist(key, async () => valuesOf((await this.run(statements, 1)).at(-1)).length === 0));
  }

  /**
   * Changes the stored value, or inserts one where nothing is stored, if the condition holds. Resolves with whether it was written. This is known by the stamp, not by
   * the number of changed rows, which some drivers do not report; so a write whose answer was lost is recognised, too.
   */
  private put(key: string, row: StoredRow, { sql, holds, orNothing }: Condition): Promise<boolean> {
    const change = sql ? [{ sql: `${UPDATE} ${sql}`, values: row }] : [];
    const statements = [...change, { sql: READ_MARKS, values: { id: row.id } }];
    return this.turns.run(key, () =>
      this.insist(key, async () => {
        const [kept] = valuesOf((await this.run(statements, 1)).at(-1));
        if (kept?.[0] === row.stamp) return true;
        if (kept && holds(Number(kept[1]))) throw new ConnectorError("DATABASE_BUSY", "It was written by another process at the same moment"); // after our update had not found it
        if (kept || !orNothing) return false;
        await this.run([{ sql: INSERT, values: row }], 1);
        return true;
      }),
    );
  }

  /** Replaces a value by a delete and an insert in one transaction. Every database understands these, while each has a different upsert. */
  private replace(key: string, text: string): Promise<void> {
    const values = rowOf(key, text, NO_FENCE);
    const statements = [{ sql: DELETE, values: { id: values.id } }, { sql: INSERT, values }];
    return this.insist(key, async () => void (await this.run(statements, 1)));
  }

  private async delete(key: string): Promise<void> {
    try {
      await this.run([{ sql: DELETE, values: { id: idOf(key) } }], 1);
    } catch (error) {
      if (!isUnknownTable(error)) throw unavailable(`"${key}" cannot be forgotten`, error);
    }
  }

  /** Repeats the work when another process was in the way, the table was missing, or an answer was lost; the last only once, since a database may be away for long. */
  private async insist<T>(key: string, work: () => Promise<T>): Promise<T> {
    for (let attempt = 1, lost = false; ; attempt += 1) {
      try {
        return await work();
      } catch (error) {
        const again = isLost(error) ? !lost : error instanceof ConnectorError && (error.scope === "message" || isUnknownTable(error));
        if (!again || attempt === ATTEMPTS) throw unavailable(`"${key}" cannot be kept`, error);
        lost ||= isLost(error);
        if (isUnknownTable(error)) await this.create(key);
      }
    }
  }

  /** Runs a read. Resolves with `undefined` when there is no table, so that nothing was ever written. */
  private async reading<T>(what: string, read: () => Promise<T>): Promise<T | undefined> {
    try {
      return await read().catch(async (error: unknown) => {
        if (!isUnknownTable(error)) throw error;
        return (await this.isMissing()) ? undefined : await read(); // the table was created in the meantime
      });
    } catch (error) {
      throw unavailable(what, error);
    }
  }

  private async create(key: string): Promise<void> {
    try {
      if (!(await this.isMissing())) return;
      const sql = createTable(await this.dialect());
      await this.run([{ sql, values: {} }], 1).catch((error: unknown) => {
        // another process created it at the same time
        if (error instanceof ConnectorError && error.scope === "message") return;
        throw new ConnectorError("STORE_UNAVAILABLE", `${errorText(error)}. The table may be made by hand: ${sql}`, { cause: error });
      });
    } catch (error) {
      throw unavailable(`"${key}" cannot be kept`, error);
    }
  }

  /** Whether there is no table. @throws ConnectorError when the table has not our columns */
  private async isMissing(): Promise<boolean> {
    if (!(await this.has("id"))) return true;
    if (await this.has("name, value, fence, stamp, updated")) return false;
    const wrong = `The table ${STORE_TABLE} lacks columns: another version made it. Drop or rename it, and it is made anew, with nothing in it`;
    throw new ConnectorError("STORE_UNAVAILABLE", `${wrong}; by hand: ${createTable(await this.dialect())}`);
  }

  private async has(columns: string): Promise<boolean> {
    try {
      await this.run([{ sql: `select ${columns} from ${STORE_TABLE} where id = ''`, values: {} }], 1);
      return true;
    } catch (error) {
      if (isUnknownTable(error)) return false;
      throw error;
    }
  }

  /** Reads one page of entries. @param after id of the last row of the page before */
  private async page(prefix: string, after?: string): Promise<EntryPage> {
    const isNext = after === undefined ? "" : "id > :after and ";
    const sql = `select id, name, value, fence from ${STORE_TABLE} where ${isNext}name like :pattern order by id`;
    const values = { pattern: likePrefix(prefix), ...(after === undefined ? {} : { after }) };
    const read = async (): Promise<EntryPage> => {
      const dialect = await this.dialect();
      const isPaged = dialect !== "generic";
      const rows = await this.rows({ sql: limitRows(sql, PAGE, dialect), values }, isPaged ? PAGE : MOST_ROWS);
      const found = rows.map(([, name, value, fence]) => ({ key: String(name), value: JSON.parse(String(value)) as unknown, fence: Number(fence) }));
      return { found: found.filter(({ key }) => key.startsWith(prefix)), last: isPaged && rows.length === PAGE ? String(rows.at(-1)?.[0]) : undefined };
    };
    return (await this.reading(`What is kept under "${prefix}" cannot be read`, read)) ?? { found: [], last: undefined };
  }

  private async dialect(): Promise<DialectName> {
    return (this.known ??= (await this.client.ping("store")).dialect);
  }

  private async rows(statement: NamedStatement, maxRows: number): Promise<unknown[][]> {
    return valuesOf((await this.run([statement], maxRows)).at(-1));
  }

  /** Runs statements as one transaction. @throws ConnectorError */
  private async run(statements: readonly NamedStatement[], maxRows: number): Promise<StatementResult[]> {
    const [outcome] = await this.client.execute({ transactions: [{ statements }], maxRows, purpose: "store" });
    if (!outcome || "error" in outcome) throw outcome ? fromData(outcome.error) : new ConnectorError("DATABASE_UNAVAILABLE", "The database gave no answer");
    return outcome.results;
  }
}

function rowOf(key: string, value: string, fence: number): StoredRow {
  return { id: idOf(key), name: key, value, fence, stamp: randomUUID(), updated: new Date().toISOString() };
}

/** Returns the rows as lists in the order of their columns, since databases differ in the case of names. */
function valuesOf(result: StatementResult | undefined): unknown[][] {
  return (result?.rows ?? []).map((row) => Object.values(row));
}

function idOf(key: string): string {
  return createHash("sha256").update(key).digest("hex");
}

function isUnknownTable(error: unknown): boolean {
  return error instanceof ConnectorError && error.code === "TABLE_UNKNOWN";
}

/** Whether the change may have been made in spite of the error. */
function isLost(error: unknown): boolean {
  return error instanceof ConnectorError && error.code === "DATABASE_UNAVAILABLE";
}

function unavailable(what: string, error: unknown): ConnectorError {
  if (error instanceof ConnectorError && error.code === "STORE_UNAVAILABLE") return error;
  return new ConnectorError("STORE_UNAVAILABLE", `${what}: ${errorText(error)}`, { cause: error });
}
