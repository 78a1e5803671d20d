import { ConnectorError, toConnectorError } from "../../common/errors";
import type { DatabaseConnection } from "./backend";
import type { Dialect } from "./dialect";
import { type ExecuteRequest, type StatementResult, toData, type Transaction, type TransactionOutcome } from "./protocol";
import { rowsOf } from "./row-values";
import { bind } from "./statement";

/** Runs transactions of own statements, one after the other: each is committed whole or not at all. */
export class Executor {
  constructor(private readonly dialect: Dialect) {}

  /** One outcome per transaction, in order. @throws ConnectorError of scope `system` when nothing was committed */
  async execute(connection: DatabaseConnection, { transactions, maxRows }: ExecuteRequest): Promise<TransactionOutcome[]> {
    const outcomes: TransactionOutcome[] = [];
    for (const transaction of transactions) outcomes.push(await this.run(connection, transaction, maxRows));
    return outcomes;
  }

  private async run(connection: DatabaseConnection, { statements }: Transaction, maxRows: number): Promise<TransactionOutcome> {
    const results: StatementResult[] = [];
    try {
      await connection.begin();
      for (const statement of statements) {
        const { sql, parameters } = bind(statement, this.dialect);
        const { rows, rowsAffected, columns } = await connection.query(sql, parameters);
        if (rows.length > maxRows) throw new ConnectorError("INPUT_INVALID", `The statement returned ${rows.length} rows; the limit is ${maxRows}`);
        results.push(columns.length > 0 ? { rowsAffected, rows: rowsOf(rows, columns) } : { rowsAffected });
      }
      await connection.commit();
      return { results };
    } catch (thrown) {
      const error = toConnectorError(thrown, "DATABASE_UNAVAILABLE");
      if (error.code === "DATABASE_UNAVAILABLE") throw error;
      await connection.rollback();
      return { error: toData(error), statement: results.length };
    }
  }
}
