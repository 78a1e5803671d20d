import type { Scalar } from "../schema/types";

/** The properties of all events. */
interface BusEventBase {
  /** Rises from event to event over all channels, with gaps. */
  replayId: number;
  /** Identifies the event. Also the `message` of OPERATION_ENQUEUED in the answer to its publisher. */
  eventUuid: string;
  /** ISO 8601 with milliseconds, by the org's clock. */
  createdDate: string;
}

/** A platform event that was published. */
export interface PublishedEvent extends BusEventBase {
  kind: "platform";
  /** For example `Device_Alert__e`. */
  name: string;
  createdById: string;
  /** All fields of the event's definition. Fields without a value are null. */
  payload: Record<string, Scalar>;
}

/** The kind of change that a change event reports. `GAP_…` if the org could not tell the details. */
export type ChangeType = "CREATE" | "UPDATE" | "DELETE" | "UNDELETE" | GapType;

/** The types of change events without fields. */
export const GAP_TYPES = ["GAP_CREATE", "GAP_UPDATE", "GAP_DELETE", "GAP_UNDELETE", "GAP_OVERFLOW"] as const;

/** The type of an event without fields. Clients have to read the record to see the change, for `GAP_OVERFLOW` all records of the object. */
export type GapType = (typeof GAP_TYPES)[number];

/** The `ChangeEventHeader`. */
export interface ChangeHeader {
  /** For example `Case`. */
  entityName: string;
  /** Several ids if one transaction changed several records in the same way. A prefix such as `500*` stands for all records of an object. */
  recordIds: string[];
  changeType: ChangeType;
  /** For example `com/salesforce/api/rest/66.0`; empty for a change from within the org. */
  changeOrigin: string;
  /** The same for all changes of one call. */
  transactionKey: string;
  /** The number of the event within the transaction, from 1. */
  sequenceNumber: number;
  /** ms since the epoch. */
  commitTimestamp: number;
  /** A 64-bit number, which a JavaScript number cannot always hold exactly. */
  commitNumber: bigint;
  commitUser: string;
  /** Names of the fields that an update has emptied. */
  nulledFields: string[];
  /** Names of long text fields that are sent as a difference. Always empty here, since the emulator sends whole texts. */
  diffFields: string[];
  /** Names of the fields that an update has changed. Empty for other changes. */
  changedFields: string[];
}

/** A change of a record. */
export interface ChangeEvent extends BusEventBase {
  kind: "change";
  /** For example `Case`. */
  entity: string;
  header: ChangeHeader;
  /** Values of the event's fields by field name, without nesting. Null for fields that an update has emptied. */
  values: Record<string, Scalar>;
}

/** The event of a record that matches a PushTopic's query. */
export interface TopicEvent extends BusEventBase {
  kind: "topic";
  /** The PushTopic's `Name`. */
  topic: string;
  type: "created" | "updated" | "deleted" | "undeleted";
  /** The fields that the query selects. Only `Id` for a deleted record. */
  sobject: Record<string, unknown>;
}

/** A text that was pushed to a generic streaming channel. */
export interface GenericEvent extends BusEventBase {
  kind: "generic";
  /** For example `/u/notes`. */
  channel: string;
  text: string;
}

/** Any event of the bus. */
export type BusEvent = PublishedEvent | ChangeEvent | TopicEvent | GenericEvent;

/** An event without the properties that the bus adds. */
export type EventDraft = Draft<PublishedEvent> | Draft<ChangeEvent> | Draft<TopicEvent> | Draft<GenericEvent>;

type Draft<E extends BusEvent> = Omit<E, "replayId">;

/** A channel to which clients can subscribe. */
export interface Channel {
  /** The name, such as `/topic/Open` or `/data/CaseChangeEvent`, without a filter (`?…`). */
  name: string;
  kind: "topic" | "event" | "data" | "generic";
  /** How long its events are kept, in ms. */
  retention: number;
  /** The fields that a PushTopic selects, by which a subscription may be filtered. Absent for other channels. */
  fields?: readonly string[];
  /** Whether subscribers of the channel get the event. */
  has(event: BusEvent): boolean;
}
