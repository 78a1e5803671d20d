import type { StreamEvent } from "../event-stream";
import type { StreamOrg } from "../org-streams";
import type { Session } from "../../sign-in/login";

/** How much the clock of the host that answers may be ahead of the clock that events are written by, in ms; its date has no milliseconds, either. */
const SKEW = 5_000;

/**
 * A time of ours by the org's clock, and a little before: what is older was there before. Costs no API call; where the org says no time, its clock
 * is taken to be ours.
 *
 * @param time ms since the epoch
 */
export async function byOrgClock(org: Pick<StreamOrg, "http">, { instanceUrl }: Session, time: number): Promise<number> {
  const answer = await org.http.send({ method: "GET", url: `${instanceUrl}/services/data/` }).catch(() => undefined);
  const now = Date.parse(answer?.headers.date ?? "");
  return time - SKEW + (Number.isNaN(now) ? 0 : now - Date.now());
}

/** Whether an event was written before a time, as far as it says. */
export function isBefore({ createdDate }: StreamEvent, time: number): boolean {
  return createdDate !== undefined && Date.parse(createdDate) < time;
}
