import { randomUUID } from "node:crypto";
import { ApiError } from "../api-error";
import type { Org } from "../org";
import type { Row } from "../store/table";

/** The most characters of a generic event's text. */
const MAX_TEXT = 3000;

/** Refuses a StreamingChannel whose name is not a valid name of a channel. */
export function checkStreamingChannel(_org: Org, row: Row): void {
  if (/^\/u\/[\w\-/]+$/.test(String(row["Name"]))) return;
  throw new ApiError("INVALID_FIELD", "The channel name must start with /u/ and have letters, digits, hyphens, underscores and slashes only", ["Name"]);
}

/** Publishes texts on a generic channel: all of them, or none if one is too long. */
export function pushTexts(org: Org, channel: Row, texts: readonly string[]): void {
  const long = texts.find((text) => text.length > MAX_TEXT);
  if (long !== undefined) throw new ApiError("STRING_TOO_LONG", `payload: data value too large: ${long.slice(0, 80)}… (max length=${MAX_TEXT})`, ["payload"]);
  for (const text of texts) {
    const base = { eventUuid: randomUUID(), createdDate: new Date(org.now()).toISOString() };
    org.events.publish({ kind: "generic", ...base, channel: String(channel["Name"]), text });
  }
}
