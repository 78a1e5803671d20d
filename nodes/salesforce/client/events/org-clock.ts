import type { Session } from "../sign-in/login";
import type { StreamOrg } from "./org-streams";

/**
 * The time by the org's clock, in ms since the epoch: events carry times of the org, and the clock of a small machine may be hours off. Asks the org
 * once, for something that needs no session and counts as no API call; goes by this machine's clock when that fails.
 */
export async function orgClock({ http }: Pick<StreamOrg, "http">, { instanceUrl }: Session): Promise<() => number> {
  try {
    const { headers } = await http.send({ method: "GET", url: `${instanceUrl}/services/data/` });
    const date = Date.parse(headers.date ?? "");
    if (Number.isNaN(date)) return Date.now;
    const begun = performance.now();
    return () => date + Math.round(performance.now() - begun);
  } catch {
    return Date.now;
  }
}
