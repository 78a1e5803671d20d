import type { Agent } from "node:http";
import { NetworkError } from "./network-error";

/** The environment variables that name a proxy, in lower or upper case. When one is set, npm's own settings count as far as proxy-from-env reads them. */
const VARIABLES = ["http_proxy", "https_proxy", "all_proxy"];

/** The proxy for a request, and the agent that goes through it. */
export interface Proxy {
  /** Host and port, for texts. Never holds the user name or password of the proxy. */
  name: string;
  agent: Agent;
}

/**
 * The proxies that the environment names (`HTTPS_PROXY`, `HTTP_PROXY`, `NO_PROXY`, or in lower case). The packages for them are loaded only when a
 * variable is set. Requests use CONNECT, so that TLS is between us and the org, and Node's extra certificates are used.
 */
export class Proxies {
  private readonly byUrl = new Map<string, Proxy>();

  /** @param options of the agents: keep-alive and the like */
  constructor(private readonly options: { keepAlive: boolean; timeout: number }) {}

  /** The proxy for a URL; `undefined` when it is reached directly. @throws NetworkError as {@link proxyAddress} and {@link readProxy} */
  for(url: string): Proxy | undefined {
    const address = proxyAddress(url);
    if (!address) return undefined;
    let proxy = this.byUrl.get(address);
    if (!proxy) this.byUrl.set(address, (proxy = this.make(address)));
    return proxy;
  }

  close(): void {
    for (const { agent } of this.byUrl.values()) agent.destroy();
    this.byUrl.clear();
  }

  private make(address: string): Proxy {
    const { HttpsProxyAgent } = load<typeof import("https-proxy-agent")>("https-proxy-agent");
    const url = readProxy(address);
    return { name: url.host, agent: new HttpsProxyAgent(url, this.options) };
  }
}

/** Address of the proxy that the environment names for a URL; "" when it is reached directly. @throws NetworkError `PROXY` when a package is missing */
export function proxyAddress(url: string): string {
  if (!VARIABLES.some((name) => process.env[name] || process.env[name.toUpperCase()])) return "";
  return load<{ getProxyForUrl(url: string): string }>("proxy-from-env").getProxyForUrl(url);
}

/** Parses the address of a proxy. @throws NetworkError `PROXY` when the kind of proxy is not supported; its text does not quote the address */
export function readProxy(address: string): URL {
  let url: URL;
  try {
    url = new URL(address);
  } catch {
    throw new NetworkError("the proxy that the environment names is no URL (http://host:port)", "PROXY", false);
  }
  if (!/^https?:$/.test(url.protocol)) throw new NetworkError(`a proxy by ${url.protocol}// is not supported, only by http:// or https://`, "PROXY", false);
  return url;
}

function load<T>(name: string): T {
  try {
    // eslint-disable-next-line @typescript-eslint/no-require-imports
    return require(name) as T;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "MODULE_NOT_FOUND") throw cause;
    throw new NetworkError(`the environment names a proxy, but the optional package ${name} is not installed (npm install ${name})`, "PROXY", false, cause);
  }
}
