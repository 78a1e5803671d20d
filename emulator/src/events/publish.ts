import { randomUUID } from "node:crypto";
import { ApiError } from "../api-error";
import type { Org } from "../org";
import type { ObjectSchema } from "../schema/schema";
import type { Scalar } from "../schema/types";
import type { Undo } from "../store/table";

/** The most bytes of an event's JSON. */
const MAX_BYTES = 1024 * 1024;

/** Publishes one platform event. @param values checked values by field name */
export function publish(
  org: Org,
  object: ObjectSchema,
  values: Record<string, Scalar>,
  userId: string,
  eventUuid: string = randomUUID(),
): { id: string; eventUuid: string; undo: Undo } {
  const payload: Record<string, Scalar> = {};
  for (const field of object.fields) if (field.createable) payload[field.name] = values[field.name] ?? null;
  if (Buffer.byteLength(JSON.stringify(payload)) > MAX_BYTES) {
    throw new ApiError("INVALID_INPUT", "The event message is larger than the maximum of 1 MB");
  }
  if (!org.limits.use("HourlyPublishedPlatformEvents")) {
    throw new ApiError("LIMIT_EXCEEDED", "You have exceeded the event publishing limit for your org.", []);
  }
  const event = { kind: "platform" as const, name: object.name, eventUuid, createdDate: new Date(org.now()).toISOString(), createdById: userId, payload };
  const undo = org.events.publish(event);
  const takeBack = (): void => {
    undo();
    org.limits.free("HourlyPublishedPlatformEvents");
  };
  return { id: org.store.ids.next(object.keyPrefix), eventUuid, undo: takeBack };
}
