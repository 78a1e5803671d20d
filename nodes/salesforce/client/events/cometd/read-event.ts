import type { StreamEvent } from "../event-stream";
import type { BayeuxMessage } from "./bayeux";

/** The `data` of an event as it is sent. Which fields are there depends on the kind of channel. */
interface EventData {
  schema?: string;
  payload?: unknown;
  sobject?: unknown;
  event?: { replayId?: number | string; EventUuid?: string; createdDate?: string; type?: string };
}

/** Lists of field names in a change event's header. The server leaves out empty ones; the flow always gets all three. */
const NAME_LISTS = ["changedFields", "nulledFields", "diffFields"] as const;

/** Converts a message to an event in the shape common to both transports; `undefined` when it has no replay id, and so is not from the org. */
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

/** Adds the empty lists to a change event's header. Also gives the time of the commit, written as the org writes times: without milliseconds when they are zero. */
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
