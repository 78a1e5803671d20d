import { ConnectorError, errorText } from "../../../../common/errors";
import { proxyAddress, readProxy } from "../../http/proxy";
import type { Endpoint } from "./endpoint";

/** Where a gRPC channel connects to, and the options for it. */
export interface Way {
  target: string;
  options: Record<string, string | number>;
}

/**
 * How to connect to an endpoint: through the proxy that the environment names, as for the org's other calls, or directly. Left to itself, grpc-js reads
 * only variables in lower case.
 *
 * @throws ConnectorError `NOT_CONFIGURED` when that proxy cannot be used
 */
export function wayTo({ target, secure }: Endpoint): Way {
  const proxy = secure ? proxyTo(target) : undefined;
  if (!proxy) return { target, options: { "grpc.enable_http_proxy": 0 } };
  return {
    target: `dns:${proxy.host}`,
    options: {
      "grpc.enable_http_proxy": 0,
      "grpc.default_authority": target,
      "grpc.http_connect_target": `dns:${target}`,
      ...(proxy.login ? { "grpc.http_connect_creds": proxy.login } : {}),
    },
  };
}

/** `host:port` of the proxy for a target, and `user:password` for the proxy, or "". `undefined`: no proxy. */
function proxyTo(target: string): { host: string; login: string } | undefined {
  try {
    const address = proxyAddress(`https://${target}`);
    if (!address) return undefined;
    const { protocol, hostname, port, username, password } = readProxy(address);
    if (protocol !== "http:") throw new Error("a proxy by https:// is not supported here, only by http://");
    return { host: `${hostname}:${port || 80}`, login: [username, password].filter(Boolean).map(decodeURIComponent).join(":") };
  } catch (cause) {
    throw new ConnectorError("NOT_CONFIGURED", `The Pub/Sub API cannot be reached: ${errorText(cause)}`, { cause });
  }
}
