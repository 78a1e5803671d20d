import type { ConnectorError } from "../../common/errors";
import type { DeliverySettings } from "../delivery-settings";
import type { FlowAccess } from "../flow-access";
import type { ReadState } from "./read-state";

/** How rows that are read become messages. */
export interface TriggeredReadSettings extends DeliverySettings {
  /** `row`: a message for each row; `batch`: a message for up to `batchSize` rows; `all`: the trigger itself, with all rows. */
  output: "row" | "batch" | "all";
  batchSize: number;
  /** How many rows output `all` may have; with more, the trigger fails. */
  maxRows: number;
  /** How many rows may be in the flow at once. */
  maxInFlight: number;
  /** Whether there is an output for triggers without rows. */
  emptyOutput: boolean;
}

/** The rows that one trigger asks for, page by page. */
export interface ReadPages<R> {
  /** Whether `next` can be called again after a failure, for the same page. Default false: a failure ends the reading. */
  readonly resumes?: boolean;
  /** Whether rows are gone from their system once they are read. Then all of them are sent, whatever becomes of the trigger. Default false. */
  readonly once?: boolean;
  /** The next rows; `undefined` when there are no more. @throws ConnectorError */
  next(): Promise<R[] | undefined>;
  /** Reads no further. Never rejects. */
  close(): Promise<void>;
}

/** What a `TriggeredRead` needs. `V`: the values that are read from a trigger; `R`: a row; `P`: the pages of rows. */
export interface TriggeredReadOptions<V, R, P extends ReadPages<R>> extends FlowAccess {
  settings: TriggeredReadSettings;
  /** Properties that messages with rows do not inherit from their trigger, since they have their own. */
  own: ReadonlySet<string>;
  /** Reads from a trigger what is asked for. When it throws or rejects, the trigger fails. */
  valuesFor(msg: object): V | Promise<V>;
  /** Begins to read. @throws ConnectorError */
  open(values: V): Promise<P>;
  /** The payload and other properties for rows: for one row in output `row`, else for a list. Called for each attempt; shares nothing with `rows` that the flow could change. */
  message(pages: P, rows: R[]): object;
  /** Whether an error means that the system is away or refuses us, and not that something is wrong with the request. */
  isAway(error: ConnectorError): boolean;
  /** Resolves when the system is worth another try. */
  untilReady(error: ConnectorError): Promise<void>;
  onState(state: ReadState): void;
  /** How many ms a trigger that belongs to no delivery waits for the system. Default 60000. */
  patience?: number;
}
