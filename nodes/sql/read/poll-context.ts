import type { ConnectorError } from "../../common/errors";
import type { Room } from "../../delivery/room";
import type { NamedValues } from "../client/named-values";
import type { DialectName, NamedStatement, RowValue } from "../client/protocol";
import type { ReadingDatabase } from "./reading-database";
import type { RowSource } from "./row-source";
import type { PollSettings } from "./settings";

/** Rows that a poll hands to the flow as one message. */
export interface Handover {
  /** Makes the rows' objects. */
  columns: Pick<RowSource, "names" | "rowOf">;
  rows: readonly (readonly RowValue[])[];
  /** For `msg.sql.watermark`. */
  watermark?: RowValue;
  /** What they are known by when they are read again. Absent: nobody asks whether they end the process. */
  fingerprint?(): string;
  /** The flow has finished with them, or with what became of them among the dead letters. */
  finished(): void;
}

/** What a way to poll works with. */
export interface PollContext {
  settings: PollSettings;
  database: ReadingDatabase;
  room: Room;
  /** Which product it is. @throws ConnectorError */
  dialect(): Promise<DialectName>;
  /** Of the query's own names. @throws ConnectorError */
  values(): NamedValues | Promise<NamedValues>;
  /** Whether nothing may be handed over at present. */
  paused(): boolean;
  hand(rows: Handover): void;
  /** Tells the user, once per text. */
  warn(text: string): void;
  /** Waits that long, or until the node is closed. */
  sleep(ms: number): Promise<unknown>;
  readonly closed: boolean;
}

/** What a poll has brought. */
export interface Polled {
  /** How many rows were handed over. */
  rows: number;
  /** There may be more at once. */
  more: boolean;
  /** What is wrong with some rows. The others go on meanwhile. */
  trouble?: ConnectorError | undefined;
}

/** How rows are found that were not sent yet. */
export interface PollWay {
  /** Hands over what is new, as far as there is room. @throws ConnectorError */
  poll(): Promise<Polled>;
  /** Ends what it does beside polling, until `end` by performance.now(), after the flow has finished. */
  close(end: number): Promise<void>;
}

/** Waits until reading is worth it. @returns for how many rows there is room, in whole batches */
export async function roomToRead({ room, settings: { output, batchSize, maxInFlight } }: PollContext): Promise<number> {
  const size = output === "row" ? 1 : batchSize;
  // a query for each few rows would cost more than it brings
  await room.until(Math.max(Math.ceil(maxInFlight / 2), size));
  return Math.max(size, room.free - (room.free % size));
}

/** Calls `hand` with as many rows at a time as a message holds. */
export function eachMessage<T>(rows: readonly T[], { output, batchSize }: Pick<PollSettings, "output" | "batchSize">, hand: (rows: T[]) => void): void {
  const size = output === "row" ? 1 : batchSize;
  for (let at = 0; at < rows.length; at += size) hand(rows.slice(at, at + size));
}

/** A statement with the query's own values. */
export async function withValues(context: PollContext, statement: string | NamedStatement): Promise<NamedStatement> {
  const own = await context.values();
  if (typeof statement === "string") return { sql: statement, values: own };
  return { sql: statement.sql, values: { ...own, ...statement.values } };
}
