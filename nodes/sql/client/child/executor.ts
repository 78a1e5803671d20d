import { ConnectorError, toConnectorError } from "../../../common/errors";
import { tooManyRows } from "../../../common/too-many-rows";
import type { DatabaseConnection } from "./backend";
import type { Dialect, Statement } from "../dialect";
import { hasWaited } from "../errors";
import { ExactQueries } from "../exact";
import { Inbox } from "./inbox";
import { type ErrorData, type ExecuteRequest, fromData, type NamedStatement, type Row, type StatementResult, toData, type Transaction, type TransactionOutcome } from "../protocol";
import { rollBack } from "./roll-back";
import { rowsOf } from "./row-values";
import { changesSession, endsTransaction } from "./side-effects";
import { type LexedSql, returnsNothing } from "../sql-lexer";
import { bind, lexed } from "./statement";

/** Words that begin statements which change nothing: their count of rows is 0. */
const READS = new Set(["select", "values", "show", "explain", "table"]);
/** Rows fetched at once. */
const FETCH_SIZE = 500;
/** ms. A statement that failed over a lock sooner than this did not wait for it, which tells nothing about how long the next would wait. */
const LONG_WAIT = 1000;
const TOO_MANY = "let the statement return fewer, or allow more";

/** Thrown when a statement of a transaction failed. @param statement its number, from 0 */
class StatementFailure extends Error {
  constructor(
    readonly error: ConnectorError,
    readonly statement: number,
  ) {
    super(error.message);
  }
}

/** Runs transactions of statements that users wrote, one after the other. Each is committed whole or not at all. */
export class Executor {
  private readonly inbox: Inbox;
  private readonly exact: ExactQueries;
  /** Connections on which a statement has changed the session. */
  private readonly strange = new WeakSet<DatabaseConnection>();

  /** @param native as of {@link ExactQueries} */
  constructor(
    private readonly dialect: Dialect,
    native: boolean,
  ) {
    this.inbox = new Inbox(dialect);
    this.exact = new ExactQueries(dialect.name, native);
  }

  /**
   * Runs transactions. Resolves with one outcome each, in order. There are fewer outcomes when a transaction has changed the session: its connection is closed
   * then, and the rest is to be run on another. After a transaction that has waited in vain, the rest has an error of scope `system` as its outcome: each might
   * wait as long, and the outcomes of the others would be late.
   *
   * @throws ConnectorError of scope `system` when nothing was committed; otherwise it is the outcome of the rest. Where the connection breaks during a
   *   commit, nobody knows whether the commit was done: the transaction counts as not committed
   */
  async execute(connection: DatabaseConnection, request: ExecuteRequest): Promise<TransactionOutcome[]> {
    const outcomes: TransactionOutcome[] = [];
    if (request.inbox) {
      await this.inbox.prepare(connection, request.inbox);
      await this.inbox.tidy(connection, request.inbox); // before the work, since the connection may be closed after it
    }
    for (const transaction of request.transactions) {
      const begun = performance.now();
      const outcome = await this.attempt(connection, transaction, request);
      const strange = this.strange.delete(connection);
      if (strange) await connection.close();
      const lost = "error" in outcome && outcome.error.code === "DATABASE_UNAVAILABLE" ? outcome.error : undefined;
      if (lost && !outcomes.some((earlier) => "results" in earlier)) throw fromData(lost);
      if (!lost) outcomes.push(outcome);
      const inVain = "error" in outcome && performance.now() - begun >= LONG_WAIT && hasWaited(fromData(outcome.error));
      const left = lost ?? (inVain ? behind() : undefined);
      if (left) return request.transactions.map((_transaction, index) => outcomes[index] ?? { error: left });
      if (strange) return outcomes;
    }
    return outcomes;
  }

  private async attempt(connection: DatabaseConnection, transaction: Transaction, request: ExecuteRequest): Promise<TransactionOutcome> {
    try {
      return await this.run(connection, transaction, request);
    } catch (thrown) {
      await rollBack(connection);
      if (thrown instanceof StatementFailure) return { error: toData(thrown.error), statement: thrown.statement };
      return { error: toData(toConnectorError(thrown, "DATABASE_UNAVAILABLE")) };
    }
  }

  private async run(connection: DatabaseConnection, { statements, id }: Transaction, request: ExecuteRequest): Promise<TransactionOutcome> {
    const { inbox } = request;
    if (inbox) this.checkOneTransaction(statements);
    const [only] = statements;
    const commitsItself = !inbox && statements.length === 1 && only !== undefined && this.is(only, returnsNothing);
    if (!commitsItself) await connection.begin(); // a statement that may return rows is committed only when they are within the limit
    if (inbox && id !== undefined && !(await this.inbox.claim(connection, inbox, [id])).has(id)) {
      await connection.rollback();
      return { results: [], duplicate: true };
    }
    const results: StatementResult[] = [];
    for (const statement of statements) {
      try {
        results.push(await this.statement(connection, statement, request));
      } catch (thrown) {
        throw new StatementFailure(toConnectorError(thrown, "DATABASE_UNAVAILABLE"), results.length);
      }
    }
    if (!commitsItself) await connection.commit();
    return { results };
  }

  /** With an inbox no statement may commit: the message's id would be committed before its work, and the message dropped as a duplicate when it is tried again. */
  private checkOneTransaction(statements: readonly NamedStatement[]): void {
    const at = statements.findIndex((statement) => this.is(statement, (words) => endsTransaction(words, this.dialect.name)));
    if (at < 0) return;
    const why = "The statement commits what came before it, the message's id of dedupe with it: a message that fails behind it would count as done. Leave commit out, write delete instead of truncate, make tables beforehand, or switch dedupe off";
    throw new StatementFailure(new ConnectorError("NOT_CONFIGURED", why, { details: { statement: true } }), at);
  }

  private is({ sql }: NamedStatement, what: (words: LexedSql) => boolean): boolean {
    try {
      return what(lexed(sql, this.dialect.name));
    } catch {
      return false; // a statement that cannot be read fails when it is run
    }
  }

  private async statement(connection: DatabaseConnection, statement: NamedStatement, { maxRows, zeroRowsIsError }: ExecuteRequest): Promise<StatementResult> {
    const bound = bind(statement, this.dialect);
    const words = lexed(statement.sql, this.dialect.name);
    if (changesSession(words, this.dialect.name)) this.strange.add(connection);
    if (onlyReads(words)) return { rowsAffected: 0, rows: await this.read(connection, bound, words, maxRows) };
    const { sql, parameters } = bound;
    const { rows, rowsAffected, columns } = await connection.query(sql, parameters);
    if (rows.length > maxRows) throw tooManyRows(maxRows, TOO_MANY);
    const returns = columns.length > 0 || words.returns; // PostgreSQL's driver gives no columns when a change found no row
    const count = READS.has(words.verb) ? 0 : returns && rowsAffected < 0 ? rows.length : rowsAffected;
    if (zeroRowsIsError && count === 0 && changesWhatIsThere(words)) throw new ConnectorError("ROW_MISSING", "The statement found no row");
    return returns ? { rowsAffected: count, rows: rowsOf(rows, columns) } : { rowsAffected: count };
  }

  private async read(connection: DatabaseConnection, statement: Statement, words: LexedSql, maxRows: number): Promise<Row[]> {
    const cursor = await this.exact.open(connection, statement, words, { fetchSize: Math.min(FETCH_SIZE, maxRows + 1) });
    const names = cursor.columns.map(({ name }) => name);
    const rows: Row[] = [];
    try {
      for (let page = await cursor.fetch(); page.length > 0; page = await cursor.fetch()) {
        for (const values of page) rows.push(Object.fromEntries(names.map((name, index) => [name, values[index] ?? null])));
        if (rows.length > maxRows) throw tooManyRows(maxRows, TOO_MANY);
      }
    } finally {
      await cursor.close();
    }
    return rows;
  }
}

function behind(): ErrorData {
  return toData(new ConnectorError("DATABASE_UNAVAILABLE", "A message before this one has waited in vain", { details: { busy: true } })); // busy: the database is there
}

/** Words of statements that change rows. Without `replace`, which is also a function; as a statement after `with` it always has an `into`. */
const CHANGES = ["insert", "update", "delete", "merge"];

/** Whether a statement is a query, also after `with`, that can be run as an exact query: inside another. One that locks rows, or has `into`, cannot. */
function onlyReads({ verb, returns, words }: LexedSql): boolean {
  const isQuery = verb === "select" || (verb === "with" && words.has("select") && !returns && !CHANGES.some((change) => words.has(change)));
  return isQuery && !words.has("for") && !words.has("lock") && !words.has("into");
}

/** Whether a statement is an update or a delete, also after `with`. */
function changesWhatIsThere({ verb, words }: LexedSql): boolean {
  if (verb !== "with") return verb === "update" || verb === "delete";
  return (words.has("update") || words.has("delete")) && !words.has("insert") && !words.has("select") && !words.has("merge");
}
