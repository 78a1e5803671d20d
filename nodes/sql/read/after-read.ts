import { Batcher } from "../../common/batcher";
import { BackOff } from "../../common/back-off";
import { within } from "../../common/deadline";
import { type ConnectorError, reworded, toConnectorError } from "../../common/errors";
import { flowTracker } from "../../delivery/tracker/flow-tracker";
import type { DatabaseClient } from "../client/database-client";
import { namesIn } from "../client/named-values";
import { fromData, type NamedStatement, type RowValue, type Transaction } from "../client/protocol";

/** How many rows are marked in one transaction. */
const MOST_TOGETHER = 200;
/** ms that the first row waits for others. */
const LINGER = 20;

/** A row that the flow has finished with. */
export interface FinishedRow {
  /** By column. */
  values: Readonly<Record<string, RowValue>>;
  /** Called when the statement has run for the row. @param found whether it changed a row, as far as the database tells */
  marked(found: boolean): void;
}

/** What {@link AfterRead} needs. */
export interface AfterReadOptions {
  database: Pick<DatabaseClient, "execute">;
  statement: string;
  /** `batch`: once for several rows, each name standing for the list of their values. */
  per: "row" | "batch";
  /** Rows in a batch. */
  batchSize: number;
  /** Told when the statement fails and will be tried again; `undefined` when it succeeds again. */
  onTrouble(error: ConnectorError | undefined): void;
}

/** Runs the statement for rows that the flow has finished with, several at a time, until it has succeeded for each. */
export class AfterRead {
  private readonly names: readonly string[];
  /** Whether the number of rows affected tells if it changed any: only for an update or delete, since the changes of a function are not counted. */
  private readonly tells: boolean;
  private readonly batcher: Batcher<FinishedRow>;
  /** The wait between two tries while the statement fails for all rows. */
  private readonly backOff = new BackOff();
  /** Rows for which the statement failed by the row's own fault. Each has a back-off of its own, so that the others need not wait for it. */
  private readonly bad = new Map<FinishedRow, BackOff>();
  private badError: ConnectorError | undefined;
  /** Ends waits. */
  private readonly waits = new Set<() => void>();
  private working: Promise<void> = Promise.resolve();
  private closed = false;

  constructor(private readonly options: AfterReadOptions) {
    const { per, batchSize } = options;
    this.names = namesIn(options.statement);
    this.tells = /^\s*(update|delete)\b/i.test(options.statement);
    this.batcher = new Batcher<FinishedRow>({
      size: per === "batch" ? batchSize : MOST_TOGETHER,
      linger: LINGER,
      flush: (rows) => (this.working = flowTracker.outside(() => this.flush(rows))),
    });
  }

  add(row: FinishedRow): void {
    this.batcher.add(row);
  }

  /** Runs the statement once more for all rows that are left. @param end when to stop, by performance.now() */
  async close(end: number): Promise<void> {
    this.closed = true;
    this.batcher.hurry();
    for (const end of this.waits) end();
    for (let last: unknown; performance.now() < end && (last !== this.working || this.batcher.waiting > 0); ) {
      last = this.working;
      await within(this.working, end - performance.now());
    }
    this.batcher.clear();
  }

  private async flush(rows: FinishedRow[]): Promise<void> {
    const failed = await this.mark(rows);
    if (failed.length === 0) {
      this.backOff.reset();
      return this.options.onTrouble(this.bad.size > 0 ? this.badError : undefined);
    }
    if (this.closed) return;
    await new Promise<void>((resolve) => this.after(this.backOff.next(), resolve));
    for (const row of failed.reverse()) this.batcher.again(row);
  }

  /** Runs the statement. @returns the rows to try again, after an error of scope `system`, with which it fails for every row */
  private async mark(rows: FinishedRow[]): Promise<FinishedRow[]> {
    const error = await this.run(rows, this.together(rows));
    if (!error) return [];
    if (error.scope === "system") return this.cannot(error, rows);
    if (rows.length === 1) this.setAside(rows[0] as FinishedRow, error);
    else {
      for (const [index, row] of rows.entries()) {
        const own = await this.run([row], this.together([row]));
        if (own?.scope === "system") return this.cannot(own, rows.slice(index));
        if (own) this.setAside(row, own);
      }
    }
    return [];
  }

  private cannot(error: ConnectorError, rows: FinishedRow[]): FinishedRow[] {
    this.options.onTrouble(error);
    return rows;
  }

  private setAside(row: FinishedRow, error: ConnectorError): void {
    const backOff = this.bad.get(row) ?? new BackOff();
    this.bad.set(row, backOff);
    this.badError = error;
    this.options.onTrouble(error);
    if (!this.closed) this.after(backOff.next(), () => this.batcher.again(row));
  }

  /** Calls `then` in so many ms, or when this closes. */
  private after(ms: number, then: () => void): void {
    const end = (): void => {
      clearTimeout(timer);
      this.waits.delete(end);
      then();
    };
    const timer = setTimeout(end, ms);
    this.waits.add(end);
  }

  private async run(rows: FinishedRow[], transaction: Transaction): Promise<ConnectorError | undefined> {
    const named = (error: ConnectorError): ConnectorError => reworded(error, `After read: ${error.message}`);
    try {
      const [outcome] = await this.options.database.execute({ transactions: [transaction], maxRows: Number.MAX_SAFE_INTEGER });
      if (outcome && "error" in outcome) return named(fromData(outcome.error));
      const results = outcome && "results" in outcome ? outcome.results : [];
      for (const [index, row] of rows.entries()) {
        this.bad.delete(row);
        row.marked(!this.tells || (results[index] ?? results[0])?.rowsAffected !== 0);
      }
      return undefined;
    } catch (error) {
      return named(toConnectorError(error));
    }
  }

  private together(rows: FinishedRow[]): Transaction {
    const { statement: sql, per } = this.options;
    const valuesOf = (value: (name: string) => NamedStatement["values"][string]): NamedStatement["values"] => {
      const known = this.names.filter((name) => rows.every(({ values }) => Object.hasOwn(values, name)));
      return Object.fromEntries(known.map((name) => [name, value(name)]));
    };
    const valueOf = (row: FinishedRow, name: string): RowValue => row.values[name] ?? null;
    if (per === "batch") return { statements: [{ sql, values: valuesOf((name) => rows.map((row) => valueOf(row, name))) }] };
    return { statements: rows.map((row) => ({ sql, values: valuesOf((name) => valueOf(row, name)) })) };
  }
}
