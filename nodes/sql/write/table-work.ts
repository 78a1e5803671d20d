import { reworded } from "../../common/errors";
import type { ItemResult } from "../../delivery/sink/sink";
import type { DatabaseClient } from "../client/database-client";
import { plainUnits } from "../client/encode";
import { fromData, isErrorData, type RowOutcome, toData, type WriteRow } from "../client/protocol";
import { RowMapper, type RowMapperOptions } from "../client/row-mapper";
import { CrashGuard } from "./crash-guard";
import { inRequests, type Outcomes } from "./in-requests";
import type { MessageId, MessageIds } from "./message-ids";
import type { Work, WriteResult } from "./work";

/** What {@link TableWork} is made of. */
export interface TableWorkOptions extends RowMapperOptions {
  database: DatabaseClient;
  /** Insert: a row whose key is there already counts as done. */
  duplicateIsSuccess: boolean;
  /** Update and delete: to find no row is an error. */
  zeroRowsIsError: boolean;
  /** Dedupe. */
  ids?: MessageIds;
}

/** A row, and with dedupe the message it was made of. */
interface Item {
  row: WriteRow;
  id?: MessageId;
}

/** How many statements run at the same time: more are not faster, and run into each other's locks. */
const MAX_CONCURRENCY = 3;

const OUTCOMES: Outcomes<RowOutcome> = {
  refuse: toData,
  isLeft: (outcome) => isErrorData(outcome) && outcome.scope === "system",
};

/** Makes a row of each message and writes rows in batches. The result of a message is that of its own row. */
export class TableWork implements Work<Item> {
  readonly concurrency: number;
  readonly dedupes: boolean;
  private readonly mapper: RowMapper;
  private readonly guard: CrashGuard<WriteRow, RowOutcome>;
  private readonly usual: WriteResult;

  constructor(private readonly options: TableWorkOptions) {
    const { table, mode } = options;
    this.concurrency = Math.min(options.database.concurrency, MAX_CONCURRENCY);
    this.dedupes = options.ids !== undefined;
    this.mapper = new RowMapper(options);
    this.usual = { rowsAffected: 1, table, mode };
    this.guard = new CrashGuard(
      options.database,
      (rows) => this.store(rows),
      (error) => toData(reworded(error, `${mode}, table ${table}: ${error.message}`)),
    );
  }

  prepare(msg: object): Item | Promise<Item> {
    const row = this.mapper.row(msg);
    if (row instanceof Promise) row.catch(() => undefined); // the id may throw before anyone waits for it: unhandled, it would end Node-RED
    const id = this.options.ids?.of(msg);
    if (row instanceof Promise || id instanceof Promise) return Promise.all([row, id]).then(([ready, known]) => item(ready, known));
    return item(row, id);
  }

  key({ row }: Item): string | undefined {
    return this.mapper.key(row);
  }

  write(items: Item[]): Promise<ItemResult<WriteResult>[]> {
    const { ids } = this.options;
    const write = async (): Promise<ItemResult<WriteResult>[]> => {
      const order = this.order(items);
      const outcomes = await this.guard.write(order.map(({ row }) => row));
      const outcomeOf = new Map(order.map((given, index) => [given, outcomes[index] ?? null]));
      return items.map((given) => this.result(given, outcomeOf.get(given) ?? null));
    };
    return ids ? ids.during(items.map(({ id }) => id), write) : write();
  }

  /**
   * Sorts rows by key in modes that may write them one by one: two writers with the same rows in different orders would deadlock. No key is in a batch twice.
   * Inserts and upserts keep their order.
   */
  private order(items: Item[]): Item[] {
    const { mode, keys } = this.options;
    if (mode === "insert" || mode === "upsert" || keys.length === 0 || items.length < 2) return items;
    const keyed = items.map((given) => ({ given, key: this.key(given) ?? "" }));
    return keyed.sort((one, other) => (one.key < other.key ? -1 : one.key > other.key ? 1 : 0)).map(({ given }) => given);
  }

  private store(rows: WriteRow[]): Promise<RowOutcome[]> {
    const { database, table, mode, keys, columns, duplicateIsSuccess, zeroRowsIsError, ids } = this.options;
    const request = { table, mode, keys, mapped: columns.length > 0, duplicateIsSuccess, zeroRowsIsError, ...(ids ? { inbox: ids.inbox } : {}) };
    return inRequests(rows, unitsOf, (some) => database.write({ ...request, rows: some }), OUTCOMES);
  }

  private result({ id }: Item, outcome: RowOutcome): ItemResult<WriteResult> {
    if (isErrorData(outcome)) return { ok: false, error: fromData(outcome) };
    const error = id && this.options.ids?.judge(id, outcome?.duplicate === true);
    if (error) return { ok: false, error };
    return { ok: true, value: { ...this.usual, ...outcome } };
  }
}

function unitsOf({ values }: WriteRow): number {
  let units = 0;
  for (const value of values) units += plainUnits(value);
  return units;
}

function item(row: WriteRow, id: MessageId | undefined): Item {
  if (id) row.id = id.id;
  return id ? { row, id } : { row };
}
