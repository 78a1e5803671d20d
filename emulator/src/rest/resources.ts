import type { Reply } from "../http";
import { allow, type Call } from "./call";

/** The oldest and the newest supported version of the API. v21–v30 are retired; v68.0 is Winter '27. */
export const OLDEST_VERSION = 31;
export const NEWEST_VERSION = 68;

const RELEASES = ["Winter", "Summer", "Spring"];

/** Answers `GET /services/data/` with all versions. No session is needed. */
export function versions(): Reply {
  const list = [];
  for (let version = OLDEST_VERSION; version <= NEWEST_VERSION; version++) {
    // There are three releases a year. The Winter one is named after the next year.
    const age = NEWEST_VERSION - version;
    const label = `${RELEASES[age % 3]} '${String(27 - Math.ceil(age / 3)).padStart(2, "0")}`;
    list.push({ label, url: `/services/data/v${version}.0`, version: `${version}.0` });
  }
  return { status: 200, json: list };
}

/** Answers `GET /services/data/vXX.0/` with all resources. */
export function resources(call: Call): Reply {
  allow(call, "GET");
  const reading = ["query", "queryAll", "search", "parameterizedSearch", "recent", "limits", "analytics", "wave"];
  const names = ["sobjects", "composite", "jobs", "process", "actions", "event", ...reading];
  const map = Object.fromEntries(names.map((name) => [name, `${call.base}/${name}`]));
  return { status: 200, json: { ...map, identity: `${call.request.origin}/id/${call.org.id}/${call.session.userId}` } };
}

/** Answers `GET /limits`. */
export function limits(call: Call): Reply {
  allow(call, "GET");
  return { status: 200, json: call.org.limits.json() };
}
