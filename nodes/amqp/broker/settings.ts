import type { ConnectionOptions } from "../client/connection";

/** What the editor saves. Numbers come as text when they were typed or stand in the environment. */
export interface BrokerDef {
  name?: string;
  urls: string[] | string;
  vhost?: string;
  /** Id of a `tls-config` node. */
  tls?: string;
  /** Seconds. */
  heartbeat?: number | string;
  /** Seconds. */
  connectTimeout?: number | string;
}

/** What the editor keeps apart. */
export interface BrokerCredentials {
  username?: string;
  password?: string;
}

/** How to connect, from what was saved. */
export function readOptions(def: BrokerDef, credentials: BrokerCredentials, name: string): ConnectionOptions {
  // one environment variable may hold several URLs
  const urls = (Array.isArray(def.urls) ? def.urls : [def.urls ?? ""]).flatMap((text) => String(text).split(/[\s,]+/)).filter(Boolean);
  const { username, password } = credentials;
  return {
    urls,
    vhost: def.vhost || "/",
    ...(username ? { username, password: password ?? "" } : {}),
    heartbeat: seconds(def.heartbeat, 15),
    connectTimeout: seconds(def.connectTimeout, 10),
    name,
  };
}

/** The form refuses 0, which would switch heartbeats off and leave dead links unnoticed. */
function seconds(value: number | string | undefined, fallback: number): number {
  const number = Number(value);
  return number > 0 ? number : fallback;
}
