import type { ItemResult } from "../../delivery/sink/sink";
import type { Row } from "../client/protocol";

/** What `msg.sql` holds when the message's work is committed. */
export interface WriteResult {
  mode: string;
  /** Rows inserted, updated or deleted; of statements the sum. -1 when the database does not tell. */
  rowsAffected: number;
  table?: string;
  /** The row, or the message's id in the inbox, was there already: nothing was written. */
  duplicate?: true;
  /** Statements: what each did, in the order they ran. */
  results?: { rowsAffected: number; rows?: Row[] }[];
}

/** What a sql write node does with messages, in one of its modes. `Item` is what {@link prepare} makes of a message. */
export interface Work<Item> {
  /** Most writes at once. */
  readonly concurrency: number;
  /** Whether there is an inbox: a duplicate is known by its id then, and nothing else was done for it. */
  readonly dedupes?: boolean;
  /** Evaluates a message's values. @throws ConnectorError of scope `message`; as a rejection when values are evaluated later */
  prepare(msg: object): Item | Promise<Item>;
  /** Items with equal keys stay in order. */
  key?(item: Item): string | undefined;
  /** One result per item, in order. @throws ConnectorError of scope `system` when nothing was stored */
  write(items: Item[]): Promise<ItemResult<WriteResult>[]>;
}
