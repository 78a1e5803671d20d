import { ConnectorError } from "../../../common/errors";
import type { DatabaseConnection } from "../child/backend";
import { type Column, type Dialect, tableParts } from "../dialect";
import type { WriteRequest } from "../protocol";

/** What is known of a table. */
export interface TableInfo {
  /** Name of the table, quoted for a statement. */
  quoted: string;
  /** Columns of the key, with their names as the table has them. */
  keys: readonly string[];
  /** For upsert and ignore: the columns of the other unique keys, by which another row may be found. See `Target` of the dialects. */
  otherKeys: readonly (readonly string[])[];
  columns: ReadonlyMap<string, Column>;
  readAt: number;
}

/** How often, in ms, a table is read again at most because of a missing column, which may have been added. */
const REREAD_AFTER = 5000;
/** How long a table's columns are remembered, in ms. A column may get another type, for which values are encoded differently. */
const HOLDS = 60_000;

/** Knows the columns of the tables that are written to: names are checked before they get into a statement, and types decide how values are encoded. */
export class TableCatalogue {
  private readonly tables = new Map<string, TableInfo>();

  constructor(private readonly dialect: Dialect) {}

  /** Returns what is known of a table. @throws ConnectorError `TABLE_UNKNOWN` or `NOT_CONFIGURED`, of scope `system`, since they concern every message */
  async table(connection: DatabaseConnection, request: WriteRequest): Promise<TableInfo> {
    const id = cacheKey(request);
    const known = this.tables.get(id);
    if (known && performance.now() - known.readAt < HOLDS) return known;
    const info = await this.read(connection, request);
    this.tables.set(id, info);
    return info;
  }

  /**
   * Returns the columns with these names. A name must be exact, or fit only one column if case does not count.
   *
   * @throws ConnectorError `TABLE_UNKNOWN` for a missing column, of scope `message` when the names are the payload's; `NOT_CONFIGURED` or `INPUT_INVALID` for one twice
   */
  async columns(connection: DatabaseConnection, request: WriteRequest, names: readonly string[]): Promise<Column[]> {
    let info = await this.table(connection, request);
    let found = names.map((name) => find(info, name));
    if (found.includes(undefined) && performance.now() - info.readAt > REREAD_AFTER) {
      this.forget(request);
      info = await this.table(connection, request);
      found = names.map((name) => find(info, name));
    }
    const missing = names[found.indexOf(undefined)];
    const scope = request.mapped ? "system" : "message";
    if (missing !== undefined) throw unknownColumn(request.table, missing, { scope, retryable: request.mapped });
    const columns = found as Column[];
    const twice = names.find((_name, index) => columns.indexOf(columns[index] as Column) !== index);
    if (twice === undefined) return columns;
    throw new ConnectorError(request.mapped ? "NOT_CONFIGURED" : "INPUT_INVALID", `Column "${twice}" of ${request.table} is given twice`, {
      details: { table: request.table },
    });
  }

  /** Forgets a table, so that it is read again when it is needed next. */
  forget(request: WriteRequest): void {
    this.tables.delete(cacheKey(request));
  }

  private async read(connection: DatabaseConnection, request: WriteRequest): Promise<TableInfo> {
    const { table, keys, mode } = request;
    const parts = tableParts(table);
    const { sql, parameters } = this.dialect.describe(parts);
    const rows = (await connection.query(sql, parameters)).rows.map(described);
    if (rows.length === 0) {
      throw new ConnectorError("TABLE_UNKNOWN", `Table ${table} does not exist, or the user may not see it`, { details: { table } });
    }
    const columns = new Map(rows.map((column) => [column.name, column]));
    const info = { quoted: this.dialect.quoteTable(parts), keys: [] as string[], otherKeys: [] as string[][], columns, readAt: performance.now() };
    if (mode === "insert" || (mode === "ignore" && keys.length === 0)) return info;
    if (keys.length === 0) throw new ConnectorError("NOT_CONFIGURED", `The mode ${mode} needs the columns of the key of ${table}`, { details: { table } });
    info.keys = keys.map((key) => {
      const column = find(info, key);
      if (!column) throw unknownColumn(table, key, { scope: "system", retryable: true });
      return column.name;
    });
    if (mode === "upsert" || mode === "ignore") info.otherKeys = await this.checkKey(connection, request, parts, info.keys);
    return info;
  }

  /** Checks the key. @returns the columns of the other unique keys, and of one on the same columns with only the beginning of a text, which different texts share */
  private async checkKey(connection: DatabaseConnection, { table, mode }: WriteRequest, parts: string[], keys: string[]): Promise<string[][]> {
    const statement = this.dialect.uniqueKeys?.(parts);
    if (!statement) return [];
    const { rows } = (await connection.query(statement.sql, statement.parameters)) as { rows: { columns?: unknown; part?: unknown }[] };
    const unique = rows.map(({ columns, part }) => ({ columns: String(columns).split("\n"), isWhole: (part ?? null) === null }));
    const isMeant = ({ columns }: { columns: string[] }): boolean => listed(columns) === listed(keys);
    if (unique.some(isMeant)) return unique.filter((key) => !isMeant(key) || !key.isWhole).map(({ columns }) => columns);
    throw new ConnectorError(
      "NOT_CONFIGURED",
      `Table ${table} has no primary key or unique index over exactly (${keys.join(", ")}), which ${mode} goes by`,
      { details: { table } },
    );
  }
}

function listed(columns: readonly string[]): string {
  return [...columns].sort().join("\n").toLowerCase();
}

function cacheKey({ table, mode, keys }: WriteRequest): string {
  return JSON.stringify([table, mode, keys]);
}

/** Turns a row of {@link Dialect.describe} into a column. Some products return names without quotes in upper case. */
function described(row: Record<string, unknown>): Column {
  return { name: String(row["name"] ?? row["NAME"]), type: String(row["type"] ?? row["TYPE"]).toLowerCase() };
}

function find({ columns }: Pick<TableInfo, "columns">, name: string): Column | undefined {
  const exact = columns.get(name);
  if (exact) return exact;
  const lower = name.toLowerCase();
  const similar = [...columns.values()].filter((column) => column.name.toLowerCase() === lower);
  return similar.length === 1 ? similar[0] : undefined;
}

function unknownColumn(table: string, column: string, options: { scope: "system" | "message"; retryable: boolean }): ConnectorError {
  return new ConnectorError("TABLE_UNKNOWN", `Table ${table} has no column "${column}"`, { ...options, details: { table, column } });
}
