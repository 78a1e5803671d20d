import type { StreamEvent } from "../event-stream";
import type { BayeuxMessage } from "./bayeux";

/** What the parts of an event's `data` are called on the wire; which of them are there depends on the kind of channel. */
interface EventData {
  schema?: string;
  payload?: unknown;
  sobject?: unknown;
  event?: { replayId?: number | string; EventUuid?: string; createdDate?: string; type?: string };
}

/** The lists of field names that a change event's header always has for the flow; the wire leaves out those that are empty. */
const NAME_LISTS = ["changedFields", "nulledFields", "diffFields"] as const;

/** An event in the one shape that both transports give; undefined for a message without a replay id, which is not the org's. */
export function readEvent({ channel, data }: BayeuxMessage): StreamEvent | undefined {
  const { schema, payload, sobject, event } = (data ?? {}) as EventData;
  const replayId = event?.replayId;
  if (replayId === undefined) return undefined;
  const position = String(replayId);
  const base = { position, replayId: position, ...(event?.EventUuid ? { eventUuid: event.EventUuid } : {}), ...(schema ? { schema } : {}) };
  const at = (createdDate: unknown) => (typeof createdDate === "string" ? { createdDate } : {});
  switch (channel.split("/", 2)[1]) {
    case "topic":
      return { ...base, kind: "topic", payload: sobject, ...(event?.type ? { type: event.type } : {}), ...at(event?.createdDate) };
    case "data": {
      const change = withNameLists(payload);
      return { ...base, kind: "change", payload: change.payload, ...at(change.committed) };
    }
    case "event":
      return { ...base, kind: "event", payload, ...at((payload as { CreatedDate?: unknown } | undefined)?.CreatedDate) };
    default:
      return { ...base, kind: "generic", payload, ...at(event?.createdDate) };
  }
}

/** The time of the commit is written as the org writes times: without milliseconds where there are none. */
function withNameLists(payload: unknown): { payload: unknown; committed?: string } {
  const header = (payload as { ChangeEventHeader?: Record<string, unknown> } | undefined)?.ChangeEventHeader;
  if (!header) return { payload };
  const lists = Object.fromEntries(NAME_LISTS.map((name) => [name, header[name] ?? []]));
  const committed = new Date(Number(header.commitTimestamp));
  return {
    payload: { ...(payload as object), ChangeEventHeader: { ...header, ...lists } },
    ...(Number.isNaN(committed.getTime()) ? {} : { committed: committed.toISOString().replace(".000Z", "Z") }),
  };
}
