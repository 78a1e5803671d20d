import { ConnectorError, isConnectorError, toConnectorError } from "../../common/errors";
import type { DatabaseConnection } from "./backend";
import { type Column, type Dialect, type Target } from "./dialect";
import { MAX_STATEMENT_BYTES } from "./dialect/text";
import { type RowOutcome, toData, type WriteRequest } from "./protocol";
import { TableCatalogue, type TableInfo } from "./table-catalogue";

/** A row made ready, with its place in the request. */
interface Ready {
  index: number;
  row: unknown;
  size: number;
}

interface Group {
  columns: readonly Column[];
  rows: Ready[];
}

/**
 * Writes a batch: rows of one shape in one statement, which the database takes whole or not at all; a refused one is halved
 * until the bad rows stand alone (15 statements for one bad row of 100, against 101 row by row).
 */
export class TableWriter {
  private readonly catalogue: TableCatalogue;

  constructor(readonly dialect: Dialect) {
    this.catalogue = new TableCatalogue(dialect);
  }

  /**
   * One outcome per row, in order.
   *
   * @throws ConnectorError of scope `system` when nothing was stored; when something was, the rows left over have that error as their outcome
   */
  async write(connection: DatabaseConnection, request: WriteRequest): Promise<RowOutcome[]> {
    const table = await this.catalogue.table(connection, request);
    const batch = new Batch(this.dialect, connection, request, table);
    const groups = await this.group(connection, request, batch);
    try {
      for (const group of groups) for (const rows of this.statements(group)) await batch.store(group.columns, rows);
    } catch (error) {
      if (isConnectorError(error) && error.code === "TABLE_UNKNOWN") this.catalogue.forget(request);
      batch.giveUp(toConnectorError(error, "DATABASE_UNAVAILABLE"));
    }
    return batch.outcomes;
  }

  /** Rows by shape, made ready; those that cannot be are refused on the spot. */
  private async group(connection: DatabaseConnection, request: WriteRequest, batch: Batch): Promise<Group[]> {
    const groups = new Map<readonly string[], Group | ConnectorError>();
    for (const [index, { columns, values }] of request.rows.entries()) {
      let group = groups.get(columns);
      if (!group) {
        group = await this.shape(connection, request, columns);
        groups.set(columns, group);
      }
      if (isConnectorError(group)) {
        batch.outcomes[index] = toData(group);
        continue;
      }
      const row = this.dialect.encode(values, group.columns);
      group.rows.push({ index, row, size: this.dialect.size(row) });
    }
    return [...groups.values()].filter((group): group is Group => !isConnectorError(group));
  }

  private async shape(connection: DatabaseConnection, request: WriteRequest, names: readonly string[]): Promise<Group | ConnectorError> {
    try {
      return { columns: await this.catalogue.columns(connection, request, names), rows: [] };
    } catch (error) {
      if (isConnectorError(error) && error.scope === "message") return error;
      throw error;
    }
  }

  /** Cuts rows to what one statement may hold. */
  private *statements({ columns, rows }: Group): Iterable<Ready[]> {
    const most = this.dialect.maxRows(columns.length);
    let start = 0;
    let bytes = 0;
    for (const [index, { size }] of rows.entries()) {
      if (index > start && (index - start >= most || bytes + size > MAX_STATEMENT_BYTES)) {
        yield rows.slice(start, index);
        start = index;
        bytes = 0;
      }
      bytes += size;
    }
    if (rows.length > start) yield rows.slice(start);
  }
}

/** The outcomes of one request as they come in. */
class Batch {
  readonly outcomes: (RowOutcome | undefined)[] & RowOutcome[];
  private stored = false;
  private readonly target: Omit<Target, "columns">;

  constructor(
    private readonly dialect: Dialect,
    private readonly connection: DatabaseConnection,
    private readonly request: WriteRequest,
    table: TableInfo,
  ) {
    this.outcomes = new Array<RowOutcome>(request.rows.length) as typeof this.outcomes;
    this.target = { table: table.quoted, mode: request.mode, keys: table.keys };
  }

  async store(columns: readonly Column[], rows: Ready[]): Promise<void> {
    try {
      const { sql, parameters } = this.dialect.write({ ...this.target, columns }, rows.map(({ row }) => row));
      await this.connection.query(sql, parameters);
      this.stored = true;
      for (const { index } of rows) this.outcomes[index] = null;
    } catch (thrown) {
      const error = toConnectorError(thrown, "DATABASE_UNAVAILABLE");
      if (error.code === "DATABASE_UNAVAILABLE") throw error;
      if (error.scope === "system") throw named(error, this.request);
      await this.connection.rollback();
      // a lock or a deadlock is nobody's fault: all are tried again
      if (rows.length === 1 || error.code === "DATABASE_BUSY") {
        for (const { index } of rows) this.outcomes[index] = toData(named(error, this.request));
        return;
      }
      const middle = Math.ceil(rows.length / 2);
      await this.store(columns, rows.slice(0, middle));
      await this.store(columns, rows.slice(middle));
    }
  }

  /** A system error in the middle: what is committed stays so, the rest has the error. */
  giveUp(error: ConnectorError): void {
    if (!this.stored) throw error;
    for (let index = 0; index < this.outcomes.length; index += 1) if (this.outcomes[index] === undefined) this.outcomes[index] = toData(error);
  }
}

function named(error: ConnectorError, { mode, table }: WriteRequest): ConnectorError {
  const { code, scope, retryable, details, message } = error;
  return new ConnectorError(code, `${mode} into ${table}: ${message}`, { scope, retryable, details: { ...details, table } });
}
