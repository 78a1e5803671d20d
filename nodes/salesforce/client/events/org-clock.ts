import type { Session } from "../sign-in/login";
import type { StreamOrg } from "./org-streams";

/**
 * Makes a function that gives the time by the org's clock, in ms since the epoch. Events carry times of the org, and the clock of a small machine may be
 * hours off. Asks the org once, with a call that needs no session and counts as no API call. When that fails, the function gives this machine's time.
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
