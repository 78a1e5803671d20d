import { ApiError, notFound } from "../api-error";
import { pushTexts } from "../events/generic";
import type { Reply } from "../http";
import { parseId } from "../ids";
import { allow, type Call } from "./call";
import { jsonObject, refuseUnknown } from "./json-body";

/** Answers `/sobjects/StreamingChannel/{id}/push`: publishes generic events on the channel. */
export function push(call: Call, text: string): Reply {
  allow(call, "POST");
  if (call.version < 29 || call.segments.length > 4) throw notFound();
  const id = parseId(text);
  const channel = id === undefined ? undefined : call.org.store.table(call.org.schema.object("StreamingChannel")!).get(id);
  if (!channel || channel.IsDeleted) throw notFound();
  const body = jsonObject(call.request);
  refuseUnknown(body, ["pushEvents"]);
  const { pushEvents } = body;
  if (!Array.isArray(pushEvents) || pushEvents.length === 0) throw new ApiError("JSON_PARSER_ERROR", "The pushEvents parameter is required");
  pushTexts(call.org, channel, pushEvents.map(payloadOf));
  // Salesforce tells the number of recipients only for events that are for certain users.
  return { status: 200, json: pushEvents.map(() => ({ fanoutCount: -1, userOnlineStatus: {} })) };
}

function payloadOf(event: unknown): string {
  if (typeof event !== "object" || event === null) throw new ApiError("JSON_PARSER_ERROR", "Each of pushEvents must be an object");
  refuseUnknown(event, ["payload", "userIds"]);
  const { payload, userIds = [] } = event as Record<string, unknown>;
  if (typeof payload !== "string") throw new ApiError("JSON_PARSER_ERROR", "Each of pushEvents must have a payload");
  if (!Array.isArray(userIds) || userIds.length > 0) throw new ApiError("INVALID_INPUT", "events for certain users are not supported by the emulator");
  return payload;
}
