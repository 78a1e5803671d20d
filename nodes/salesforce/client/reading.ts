import type { ConnectorError } from "../../common/errors";
import type { TriggeredReadOptions } from "../../delivery/reading/triggered-read-options";
import type { OrgClient } from "./org";

/** Codes of errors that say that the org is away or refuses the login, and nothing about the query. */
const AWAY: ReadonlySet<string> = new Set(["ORG_UNAVAILABLE", "ORG_LIMIT", "ORG_LOGIN_FAILED", "ORG_SESSION_INVALID"]);

/** Properties that a message with records sets itself, and so does not take over from the message that triggered it. */
const OWN: ReadonlySet<string> = new Set(["_msgid", "payload", "delivery", "salesforce", "parts"]);

/** The options common to all readings from an org: which errors mean that the org is away, how long to wait then, and which properties a message sets itself. */
export function readingFrom(org: OrgClient): Pick<TriggeredReadOptions<unknown, unknown, never>, "own" | "isAway" | "untilReady"> {
  return {
    own: OWN,
    isAway: ({ code, scope }: ConnectorError) => scope === "system" && AWAY.has(code),
    untilReady: (error: ConnectorError) => org.untilReady(error),
  };
}
