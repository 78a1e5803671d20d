import { ConnectorError } from "../../../common/errors";

/** One host of a broker. */
export interface BrokerAddress {
  protocol: "amqp" | "amqps";
  /** Name or IP address, IPv6 without brackets. */
  hostname: string;
  port: number;
}

/**
 * Reads `amqp(s)://host:port`. Without a port, the protocol's default is taken: 5672, with TLS 5671.
 *
 * @throws ConnectorError NOT_CONFIGURED. Its text does not repeat the URL, which may contain a password
 */
export function parseBrokerUrl(text: string): BrokerAddress {
  let url: URL;
  try {
    url = new URL(text.trim());
  } catch {
    throw new ConnectorError("NOT_CONFIGURED", "A broker's address is not a valid one: write amqp://host:port or amqps://host:port");
  }
  const protocol = url.protocol.slice(0, -1);
  if (protocol !== "amqp" && protocol !== "amqps") throw new ConnectorError("NOT_CONFIGURED", "A broker's address must begin with amqp:// or amqps://");
  if (url.hostname === "") throw new ConnectorError("NOT_CONFIGURED", "A broker's address names no host");
  if (url.username || url.password) throw new ConnectorError("NOT_CONFIGURED", "A broker's address must not hold a user name or password: they have fields of their own");
  return { protocol, hostname: url.hostname.replace(/^\[|\]$/g, ""), port: Number(url.port) || (protocol === "amqp" ? 5672 : 5671) };
}

/**
 * Reads the addresses of a broker.
 *
 * @throws ConnectorError NOT_CONFIGURED when there is none; also what {@link parseBrokerUrl} throws
 */
export function parseBrokerUrls(urls: readonly string[]): BrokerAddress[] {
  if (urls.length === 0) throw new ConnectorError("NOT_CONFIGURED", "The broker has no address");
  return urls.map(parseBrokerUrl);
}

/**
 * Checks the virtual host in an address. Only host and port of an address are used, but the addresses that providers hand out contain a virtual host, too: it must be
 * the one that is in use, or be left out.
 *
 * @throws ConnectorError NOT_CONFIGURED when it is another one; also what {@link parseBrokerUrl} throws
 */
export function checkVhost(text: string, vhost: string): void {
  parseBrokerUrl(text);
  const named = decoded(new URL(text.trim()).pathname.slice(1));
  if (named === "" || named === vhost) return;
  throw new ConnectorError("NOT_CONFIGURED", `A broker's address names the virtual host "${named}", the form "${vhost}": enter it in the form, and leave it out of the address`);
}

/** Whether an address ends with settings (`?heartbeat=30`). Other clients read them; this package does not. */
export function hasQuery(text: string): boolean {
  return new URL(text.trim()).search !== "";
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

/** Returns host and port as text for the user. It contains no credentials. */
export function whereIs({ hostname, port }: BrokerAddress): string {
  return `${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}`;
}
