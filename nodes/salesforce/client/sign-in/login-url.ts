import { textIn } from "../../../common/environment";
import { ConnectorError } from "../../../common/errors";

/**
 * A login or instance URL, checked and reduced to its origin.
 *
 * Only https, because secrets and tokens travel on it; plain http is let through for loopback hosts, where tests and the emulator live.
 *
 * @param what how the error names it
 * @throws ConnectorError `NOT_CONFIGURED`
 */
export function secureOrigin(value: string, what = "login URL"): string {
  const text = textIn(value);
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw new ConnectorError("NOT_CONFIGURED", `The ${what} is not a URL; it looks like https://acme.my.salesforce.com`);
  }
  if (url.username || url.password) throw new ConnectorError("NOT_CONFIGURED", `The ${what} must not contain a user name or password`);
  if (url.protocol !== "https:" && !(url.protocol === "http:" && isLoopback(url.hostname))) {
    throw new ConnectorError("NOT_CONFIGURED", `The ${what} must start with https:// (secrets are sent to it)`);
  }
  if (/\.lightning\.force\.com$/i.test(url.hostname)) {
    throw new ConnectorError("NOT_CONFIGURED", `The ${what} is the address of the browser pages; the API's ends in .my.salesforce.com`);
  }
  return url.origin;
}

/** Whether a host as a URL gives it is this machine. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host.endsWith(".localhost") || host === "[::1]" || /^127\.\d+\.\d+\.\d+$/.test(host);
}
