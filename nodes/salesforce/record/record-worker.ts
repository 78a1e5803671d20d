import { ConnectorError, isConnectorError } from "../../common/errors";
import { whenAllReady, whenReady } from "../../common/typed-input";
import type { OrgClient } from "../client/org";
import { type LaneState, OrgLane } from "../client/org-lane";
import { unlessOfRecord } from "../client/errors";
import { valueIn } from "../client/records/collections";
import { RecordBatch, type BatchOperation, type RecordItem } from "../client/records/record-batch";
import { type CallInput, type CallOperation, RecordCaller } from "../client/records/record-calls";
import { readId, readIds, readRecords } from "../client/records/record-input";
import type { RecordOutcome } from "../client/records/record-outcome";
import { BATCH_OPERATIONS, type RecordSettings } from "./settings";

/** Settings of a {@link RecordWorker}. */
export interface RecordWorkerOptions {
  org: OrgClient;
  settings: RecordSettings;
  /** Whether a list with some refused records fails its message. It must if nothing is wired to the output for them, since nobody would learn of them. */
  someRefusedFails: () => boolean;
  /** Called at every change of the state, which is often. */
  onState: (state: LaneState) => void;
  warn: (text: string) => void;
}

/** How many calls one node has under way at once: batches, or calls for one message each. */
const BATCHES_AT_ONCE = 2;
const CALLS_AT_ONCE = 4;

/** The values of the form's typed inputs for one message. */
type Values = Record<keyof RecordSettings["values"], unknown>;

/** Reads from each message what the operation needs, and carries the operation out: in batches, or in one call per message. */
export class RecordWorker {
  private readonly lane: OrgLane<RecordItem | CallInput, RecordOutcome>;
  private readonly toItem: (values: Values) => RecordItem | CallInput;

  constructor(private readonly options: RecordWorkerOptions) {
    const { operation } = options.settings;
    const isBatch = (BATCH_OPERATIONS as readonly string[]).includes(operation);
    this.toItem = isBatch ? (values) => this.recordItem(values, operation as BatchOperation) : (values) => this.callInput(values);
    this.lane = isBatch ? this.batchLane(operation as BatchOperation) : this.callLane(operation as CallOperation);
    options.onState(this.lane.state);
  }

  /** Accepts a message. @param stored called before `done()` with the outcome and with the refused entries of the message's list, unchanged */
  take(msg: object, done: (error?: Error) => void, stored: (outcome: RecordOutcome, refused: unknown[]) => void): void {
    let list: unknown;
    let item: RecordItem | CallInput | Promise<RecordItem | CallInput>;
    const read = (values: Values): RecordItem | CallInput => {
      list = Array.isArray(values.recordId) ? values.recordId : values.data;
      return this.toItem(values);
    };
    try {
      item = whenReady(this.valuesOf(msg), read);
    } catch (error) {
      done(error as Error);
      return;
    }
    this.lane.take(msg, item, done, (outcome) => stored(outcome, (outcome.failed ?? []).map((index) => (list as unknown[])[index])));
  }

  /** Carries out the messages that it holds, for at most 8 s, gives the rest back, and releases the org. */
  close(): Promise<void> {
    return this.lane.close();
  }

  private batchLane(operation: BatchOperation): OrgLane<RecordItem | CallInput, RecordOutcome> {
    const { org, settings, someRefusedFails } = this.options;
    const { externalIdField, allOrNone, returnFields: fields, headers } = settings;
    const batch = new RecordBatch(org.rest, { operation, externalIdField, allOrNone, fields, headers, someRefusedFails });
    return this.openLane({
      batchSize: settings.batchSize,
      linger: settings.linger,
      concurrency: BATCHES_AT_ONCE,
      key: (item) => batch.keyOf(item as RecordItem),
      write: async (items) => (await batch.write(items as RecordItem[])).map((one, index) => (one.ok ? one : { ok: false, error: this.judge(one.error, items[index] as RecordItem) })),
      // The batch knows which operations may be repeated.
      retriesInPlace: batch.repeats ? 3 : 0,
    });
  }

  private callLane(operation: CallOperation): OrgLane<RecordItem | CallInput, RecordOutcome> {
    const caller = new RecordCaller(this.options.org.rest, operation);
    return this.openLane({
      batchSize: 1,
      linger: 0,
      concurrency: CALLS_AT_ONCE,
      write: async ([item]) => {
        try {
          return [{ ok: true, value: await caller.run(item as CallInput) }];
        } catch (error) {
          if (isConnectorError(error)) throw this.judge(error, item as CallInput);
          throw error;
        }
      },
      retriesInPlace: 0,
    });
  }

  private openLane(
    how: Pick<ConstructorParameters<typeof OrgLane<RecordItem | CallInput, RecordOutcome>>[0], "batchSize" | "linger" | "concurrency" | "key" | "write" | "retriesInPlace">,
  ): OrgLane<RecordItem | CallInput, RecordOutcome> {
    const { org, onState, warn } = this.options;
    return new OrgLane({ org, onState, warn, ...how });
  }

  /** Gives an error scope `message` if the object is unknown to the org and was named by the message: it must not hold up other messages. */
  private judge(error: ConnectorError, { object }: RecordItem | CallInput): ConnectorError {
    if (error.code !== "ORG_OBJECT_UNKNOWN" || this.options.settings.objectFixed) return unlessOfRecord(error, object);
    return new ConnectorError(error.code, error.message, { scope: "message", retryable: false, details: error.details, cause: error });
  }

  private valuesOf(msg: object): Values | Promise<Values> {
    const inputs = Object.entries(this.options.settings.values);
    const values = inputs.map(([, value]) => value?.(msg));
    return whenAllReady(values, (ready) => Object.fromEntries(inputs.map(([name], index) => [name, ready[index]])) as Values);
  }

  private recordItem({ object, recordId, data }: Values, operation: BatchOperation): RecordItem {
    const name = operation === "delete" ? "" : nameOf(object);
    if (operation === "retrieve" || operation === "delete") {
      const { ids, list } = readIds(recordId ?? data);
      return { object: name, records: ids.map((Id) => ({ Id })), list };
    }
    const { records, list } = readRecords(data);
    if (operation === "update" && recordId !== undefined && !list) records[0] = { ...records[0], Id: readId(recordId) };
    if (operation === "update") for (const record of records) record.Id = readId(record.Id);
    const { externalIdField } = this.options.settings;
    if (operation === "upsert" && externalIdField !== "Id") records.forEach((record, index) => checkExternalId(valueIn(record, externalIdField), externalIdField, list ? index : undefined));
    return { object: name, records, list };
  }

  private callInput({ object, recordId, data, mergeIds, start, end }: Values): CallInput {
    const { limit, allOrNone, headers, objectFixed } = this.options.settings;
    const name = objectFixed || object !== undefined ? nameOf(object) : "";
    return { object: name, recordId, data, mergeIds, start, end, limit, allOrNone, headers, someRefusedFails: this.options.someRefusedFails() };
  }
}

function nameOf(object: unknown): string {
  if (typeof object === "string" && object.trim() !== "") return object.trim();
  throw new ConnectorError("INPUT_INVALID", "The message names no object: its API name, as Case or Device__c");
}

function checkExternalId(value: unknown, field: string, index: number | undefined): void {
  if (typeof value === "number" || (typeof value === "string" && value.trim() !== "")) return;
  const whose = index === undefined ? "The record" : `Record ${index} of the list`;
  throw new ConnectorError("INPUT_INVALID", `${whose} has no value for its external id ${field}`, { details: { field } });
}
