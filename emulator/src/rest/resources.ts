import type { Reply } from "../http";
import { runQuery } from "../soql/query";
import { ApiError } from "../api-error";
import { allow, type Call } from "./call";

/** Oldest and newest version of the API served. v21–v30 are retired; v68.0 is Winter '27. */
export const OLDEST_VERSION = 31;
export const NEWEST_VERSION = 68;

const RELEASES = ["Winter", "Summer", "Spring"];

/** `GET /services/data/`: all versions, to anybody. */
export function versions(): Reply {
  const list = [];
  for (let version = OLDEST_VERSION; version <= NEWEST_VERSION; version++) {
    // Three releases a year, the Winter one named for the year to come.
    const age = NEWEST_VERSION - version;
    const label = `${RELEASES[age % 3]} '${String(27 - Math.ceil(age / 3)).padStart(2, "0")}`;
    list.push({ label, url: `/services/data/v${version}.0`, version: `${version}.0` });
  }
  return { status: 200, json: list };
}

/** `GET /services/data/vXX.0/`: what there is. */
export function resources(call: Call): Reply {
  allow(call, "GET");
  const names = ["sobjects", "query", "queryAll", "limits", "composite"];
  const map = Object.fromEntries(names.map((name) => [name, `${call.base}/${name}`]));
  return { status: 200, json: { ...map, identity: `${call.request.origin}/id/${call.org.id}/${call.session.userId}` } };
}

/** `GET /limits`. Only the calls are counted; the rest is there because clients read it. */
export function limits(call: Call): Reply {
  allow(call, "GET");
  const { used, max } = call.org.apiUsage;
  const untouched = (limit: number): { Max: number; Remaining: number } => ({ Max: limit, Remaining: limit });
  return {
    status: 200,
    json: {
      DailyApiRequests: { Max: max, Remaining: Math.max(0, max - used) },
      DailyBulkV2QueryJobs: untouched(10_000),
      DailyDeliveredPlatformEvents: untouched(10_000),
      DailyDurableStreamingApiEvents: untouched(10_000),
      DailyStreamingApiEvents: untouched(10_000),
      HourlyPublishedPlatformEvents: untouched(50_000),
      StreamingApiConcurrentClients: untouched(20),
    },
  };
}

/** Records a page: 2,000, or what `Sforce-Query-Options: batchSize=` asks for between 200 and 2,000. */
function pageSize(call: Call): number {
  const match = /\bbatchSize\s*=\s*(\d+)/i.exec(String(call.request.headers["sforce-query-options"] ?? ""));
  return match ? Math.min(2000, Math.max(200, Number(match[1]))) : 2000;
}

/** `/query?q=`, `/queryAll?q=` and `/query/<locator>`. */
export function query(call: Call): Reply {
  allow(call, "GET");
  const [name, locator] = call.segments;
  if (locator !== undefined) return { status: 200, json: call.org.cursors.next(locator, call.base) };
  const text = call.request.query.get("q");
  if (text === null) throw new ApiError("MALFORMED_QUERY", "SOQL statements must be given in the parameter q");
  const result = runQuery(call.org, text, name === "queryAll");
  return { status: 200, json: call.org.cursors.first(result, pageSize(call), call.base) };
}
