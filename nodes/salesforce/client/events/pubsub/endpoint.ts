import { ConnectorError } from "../../../../common/errors";
import { isLoopback } from "../../sign-in/login-url";

/** Address of Salesforce's Pub/Sub API, for orgs of all regions. Government Cloud has no Pub/Sub API. */
const PUBSUB_ENDPOINT = "api.pubsub.salesforce.com:7443";

/** Where to connect to. */
export interface Endpoint {
  /** `host:port` */
  target: string;
  /** Whether to use TLS. */
  secure: boolean;
}

/**
 * Reads `host:port`; `http://` in front means without TLS. That is allowed only for this machine, as access tokens are sent over the connection.
 *
 * @param value default, also when blank: {@link PUBSUB_ENDPOINT}
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
  // URL drops port 80, as it is the default of http
  const port = url.port || /:(\d+)\/?$/.exec(rest)?.[1] || "7443";
  return { target: `${url.hostname}:${port}`, secure };
}
