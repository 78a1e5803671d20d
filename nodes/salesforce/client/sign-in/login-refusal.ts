import { ConnectorError } from "../../../common/errors";
import { hostOf } from "../http/host-of";
import type { LoginFlow } from "./login";

const MINUTE = 60_000;

/** What to do to give a lost permission again. */
const CONNECT_AGAIN = "connect again: open the org's form, press Connect to Salesforce, and deploy";

/** What to do about a refused login, by the text of the refusal. The first match counts. */
const HINTS: [RegExp, string][] = [
  [/expired access\/refresh token|token validity expired|inactive token/i, `the permission was revoked or has expired; ${CONNECT_AGAIN}`],
  [/request not supported on this domain/i, "client credentials only work on the org's My Domain URL (https://acme.my.salesforce.com)"],
  [/no client credentials user/i, "choose a Run As user in the app's client credentials settings"],
  [/client identifier invalid|invalid_client_id/i, "check the consumer key, and that the login URL is the org's (production or sandbox)"],
  [/invalid client credentials|invalid_client\b/i, "check the consumer secret"],
  [/redirect_uri/i, "register the callback URL that the org's form shows in the app"],
  [/approved/i, "pre-authorise the user for the app (permitted users, permission set or profile)"],
  [/audience/i, "the login URL is not one this app's org answers for"],
  [/invalid assertion/i, "the private key does not belong to the certificate uploaded to the app"],
  [/ip restricted/i, "allow this machine's address in the user's profile, or relax IP restrictions in the app's policies"],
  [/inactive user/i, "activate the user in the org, or choose another one"],
  [/must reset password/i, "the user has to set a new password in the browser first"],
  [/INVALID_LOGIN/i, "check user name, password and security token, and that the login URL is the org's (production or sandbox)"],
  [/UNSUPPORTED_API_VERSION|INVALID_OPERATION|SOAP API login/i, "this org takes no SOAP login (it is off in new orgs and retired on 1 June 2027); use client credentials or JWT bearer"],
];

/** Hints for texts that mean something else in these flows; they come before {@link HINTS}. */
const FLOW_HINTS: Partial<Record<LoginFlow, [RegExp, string][]>> = {
  password: [[/authentication failure/i, "check user name, password and security token; orgs made since Summer '23 block this flow (OAuth and OpenID Connect Settings)"]],
  "jwt-bearer": [[/expired authorization code/i, "check this machine's clock"]],
  "web-server": [
    [/expired authorization code|code verifier/i, "the sign-in took too long or was used before; press Connect to Salesforce again"],
    [/authentication failure/i, CONNECT_AGAIN],
  ],
};

const FALLBACK: [RegExp, string][] = [[/authentication failure/i, "check user, login URL and the app's policies"]];

/**
 * The error for a refusal of the login host.
 *
 * @param words the host's text: the error and its description
 */
export function loginRefused(words: string, status: number, flow: LoginFlow): ConnectorError {
  if (/login.?rate.?exceeded|REQUEST_LIMIT_EXCEEDED/i.test(words) || status === 429) {
    // a user may log in 3,600 times in an hour, and stays locked out while tries go on
    return new ConnectorError("ORG_LIMIT", `Salesforce takes no more logins for now (${words})`, { details: { status, retryAfter: 5 * MINUTE } });
  }
  const hints = [...(FLOW_HINTS[flow] ?? []), ...HINTS, ...FALLBACK];
  const hint = hints.find(([pattern]) => pattern.test(words))?.[1];
  return new ConnectorError("ORG_LOGIN_FAILED", `Salesforce refused the login (${words})${hint ? `: ${hint}` : ""}`, {
    details: { status, error: /^[\w ]+/.exec(words)?.[0], permanent: true },
  });
}

/** The error for an answer that does not come from a login host: an outage, a proxy's page, a host that moved. */
export function noLoginHost(status: number, headers: Record<string, string>, error?: string): ConnectorError {
  const moved = status >= 300 && status < 400 && headers.location ? ` with a redirect to ${hostOf(headers.location)}; use that as login URL` : "";
  const why = error ? `, ${error}` : moved;
  return new ConnectorError("ORG_UNAVAILABLE", `The login URL answered HTTP ${status}${why}`, { details: { status } });
}
