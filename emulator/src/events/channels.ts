import type { Org } from "../org";
import type { BusEvent, Channel } from "./bus-event";

/** ms of a day. */
export const DAY = 86_400_000;

/** PushTopic and generic events are kept for a day, platform and change events for three. */
const SHORT = DAY;
const LONG = 3 * DAY;

/** The channel of this name, as a client writes it; undefined when the org has none. */
export function channelOf(org: Org, name: string): Channel | undefined {
  const [, area, rest = "", ...more] = name.split("/");
  if (rest === "" || !name.startsWith("/") || (more.length > 0 && area !== "u")) return undefined;
  switch (area) {
    case "event":
      return eventChannel(org, name, rest);
    default:
      return undefined;
  }
}

function eventChannel(org: Org, name: string, rest: string): Channel | undefined {
  const object = org.schema.object(rest);
  if (!object?.platformEvent || object.name !== rest) return undefined;
  return { name, kind: "event", retention: LONG, has: (event: BusEvent) => event.kind === "platform" && event.name === rest };
}

void SHORT;
