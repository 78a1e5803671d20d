import { plainCopy } from "../../../common/plain-copy";
import type { StreamEvent } from "./event-stream";
import type { TransportName } from "./org-streams";

/** `msg.salesforce` of an event. */
export interface EventFacts {
  /** Name of the channel, without its filter. */
  channel: string;
  /** The replay id, in decimal digits. */
  replayId: string;
  eventUuid?: string;
  /** Of a PushTopic event: `created`, `updated`, `deleted` or `undeleted`. */
  type?: string;
  /** When the event was made, in ISO 8601. */
  createdDate?: string;
  /** Id of the schema, where the event names one. */
  schema?: string;
  transport: TransportName;
}

/** The message that is sent for an event. */
export interface EventMessage {
  payload: unknown;
  topic: string;
  salesforce: EventFacts;
}

/** Makes the message of an event. Called for each attempt, as the flow may have changed the message of the attempt before. */
export function eventMessage(event: StreamEvent, channel: string, transport: TransportName): EventMessage {
  const { replayId, eventUuid, type, createdDate, schema, payload } = event;
  const salesforce: EventFacts = { channel, replayId, transport };
  if (eventUuid !== undefined) salesforce.eventUuid = eventUuid;
  if (type !== undefined) salesforce.type = type;
  if (createdDate !== undefined) salesforce.createdDate = createdDate;
  if (schema !== undefined) salesforce.schema = schema;
  return { payload: plainCopy(payload), topic: channel, salesforce };
}
