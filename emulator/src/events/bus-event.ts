import type { Scalar } from "../schema/types";

/** What every event has. */
interface BusEventBase {
  /** Rises over all channels, with gaps. */
  replayId: number;
  /** Tells the event from all others; the `message` of a publisher's OPERATION_ENQUEUED. */
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
  /** All fields of the event's definition, null for what was not given. */
  payload: Record<string, Scalar>;
}

/** What a change event says has happened; `GAP_…` when the org could not tell what in particular. */
export type ChangeType = "CREATE" | "UPDATE" | "DELETE" | "UNDELETE" | GapType;

/** The types of change events without fields. */
export const GAP_TYPES = ["GAP_CREATE", "GAP_UPDATE", "GAP_DELETE", "GAP_UNDELETE", "GAP_OVERFLOW"] as const;

/** Events without fields: the change is to be read from the record. `GAP_OVERFLOW`: from all records of the object. */
export type GapType = (typeof GAP_TYPES)[number];

/** The `ChangeEventHeader`. */
export interface ChangeHeader {
  /** For example `Case`. */
  entityName: string;
  /** Several when one transaction did the same to several records; `500*` for all records of an object. */
  recordIds: string[];
  changeType: ChangeType;
  /** For example `com/salesforce/api/rest/66.0`; empty for a change from within the org. */
  changeOrigin: string;
  /** The same for all that one call has changed. */
  transactionKey: string;
  /** From 1, within the transaction. */
  sequenceNumber: number;
  /** ms since the epoch. */
  commitTimestamp: number;
  /** A 64-bit number: more than a JavaScript number holds exactly. */
  commitNumber: bigint;
  commitUser: string;
  /** Names of fields an update has emptied. */
  nulledFields: string[];
  /** Names of long text fields that came as a difference: none here, the whole text comes. */
  diffFields: string[];
  /** Names of fields an update has changed; empty for other changes. */
  changedFields: string[];
}

/** A change of a record. */
export interface ChangeEvent extends BusEventBase {
  kind: "change";
  /** For example `Case`. */
  entity: string;
  header: ChangeHeader;
  /** Fields the event carries, flat, by field name; null for those an update has emptied. */
  values: Record<string, Scalar>;
}

/** A record that met a PushTopic's query. */
export interface TopicEvent extends BusEventBase {
  kind: "topic";
  /** The PushTopic's `Name`. */
  topic: string;
  type: "created" | "updated" | "deleted" | "undeleted";
  /** What the query selects; `Id` alone of a deleted record. */
  sobject: Record<string, unknown>;
}

/** A text somebody pushed to a generic streaming channel. */
export interface GenericEvent extends BusEventBase {
  kind: "generic";
  /** For example `/u/notes`. */
  channel: string;
  text: string;
}

/** Everything that can stand on the bus. */
export type BusEvent = PublishedEvent | ChangeEvent | TopicEvent | GenericEvent;

/** An event without what the bus gives it. */
export type EventDraft = Draft<PublishedEvent> | Draft<ChangeEvent> | Draft<TopicEvent> | Draft<GenericEvent>;

type Draft<E extends BusEvent> = Omit<E, "replayId">;

/** Something a client can subscribe to. */
export interface Channel {
  /** Without a query: `/topic/Open`, `/data/CaseChangeEvent`. */
  name: string;
  kind: "topic" | "event" | "data" | "generic";
  /** How long its events are kept, in ms. */
  retention: number;
  /** Fields a PushTopic selects, which a subscription may be filtered by; absent for the rest. */
  fields?: readonly string[];
  /** Whether the event goes to those who subscribe to it. */
  has(event: BusEvent): boolean;
}
