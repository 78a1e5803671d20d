import type { ConnectorError } from "../common/errors";
import type { DeliverySettings } from "./delivery-settings";
import type { FlowAccess } from "./flow-access";
import type { ReadState } from "./read-state";

/** How what is read becomes messages. */
export interface TriggeredReadSettings extends DeliverySettings {
  /** One message for a row, for up to `batchSize` rows, or the trigger itself with all of them. */
  output: "row" | "batch" | "all";
  batchSize: number;
  /** Most rows of output `all`. */
  maxRows: number;
  /** Rows in the flow at once at most. */
  maxInFlight: number;
  /** There is an output for "no rows". */
  emptyOutput: boolean;
}

/** What one trigger asked for, page by page. */
export interface ReadPages<R> {
  /** After a failure the same page can be asked for again. Default: the reading is over. */
  readonly resumes?: boolean;
  /** What it gives is gone once it is read: all of it goes on, whatever becomes of its trigger. */
  readonly once?: boolean;
  /** The next rows; `undefined` when there are no more. @throws ConnectorError */
  next(): Promise<R[] | undefined>;
  /** Reads no further. Never rejects. */
  close(): Promise<void>;
}

/** What a `TriggeredRead` needs. `V`: what the reading needs of a message; `R`: a row; `P`: where rows come from. */
export interface TriggeredReadOptions<V, R, P extends ReadPages<R>> extends FlowAccess {
  settings: TriggeredReadSettings;
  /** Properties that a message with rows has of its own, and so does not inherit from its trigger. */
  own: ReadonlySet<string>;
  /** What is to be read for a message. May throw or reject: the trigger fails. */
  valuesFor(msg: object): V | Promise<V>;
  /** Begins to read. @throws ConnectorError */
  open(values: V): Promise<P>;
  /** The payload and other properties for rows: for one, in output `row`, or for a list. Made for each attempt, so it shares nothing with them that the flow could change. */
  message(pages: P, rows: R[]): object;
  /** Whether the system is away or refuses us, and nothing is wrong with what is asked. */
  isAway(error: ConnectorError): boolean;
  /** Resolves when the system is worth another try. */
  untilReady(error: ConnectorError): Promise<void>;
  onState(state: ReadState): void;
  /** ms that a trigger of no delivery waits for the system. Default 60000. */
  patience?: number;
}
