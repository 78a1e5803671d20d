import { textIn } from "../../../common/environment";
import { ConnectorError } from "../../../common/errors";

/**
 * Checks a login or instance URL. @returns its origin
 *
 * It must be https, because secrets and tokens are sent to it. Plain http is allowed only for loopback hosts, for tests and the emulator.
 *
 * @param what name of the URL in errors
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
  if (/\.(lightning\.force|salesforce-setup)\.com$/i.test(url.hostname)) {
    throw new ConnectorError("NOT_CONFIGURED", `The ${what} is the address of the browser pages; the API's ends in .my.salesforce.com`);
  }
  return url.origin;
}

/** Whether a host is this machine. @param host as `URL.hostname` gives it */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host.endsWith(".localhost") || host === "[::1]" || /^127\.\d+\.\d+\.\d+$/.test(host);
}
