import path from "node:path";
import { textIn } from "../../common/environment";
import { ConnectorError } from "../../common/errors";
import { wholeNumber } from "../../common/whole-number";
import { API_VERSION } from "../client/connection";
import type { LoginFlow, OrgCredentials } from "../client/sign-in/login";
import type { OrgSettings } from "../client/org";

/** What the editor saves. Numbers come as text when they were typed or stand in the environment. */
export interface OrgDef {
  /** `https://login.salesforce.com`, a sandbox's or My Domain. */
  loginUrl?: string;
  flow?: LoginFlow;
  /** File with the PEM text of the private key, in place of the credential; relative to Node-RED's user directory. */
  keyFile?: string;
  /** Default {@link API_VERSION}. */
  apiVersion?: string;
  /** Host and port of the Pub/Sub API. Blank: Salesforce's own. */
  pubsubEndpoint?: string;
  /** Calls under way at once. Default 10. */
  concurrency?: number | string;
  /** Percent of the day's API calls from which on calls are spaced. Default 80; blank or 0: never. */
  usageThreshold?: number | string;
  /** Seconds until a call's whole answer must be there. Default 60. */
  timeout?: number | string;
}

/**
 * How to sign in and call, from what was saved.
 *
 * @param userDir what a relative key file is relative to
 * @throws ConnectorError `NOT_CONFIGURED`
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

/** `66.0`, also of `66` and `v66.0`, as environments have it. */
function readVersion(text: string): string {
  if (text === "") return API_VERSION;
  const number = /^v?(\d{2,3})(\.0)?$/i.exec(text)?.[1];
  if (number === undefined) throw new ConnectorError("NOT_CONFIGURED", `${JSON.stringify(text)} is no version of the API; one looks like ${API_VERSION}`);
  return `${number}.0`;
}
