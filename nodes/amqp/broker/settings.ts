import { textIn, withValue } from "../../common/environment";
import { ConnectorError } from "../../common/errors";
import { wholeNumber } from "../../common/whole-number";
import type { BrokerOptions } from "../client/broker";
import { checkVhost, parseBrokerUrl } from "../client/connection/broker-url";
import { certificateSignIn, passwordSignIn, tokenSignIn } from "../client/sign-in/sign-in";
import { fetchToken, type TokenEndpoint } from "../client/sign-in/token-endpoint";
import { fixedToken, RenewedToken } from "../client/sign-in/token-source";

/** What the editor saves. Numbers may be text, as typed or taken from the environment. */
export interface BrokerDef {
  name?: string;
  urls: string[] | string;
  vhost?: string;
  /** How to sign in. `plain`, the default: user name and password; `external`: client certificate; `token`: OAuth 2 token. */
  auth?: "plain" | "external" | "token";
  /** URL from which tokens are fetched; if empty, the credential `token` is used. */
  tokenUrl?: string;
  scope?: string;
  /** Id of a `tls-config` node. */
  tls?: string;
  /** Seconds. */
  heartbeat?: number | string;
  /** Seconds. */
  connectTimeout?: number | string;
}

/** Credentials, which the editor stores apart from the other settings. */
export interface BrokerCredentials {
  username?: string;
  password?: string;
  clientId?: string;
  clientSecret?: string;
  /** A token (JWT) that somebody else renews. */
  token?: string;
}

/**
 * The options of the broker, from what the editor saved.
 *
 * @throws ConnectorError NOT_CONFIGURED when something is missing or wrong
 */
export function readOptions(def: BrokerDef, credentials: BrokerCredentials): BrokerOptions {
  const urls = readUrls(def).map(withValue);
  const vhost = withValue(def.vhost) || "/";
  for (const url of urls) checkVhost(url, vhost);
  return {
    urls,
    vhost,
    signIn: readSignIn(def, credentials),
    heartbeat: wholeNumber(def.heartbeat, "Heartbeat", { fallback: 15, min: 1, max: 3600 }), // 0 would switch heartbeats off and leave dead links unnoticed
    connectTimeout: wholeNumber(def.connectTimeout, "Timeout", { fallback: 10, min: 1, max: 600 }),
  };
}

/** The broker's addresses. A text may hold several, separated by commas or spaces, as from an environment variable. */
export function readUrls({ urls }: BrokerDef): string[] {
  return (Array.isArray(urls) ? urls : [urls ?? ""]).flatMap((text) => String(text).split(/[\s,]+/)).filter(Boolean);
}

function readSignIn(def: BrokerDef, credentials: BrokerCredentials): NonNullable<BrokerOptions["signIn"]> {
  switch (def.auth || "plain") {
    case "external":
      if (readUrls(def).some((url) => parseBrokerUrl(url).protocol !== "amqps")) {
        throw new ConnectorError("NOT_CONFIGURED", "A client certificate can be shown on amqps:// only");
      }
      return certificateSignIn;
    case "token":
      return readTokenSignIn(def, credentials);
    default:
      return readPasswordSignIn(credentials);
  }
}

function readPasswordSignIn(credentials: BrokerCredentials): NonNullable<BrokerOptions["signIn"]> {
  const username = withValue(credentials.username);
  if (!username) return () => passwordSignIn(); // both are RabbitMQ's defaults then
  const password = withValue(credentials.password);
  return () => passwordSignIn(username, password);
}

function readTokenSignIn(def: BrokerDef, credentials: BrokerCredentials): NonNullable<BrokerOptions["signIn"]> {
  const username = withValue(credentials.username) || undefined;
  const tokenUrl = textIn(def.tokenUrl);
  if (!tokenUrl) {
    const token = withValue(credentials.token);
    if (!token) throw new ConnectorError("NOT_CONFIGURED", "The broker has neither a token nor a token URL");
    return () => tokenSignIn(fixedToken(token), username);
  }
  const clientId = withValue(credentials.clientId);
  if (!clientId) throw new ConnectorError("NOT_CONFIGURED", "The broker's token needs a client id");
  const endpoint: TokenEndpoint = { url: checkTokenUrl(tokenUrl), clientId, clientSecret: withValue(credentials.clientSecret), scope: withValue(def.scope) };
  return (log) => tokenSignIn(new RenewedToken({ fetch: (signal) => fetchToken(endpoint, signal), log }), username);
}

/** Checks the URL for tokens. The error does not repeat it, since it may hold a secret. */
function checkTokenUrl(text: string): string {
  let url: URL | undefined;
  try {
    url = new URL(text);
  } catch {
    // reported below
  }
  if (!url || !["https:", "http:"].includes(url.protocol) || url.username || url.password) {
    throw new ConnectorError("NOT_CONFIGURED", "The broker's token URL is not a valid one: write https://host/path, without user name and password");
  }
  return url.href;
}
