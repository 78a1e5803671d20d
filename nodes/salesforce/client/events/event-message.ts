import { plainCopy } from "../../../common/plain-copy";
import type { StreamEvent } from "./event-stream";
import type { TransportName } from "./org-streams";

/** `msg.salesforce` of an event. */
export interface EventFacts {
  /** Without a filter. */
  channel: string;
  /** In decimal. */
  replayId: string;
  eventUuid?: string;
  /** Of a PushTopic event: created, updated, deleted, undeleted. */
  type?: string;
  /** ISO 8601. */
  createdDate?: string;
  /** Id of the schema. */
  schema?: string;
  transport: TransportName;
}

/** The message an event becomes. */
export interface EventMessage {
  payload: unknown;
  topic: string;
  salesforce: EventFacts;
}

/** The message of an event, made anew for each attempt: the flow may have changed the last one. */
export function eventMessage(event: StreamEvent, channel: string, transport: TransportName): EventMessage {
  const { replayId, eventUuid, type, createdDate, schema, payload } = event;
  const salesforce: EventFacts = { channel, replayId, transport };
  if (eventUuid !== undefined) salesforce.eventUuid = eventUuid;
  if (type !== undefined) salesforce.type = type;
  if (createdDate !== undefined) salesforce.createdDate = createdDate;
  if (schema !== undefined) salesforce.schema = schema;
  return { payload: plainCopy(payload), topic: channel, salesforce };
}
