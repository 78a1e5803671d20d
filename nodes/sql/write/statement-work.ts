import { ConnectorError, reworded } from "../../common/errors";
import { ownValues, type Parameter } from "../../common/parameters";
import { type TypedValue, whenAllReady } from "../../common/typed-input";
import type { ItemResult } from "../../delivery/sink/sink";
import type { DatabaseClient } from "../client/database-client";
import { plainUnits } from "../client/encode";
import { namedValue, type NamedValues, namesIn } from "../client/named-values";
import { fromData, type NamedStatement, type PlainValue, toData, type Transaction, type TransactionOutcome } from "../client/protocol";
import { CrashGuard } from "./crash-guard";
import { inRequests, type Outcomes } from "./in-requests";
import type { MessageId, MessageIds } from "./message-ids";
import type { Work, WriteResult } from "./work";

/** What {@link StatementWork} is made of. */
export interface StatementWorkOptions {
  database: DatabaseClient;
  /** Run in this order, in one transaction a message. */
  statements: readonly OwnStatement[];
  /** Names that are not listed are properties of the payload, or of the item. */
  parameters: readonly Parameter[];
  /** The list of items the statements run for. Without it they run once a message. */
  forEach?: TypedValue;
  /** Most rows a statement may return. */
  maxRows: number;
  /** An update or delete that finds no row is an error of its message. */
  zeroRowsIsError: boolean;
  /** Dedupe. */
  ids?: MessageIds;
}

/** One of the node's statements. */
export interface OwnStatement {
  sql: string;
  /** With `forEach`: run once for the message, not for each item. */
  once: boolean;
}

/** Which statement ran, and for which item; both from 1. */
interface Step {
  statement: number;
  item?: number;
}

interface Item {
  statements: NamedStatement[];
  steps: Step[];
  id?: MessageId;
}

/** Statements that run for the message, or one after the other for each item. */
interface Section {
  once: boolean;
  statements: { sql: string; number: number; names: string[] }[];
}

/** Most statements in the transaction of one message. */
const MOST_STEPS = 10_000;

const OUTCOMES: Outcomes<TransactionOutcome> = {
  refuse: (error) => ({ error: toData(error) }),
  isLeft: (outcome) => "error" in outcome && outcome.error.scope === "system",
};

/** The user's own statements, in one transaction a message, the messages one after the other. */
export class StatementWork implements Work<Item> {
  /** 1, since only their author knows in which order the statements of different messages must run. */
  readonly concurrency = 1;
  readonly dedupes: boolean;
  private readonly guard: CrashGuard<Transaction, TransactionOutcome>;
  private readonly sections: Section[] = [];

  constructor(private readonly options: StatementWorkOptions) {
    const { statements, parameters, forEach } = options;
    this.dedupes = options.ids !== undefined;
    this.guard = new CrashGuard(
      options.database,
      (transactions) => this.store(transactions),
      (error) => ({ error: toData(error) }),
      1, // the transactions before the one that crashes are committed, and their answers lost
    );
    const listed = new Set(parameters.map(({ name }) => name));
    statements.forEach(({ sql, once }, index) => {
      const statement = { sql, number: index + 1, names: namesIn(sql).filter((name) => !listed.has(name)) };
      const section = { once: once || !forEach, statements: [statement] };
      const last = this.sections.at(-1);
      if (last?.once === section.once) last.statements.push(statement);
      else this.sections.push(section);
    });
  }

  prepare(msg: object): Item | Promise<Item> {
    const { parameters, forEach, ids } = this.options;
    const values = parameters.map(({ value }) => value(msg));
    return whenAllReady([forEach?.(msg), ids?.of(msg), ...values], ([list, id, ...given]) => this.item(msg, given, list, id as MessageId | undefined));
  }

  write(items: Item[]): Promise<ItemResult<WriteResult>[]> {
    const { ids } = this.options;
    const write = async (): Promise<ItemResult<WriteResult>[]> => {
      const outcomes = await this.guard.write(items.map(({ statements, id }) => (id ? { statements, id: id.id } : { statements })));
      return items.map((item, index) => this.result(item, outcomes[index] as TransactionOutcome));
    };
    return ids ? ids.during(items.map(({ id }) => id), write) : write();
  }

  private store(transactions: Transaction[]): Promise<TransactionOutcome[]> {
    const { database, maxRows, zeroRowsIsError, ids } = this.options;
    const request = { maxRows, zeroRowsIsError, ...(ids ? { inbox: ids.inbox } : {}) };
    return inRequests(transactions, unitsOf, (some) => database.execute({ ...request, transactions: some }), OUTCOMES);
  }

  private item(msg: object, given: readonly unknown[], list: unknown, id: MessageId | undefined): Item {
    const listed: NamedValues = {};
    this.options.parameters.forEach(({ name }, index) => (listed[name] = namedValue(given[index], name)));
    const items = this.options.forEach ? itemsOf(list) : [];
    const statements: NamedStatement[] = [];
    const steps: Step[] = [];
    const { payload } = msg as { payload?: unknown };
    for (const section of this.sections) {
      for (const [index, source] of (section.once ? [payload] : items).entries()) {
        for (const { sql, number, names } of section.statements) {
          statements.push({ sql, values: { ...ownValues(source, names, namedValue), ...listed } });
          steps.push(section.once ? { statement: number } : { statement: number, item: index + 1 });
        }
        if (steps.length > MOST_STEPS) throw new ConnectorError("INPUT_INVALID", `The message has ${items.length} items: more than ${MOST_STEPS} statements for one transaction`);
      }
    }
    return id ? { statements, steps, id } : { statements, steps };
  }

  private result({ steps, id }: Item, outcome: TransactionOutcome): ItemResult<WriteResult> {
    if ("error" in outcome) return { ok: false, error: located(fromData(outcome.error), outcome.statement === undefined ? undefined : steps[outcome.statement]) };
    const error = id && this.options.ids?.judge(id, outcome.duplicate === true);
    if (error) return { ok: false, error };
    const { results, duplicate } = outcome;
    const counts = results.map(({ rowsAffected }) => rowsAffected);
    const rowsAffected = counts.includes(-1) ? -1 : counts.reduce((sum, count) => sum + count, 0);
    return { ok: true, value: { mode: "statements", rowsAffected, results, ...(duplicate ? { duplicate } : {}) } };
  }
}

function unitsOf({ statements }: Transaction): number {
  let units = 0;
  for (const { values } of statements) {
    for (const name in values) {
      const value = values[name] as NamedStatement["values"][string];
      units += isList(value) ? value.reduce<number>((sum, one) => sum + plainUnits(one), 0) : plainUnits(value);
    }
  }
  return units;
}

function isList(value: NamedStatement["values"][string]): value is readonly PlainValue[] {
  return Array.isArray(value);
}

function itemsOf(list: unknown): unknown[] {
  if (Array.isArray(list)) return list;
  const what = list === undefined ? "nothing" : list === null ? "null" : `a ${typeof list}`;
  throw new ConnectorError("INPUT_INVALID", `"For each" names ${what}, not a list`, { details: { name: "forEach" } });
}

/** The error, with the statement and item it is about. */
function located(error: ConnectorError, step: Step | undefined): ConnectorError {
  if (!step) return error;
  const where = `statement ${step.statement}${step.item === undefined ? "" : `, item ${step.item}`}`;
  return reworded(error, `${where}: ${error.message}`, { ...step });
}
