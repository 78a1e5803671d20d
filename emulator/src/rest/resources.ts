import type { Reply } from "../http";
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
  const reading = ["query", "queryAll", "search", "parameterizedSearch", "recent", "limits", "analytics", "wave"];
  const names = ["sobjects", "composite", "jobs", "process", "actions", "event", ...reading];
  const map = Object.fromEntries(names.map((name) => [name, `${call.base}/${name}`]));
  return { status: 200, json: { ...map, identity: `${call.request.origin}/id/${call.org.id}/${call.session.userId}` } };
}

/** `GET /limits`. */
export function limits(call: Call): Reply {
  allow(call, "GET");
  return { status: 200, json: call.org.limits.json() };
}
