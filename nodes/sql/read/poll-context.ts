import { chunks } from "../../common/chunks";
import type { ConnectorError } from "../../common/errors";
import type { Room } from "../../delivery/reading/room";
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
  /** Identifies the rows when they are read again. Absent: no watch for rows that end the process. */
  fingerprint?(): string;
  /** Called when the flow has finished with the rows, or with their dead letter. */
  finished(): void;
}

/** What a poller gives to its {@link PollWay}. */
export interface PollContext {
  settings: PollSettings;
  database: ReadingDatabase;
  room: Room;
  /** Which product it is. @throws ConnectorError */
  dialect(): Promise<DialectName>;
  /** The values of the query's own names. @throws ConnectorError */
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

/** The result of a poll. */
export interface Polled {
  /** How many rows were handed over. */
  rows: number;
  /** Whether there may be more rows, so that the next poll need not wait. */
  more: boolean;
  /** What is wrong with some rows, while the others go on. */
  trouble?: ConnectorError | undefined;
}

/** A way to find rows that were not sent yet. */
export interface PollWay {
  /** Hands over what is new, as far as there is room. @throws ConnectorError */
  poll(): Promise<Polled>;
  /** Finishes its work after the flow has finished: marks rows, or stores the watermark. @param end when to stop, by performance.now() */
  close(end: number): Promise<void>;
}

/**
 * Waits until there is room for half of the rows that may be in the flow, or for a message. Resolves with the number of rows there is room for, in whole
 * batches.
 */
export async function roomToRead({ room, settings }: PollContext): Promise<number> {
  const size = rowsPerMessage(settings);
  // a query for only a few rows would not be worth its cost
  await room.until(Math.max(Math.ceil(settings.maxInFlight / 2), size));
  return Math.max(size, room.free - (room.free % size));
}

/** How many rows a message holds. */
export function rowsPerMessage({ output, batchSize }: PollSettings): number {
  return output === "row" ? 1 : batchSize;
}

/** Returns the rows of each message, one message after the other. */
export function messagesOf<T>(rows: readonly T[], settings: PollSettings): Iterable<T[]> {
  return chunks(rows, rowsPerMessage(settings));
}

/** A query, with those of its values that are not the same for every poll. */
export type Query = string | NamedStatement;

/** A statement with the query's own values. */
export async function withValues(context: PollContext, statement: Query): Promise<NamedStatement> {
  const own = await context.values();
  if (typeof statement === "string") return { sql: statement, values: own };
  return { sql: statement.sql, values: { ...own, ...statement.values } };
}
