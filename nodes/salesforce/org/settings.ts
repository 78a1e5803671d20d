import path from "node:path";
import { textIn } from "../../common/environment";
import { ConnectorError } from "../../common/errors";
import { wholeNumber } from "../../common/whole-number";
import { API_VERSION } from "../client/connection";
import type { LoginFlow, OrgCredentials } from "../client/sign-in/login";
import type { OrgSettings } from "../client/org";

/** The properties that the editor saves. Numbers may be texts: as typed, or from environment variables. */
export interface OrgDef {
  /** `https://login.salesforce.com`, the URL for sandboxes, or that of a My Domain. */
  loginUrl?: string;
  flow?: LoginFlow;
  /** File with the private key as PEM text, instead of the credential. A relative path starts at Node-RED's user directory. */
  keyFile?: string;
  /** Default {@link API_VERSION}. */
  apiVersion?: string;
  /** Host and port of the Pub/Sub API. Blank: Salesforce's own. */
  pubsubEndpoint?: string;
  /** How many calls are under way at once. Default 10. */
  concurrency?: number | string;
  /** Above this percentage of the day's API calls, calls are slowed down. Default 80. Blank or 0: never. */
  usageThreshold?: number | string;
  /** How long, in seconds, a call may take until its whole answer has arrived. Default 60. */
  timeout?: number | string;
}

/**
 * Reads from the saved properties how to sign in and how to make calls.
 *
 * @param userDir Node-RED's user directory, at which the relative path of a key file starts
 * @throws ConnectorError `NOT_CONFIGURED` when a property is wrong
 */
export function readSettings(def: OrgDef, credentials: OrgCredentials, userDir = "."): OrgSettings {
  const keyFile = def.flow === "jwt-bearer" ? textIn(def.keyFile) : "";
  const { usageThreshold = 80 } = def;
  return {
    loginUrl: def.loginUrl ?? "",
    flow: def.flow ?? "client-credentials",
    credentials,
    ...(keyFile ? { keyFile: path.resolve(userDir, keyFile) } : {}),
    apiVersion: readVersion(textIn(def.apiVersion)),
    concurrency: wholeNumber(def.concurrency, "Calls at once", { fallback: 10, min: 1, max: 100 }),
    timeout: wholeNumber(def.timeout, "Give up after", { fallback: 60, min: 1, max: 1800 }) * 1000,
    streams: { pubsubEndpoint: textIn(def.pubsubEndpoint) },
    usage: { threshold: wholeNumber(usageThreshold, "Slow down from", { fallback: 0, max: 100 }) },
  };
}

/** Returns a version such as `66.0`. It is also given as `66` or `v66.0`, for instance in environment variables. */
function readVersion(text: string): string {
  if (text === "") return API_VERSION;
  const number = /^v?(\d{2,3})(\.0)?$/i.exec(text)?.[1];
  if (number === undefined) throw new ConnectorError("NOT_CONFIGURED", `${JSON.stringify(text)} is no version of the API; one looks like ${API_VERSION}`);
  return `${number}.0`;
}
