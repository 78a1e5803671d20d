import { halves } from "../../../common/chunks";
import { ConnectorError, reworded, toConnectorError } from "../../../common/errors";
import type { DatabaseConnection } from "../child/backend";
import type { BatchStatement, Column, Dialect, Statement, Target } from "../dialect";
import { isDuplicateKey } from "../duplicate-key";
import type { Inbox } from "../child/inbox";
import { type RowDone, type RowOutcome, toData, type WriteMode, type WriteRequest } from "../protocol";
import { rollBack } from "../child/roll-back";
import type { TableInfo } from "./table-catalogue";

/** An encoded row and its place in the request. */
export interface ReadyRow {
  index: number;
  row: unknown;
  /** Roughly how many bytes it has. */
  size: number;
  /** Id of its message, with an inbox; else empty. */
  id: string;
}

/** Rows that are committed together or not at all. */
interface Part {
  rows: readonly ReadyRow[];
  way: Way;
}

/** How a part is stored: by one statement of the request's mode, by one that passes over rows whose key is there already, or by one statement per row. */
type Way = "batch" | "unless-there" | "row-by-row";

/** So many rows or fewer are stored one by one to find those that are there already. More are halved first, since such rows are often next to each other. */
const MOST_ONE_BY_ONE = 16;

/** Thrown when a row of a part failed by itself; those before it did not. */
class RowFailure extends Error {
  constructor(
    readonly error: ConnectorError,
    readonly row: ReadyRow,
  ) {
    super(error.message);
  }
}

/**
 * Stores the rows of one request and collects the outcome of each. Each part of them is committed or rolled back as a whole. A part that is
 * refused is stored again without the row at fault, or in halves where the database does not tell which row it was.
 */
export class RowBatch {
  readonly outcomes: (RowOutcome | undefined)[] & RowOutcome[];
  private stored = false;
  private readonly table: Omit<Target, "columns" | "mode">;
  /** Whether a row counts as done when any unique key of it is there already. */
  private readonly lenient: boolean;
  /** Whether rows to ignore are inserted first, in one statement. Where that fails with a duplicate key, it may also be of another key than the named one. */
  private readonly asInsert: boolean;

  constructor(
    private readonly dialect: Dialect,
    private readonly connection: DatabaseConnection,
    private readonly request: WriteRequest,
    private readonly inbox: Inbox,
    { quoted, keys, otherKeys }: TableInfo,
  ) {
    const { mode, rows, keys: named, duplicateIsSuccess = false } = request;
    this.outcomes = new Array<RowOutcome>(rows.length) as typeof this.outcomes;
    this.table = { table: quoted, keys, otherKeys };
    this.lenient = mode === "insert" ? duplicateIsSuccess : mode === "ignore" && named.length === 0;
    this.asInsert = mode === "ignore" && dialect.rowByRow.has("ignore");
  }

  /** Stores rows with the same columns. @throws ConnectorError of scope `system`; rows that are committed have their outcome then, the rest has none */
  async store(columns: readonly Column[], rows: readonly ReadyRow[]): Promise<void> {
    const { rowByRow } = this.dialect;
    const { mode } = this.request;
    const way = rowByRow.has("insert") || (mode !== "ignore" && rowByRow.has(mode)) ? "row-by-row" : "batch";
    const parts: Part[] = this.rounds(rows).map((round) => ({ rows: round, way }));
    for (let part = parts.shift(); part; part = parts.shift()) parts.unshift(...(await this.attempt(columns, part)));
  }

  /** Ends after an error of scope `system`: rows without an outcome get it as theirs. @throws the error, when nothing was committed */
  giveUp(error: ConnectorError): void {
    if (!this.stored) throw error;
    for (let index = 0; index < this.outcomes.length; index += 1) if (this.outcomes[index] === undefined) this.outcomes[index] = toData(error);
  }

  /** Stores a part. Resolves with the parts that must be stored in another way; with none when each row has its outcome. */
  private async attempt(columns: readonly Column[], part: Part): Promise<Part[]> {
    try {
      return await this.transaction(columns, part);
    } catch (thrown) {
      const error = thrown instanceof RowFailure ? thrown.error : toConnectorError(thrown, "DATABASE_UNAVAILABLE");
      await rollBack(this.connection);
      if (error.code === "DATABASE_UNAVAILABLE") throw error;
      if (error.scope === "system") throw this.named(error);
      const { rows, way } = part;
      if (way === "batch" && (this.lenient ? rows.length > 1 : this.asInsert) && isDuplicateKey(error)) return [{ rows, way: this.dialect.writeUnlessThere ? "unless-there" : "row-by-row" }];
      if (this.request.mode === "upsert" && way === "batch" && rows.length === 1 && this.dialect.hidesKey?.(error)) return [{ rows, way: "row-by-row" }];
      // a lock or a deadlock is no row's fault: each row gets the error, and is tried again
      if (rows.length === 1 || error.code === "DATABASE_BUSY") {
        for (const row of rows) this.refuse(row, error);
        return [];
      }
      const guilty = thrown instanceof RowFailure ? thrown.row : undefined;
      if (guilty) this.refuse(guilty, error);
      const left = guilty ? [rows.slice(0, rows.indexOf(guilty)), rows.slice(rows.indexOf(guilty) + 1)] : halves(rows);
      return left.filter(({ length }) => length > 0).map((some) => ({ rows: some, way: guilty ? way : "batch" }));
    }
  }

  /** With an inbox, rows with the same id are stored in different rounds, so that the second comes when the first is committed or has failed. */
  private rounds(rows: readonly ReadyRow[]): (readonly ReadyRow[])[] {
    if (!this.request.inbox) return [rows];
    const rounds: ReadyRow[][] = [];
    const times = new Map<string, number>();
    for (const row of rows) {
      const time = times.get(row.id) ?? 0;
      times.set(row.id, time + 1);
      (rounds[time] ??= []).push(row);
    }
    return rounds;
  }

  private async transaction(columns: readonly Column[], part: Part): Promise<Part[]> {
    const { connection, request, inbox } = this;
    // one statement commits by itself
    if (!request.inbox && (part.way === "batch" || part.rows.length === 1)) {
      this.record(part.rows, await this.write(columns, part));
      return [];
    }
    await connection.begin();
    let { rows } = part;
    if (request.inbox) {
      const fresh = await inbox.claim(connection, request.inbox, rows.map(({ id }) => id));
      rows = rows.filter(({ id }) => fresh.has(id));
    }
    const counts = rows.length > 0 ? await this.write(columns, { ...part, rows }) : [];
    if (part.way === "unless-there" && counts.includes(-1)) {
      await rollBack(connection); // some rows were there already, and the database does not tell which
      return part.rows.length > MOST_ONE_BY_ONE ? halves(part.rows).map((half) => ({ ...part, rows: half })) : [{ ...part, way: "row-by-row" }];
    }
    const missed = request.inbox && request.zeroRowsIsError ? rows.filter((_row, place) => counts[place] === 0) : [];
    if (missed.length > 0) {
      // their ids must not be committed: the messages may be sent again when the rows are there
      await rollBack(connection);
      this.record(missed, missed.map(() => 0));
      const others = part.rows.filter((row) => !missed.includes(row));
      return others.length > 0 ? [{ ...part, rows: others }] : [];
    }
    await connection.commit();
    for (const { index } of part.rows) this.outcomes[index] = { rowsAffected: 0, duplicate: true };
    this.record(rows, counts);
    return [];
  }

  /** Writes rows. Resolves with how many rows of the table each of them changed; -1 where only the sum is known. */
  private async write(columns: readonly Column[], part: Part): Promise<number[]> {
    const { mode } = this.request;
    if (part.way === "row-by-row") return this.writeRows({ ...this.table, columns, mode: this.lenient ? "ignore" : mode }, part.rows);
    if (part.way === "unless-there") return this.writeUnlessThere({ ...this.table, columns, mode }, part.rows);
    return this.writeBatch({ ...this.table, columns, mode: this.asInsert ? "insert" : mode }, part.rows);
  }

  private async writeRows(target: Target, rows: readonly ReadyRow[]): Promise<number[]> {
    const run = async ({ sql, parameters }: Statement): Promise<number> => {
      const { rows: found, rowsAffected, columns } = await this.connection.query(sql, parameters);
      return columns.length > 0 ? found.length : rowsAffected;
    };
    const counts: number[] = [];
    for (const ready of rows) {
      try {
        counts.push(await this.dialect.writeRow(target, ready.row, run));
      } catch (thrown) {
        throw new RowFailure(toConnectorError(thrown, "DATABASE_UNAVAILABLE"), ready);
      }
    }
    return counts;
  }

  /** Inserts the rows that are not there yet. All counts are -1 when some rows were there and others were not. */
  private async writeUnlessThere(target: Target, rows: readonly ReadyRow[]): Promise<number[]> {
    const { sql, parameters } = this.dialect.writeUnlessThere?.(target, rows.map(({ row }) => row)) as Statement;
    return shared((await this.connection.query(sql, parameters)).rowsAffected, rows.length);
  }

  private async writeBatch(target: Target, rows: readonly ReadyRow[]): Promise<number[]> {
    const statement: BatchStatement = this.dialect.write(target, rows.map(({ row }) => row));
    const { rows: found, rowsAffected } = await this.connection.query(statement.sql, statement.parameters);
    const { length } = rows;
    if (!statement.tellsPlaces) return target.mode === "ignore" ? shared(rowsAffected, length) : new Array<number>(length).fill(1);
    const counts = new Array<number>(length).fill(0);
    for (const { place } of found) counts[Number(place) - 1] = (counts[Number(place) - 1] ?? 0) + 1;
    // of rows whose keys only the database takes for equal, one update uses only the first: the others are written again, in order
    const missed = target.mode === "update" ? rows.flatMap((_row, place) => (counts[place] === 0 ? [place] : [])) : [];
    if (missed.length === 0 || missed.length === length) return counts;
    const again = await this.writeBatch(target, missed.map((place) => rows[place] as ReadyRow));
    missed.forEach((place, index) => (counts[place] = again[index] ?? 0));
    return counts;
  }

  private record(rows: readonly ReadyRow[], counts: readonly number[]): void {
    const { mode, zeroRowsIsError, table } = this.request;
    const mustFind = zeroRowsIsError === true && (mode === "update" || mode === "delete");
    this.stored = true;
    for (const [place, { index }] of rows.entries()) {
      const rowsAffected = counts[place] ?? 0;
      if (rowsAffected === 0 && mustFind) this.outcomes[index] = toData(new ConnectorError("ROW_MISSING", `${mode} of ${table}: no row has this key`, { details: { table } }));
      else this.outcomes[index] = done(mode, rowsAffected);
    }
  }

  private refuse({ index }: ReadyRow, error: ConnectorError): void {
    const { mode } = this.request;
    if (this.lenient && isDuplicateKey(error)) this.outcomes[index] = done(mode, 0);
    else this.outcomes[index] = toData(this.named(error));
  }

  private named(error: ConnectorError): ConnectorError {
    const { mode, table } = this.request;
    const doing = mode === "update" || mode === "delete" ? `${mode} of ${table}` : `${mode} into ${table}`;
    return reworded(error, `${doing}: ${error.message}`, { table });
  }
}

function done(mode: WriteMode, rowsAffected: number): RowDone | null {
  if (mode === "insert" && rowsAffected === 0) return { rowsAffected, duplicate: true };
  return rowsAffected === 1 ? null : { rowsAffected };
}

/** Returns the count of each row where only the sum is known: all 1, all 0, or all -1 when the sum does not tell. */
function shared(sum: number, rows: number): number[] {
  return new Array<number>(rows).fill(sum === rows ? 1 : sum === 0 ? 0 : -1);
}
