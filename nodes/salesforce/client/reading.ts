import type { ConnectorError } from "../../common/errors";
import type { TriggeredReadOptions } from "../../delivery/triggered-read-options";
import type { OrgClient } from "./org";

/** The org is away or refuses us: nothing is wrong with what is asked. */
const AWAY: ReadonlySet<string> = new Set(["ORG_UNAVAILABLE", "ORG_LIMIT", "ORG_LOGIN_FAILED", "ORG_SESSION_INVALID"]);

/** What a message with records has of its own, and so does not inherit from the trigger. */
const OWN: ReadonlySet<string> = new Set(["_msgid", "payload", "delivery", "salesforce", "parts"]);

/** What all readings from an org have in common: which errors are the org's, how long to wait, and what of a message is its own. */
export function readingFrom(org: OrgClient): Pick<TriggeredReadOptions<unknown, unknown, never>, "own" | "isAway" | "untilReady"> {
  return {
    own: OWN,
    isAway: ({ code, scope }: ConnectorError) => scope === "system" && AWAY.has(code),
    untilReady: (error: ConnectorError) => org.untilReady(error),
  };
}
