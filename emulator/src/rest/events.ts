import { ApiError, notFound } from "../api-error";
import { eventSchema, schemaId, type PayloadFormat } from "../events/event-schema";
import type { Reply } from "../http";
import type { ObjectSchema } from "../schema/schema";
import { allow, type Call } from "./call";

/** Answers `/event/eventSchema/{schemaId}`. */
export function event(call: Call): Reply {
  allow(call, "GET");
  const [, kind, id] = call.segments;
  const object = kind === "eventSchema" ? call.org.schema.objects.find((one) => one.platformEvent && schemaId(one) === id) : undefined;
  if (!object || call.segments.length > 3) throw notFound();
  return schemaReply(call, object);
}

/** Answers `/sobjects/X__e/…`. A platform event has no records that could be read, changed or deleted. */
export function eventObject(call: Call, object: ObjectSchema): Reply {
  if (call.segments[2] === "eventSchema" && call.segments.length === 3) {
    allow(call, "GET");
    return schemaReply(call, object);
  }
  const operation = { GET: "retrieve", PATCH: "update", DELETE: "delete" }[call.request.method] ?? call.request.method;
  throw new ApiError("INVALID_TYPE_FOR_OPERATION", `entity type ${object.name} does not support ${operation}`);
}

function schemaReply(call: Call, object: ObjectSchema): Reply {
  const format = call.request.query.get("payloadFormat") ?? "EXPANDED";
  if (format !== "COMPACT" && format !== "EXPANDED") throw new ApiError("INVALID_INPUT", `payloadFormat must be COMPACT or EXPANDED, not ${format}`);
  return { status: 200, json: eventSchema(object, format satisfies PayloadFormat) };
}
