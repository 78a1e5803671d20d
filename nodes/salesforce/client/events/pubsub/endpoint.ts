import { ConnectorError } from "../../../../common/errors";
import { isLoopback } from "../../sign-in/login-url";

/** Where Salesforce's Pub/Sub API is, for orgs of all regions but Government Cloud, which has none. */
const PUBSUB_ENDPOINT = "api.pubsub.salesforce.com:7443";

/** Where to connect to. */
export interface Endpoint {
  /** `host:port` */
  target: string;
  /** By TLS. */
  secure: boolean;
}

/**
 * Reads `host:port`, with `http://` in front for no TLS. As tokens travel on it, only this machine may be reached so.
 *
 * @param value blank: {@link PUBSUB_ENDPOINT}
 * @throws ConnectorError `NOT_CONFIGURED`
 */
export function readEndpoint(value = ""): Endpoint {
  const text = value.trim() || PUBSUB_ENDPOINT;
  const [, scheme = "https", rest = ""] = /^(?:(https?):\/\/)?(.+)$/i.exec(text) ?? [];
  const url = URL.canParse(`http://${rest}`) ? new URL(`http://${rest}`) : undefined;
  if (!url || url.username || url.password || url.search || url.hash || url.pathname !== "/") {
    throw new ConnectorError("NOT_CONFIGURED", `The Pub/Sub endpoint is no host and port; it looks like ${PUBSUB_ENDPOINT}`);
  }
  const secure = scheme.toLowerCase() === "https";
  if (!secure && !isLoopback(url.hostname)) {
    throw new ConnectorError("NOT_CONFIGURED", "The Pub/Sub endpoint may be reached without TLS only on this machine: leave http:// out");
  }
  // a port that is http's own is not kept by URL
  const port = url.port || /:(\d+)\/?$/.exec(rest)?.[1] || "7443";
  return { target: `${url.hostname}:${port}`, secure };
}
