import { type ConnectorError, isConnectorError, toConnectorError } from "../../../common/errors";
import type { DatabaseConnection } from "../child/backend";
import type { Column, Dialect } from "../dialect";
import { MAX_STATEMENT_BYTES } from "../dialect/text";
import { Inbox } from "../child/inbox";
import { type PlainValue, type RowOutcome, toData, type WriteRequest } from "../protocol";
import { type ReadyRow, RowBatch } from "./row-batch";
import { TableCatalogue } from "./table-catalogue";

interface Group {
  columns: readonly Column[];
  rows: ReadyRow[];
}

/**
 * Writes a batch. Rows with the same columns go into one statement, which the database runs completely or not at all. A refused statement is halved until the bad
 * rows are alone (15 statements for one bad row of 100, against 101 row by row).
 */
export class TableWriter {
  private readonly catalogue: TableCatalogue;
  private readonly inbox: Inbox;

  constructor(readonly dialect: Dialect) {
    this.catalogue = new TableCatalogue(dialect);
    this.inbox = new Inbox(dialect);
  }

  /**
   * Resolves with one outcome per row, in order.
   *
   * @throws ConnectorError of scope `system` when nothing was stored; if something was, the remaining rows have that error as their outcome
   */
  async write(connection: DatabaseConnection, request: WriteRequest): Promise<RowOutcome[]> {
    const table = await this.catalogue.table(connection, request);
    if (request.inbox) await this.inbox.prepare(connection, request.inbox);
    const batch = new RowBatch(this.dialect, connection, request, this.inbox, table);
    const groups = await this.group(connection, request, batch);
    try {
      for (const group of groups) for (const rows of this.statements(group)) await batch.store(group.columns, rows);
      if (request.inbox) await this.inbox.tidy(connection, request.inbox);
    } catch (error) {
      if (isConnectorError(error) && error.code === "TABLE_UNKNOWN") this.catalogue.forget(request);
      batch.giveUp(toConnectorError(error, "DATABASE_UNAVAILABLE"));
    }
    return batch.outcomes;
  }

  /** Encodes the rows and groups them by their columns. A row that cannot be encoded gets its error as its outcome. */
  private async group(connection: DatabaseConnection, request: WriteRequest, batch: RowBatch): Promise<Group[]> {
    const groups = new Map<readonly string[], Group | ConnectorError>();
    for (const [index, { columns, values, id = "" }] of request.rows.entries()) {
      let group = groups.get(columns);
      if (!group) {
        group = await this.shape(connection, request, columns);
        groups.set(columns, group);
      }
      if (isConnectorError(group)) {
        batch.outcomes[index] = toData(group);
        continue;
      }
      const row = this.encoded(values, group.columns);
      if (isConnectorError(row)) batch.outcomes[index] = toData(row);
      else group.rows.push({ index, row, size: this.dialect.size(row), id });
    }
    return [...groups.values()].filter((group): group is Group => !isConnectorError(group));
  }

  private encoded(values: readonly PlainValue[], columns: readonly Column[]): unknown {
    try {
      return this.dialect.encode(values, columns);
    } catch (error) {
      if (isConnectorError(error) && error.scope === "message") return error;
      throw error;
    }
  }

  private async shape(connection: DatabaseConnection, request: WriteRequest, names: readonly string[]): Promise<Group | ConnectorError> {
    try {
      return { columns: await this.catalogue.columns(connection, request, names), rows: [] };
    } catch (error) {
      if (isConnectorError(error) && error.scope === "message") return error;
      throw error;
    }
  }

  /** Cuts rows into parts that fit in one statement. */
  private *statements({ columns, rows }: Group): Iterable<ReadyRow[]> {
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
