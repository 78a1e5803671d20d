import { ConnectorError } from "../../common/errors";
import { networkError } from "./errors";
import { readPrivateKey, signAssertion } from "./jwt";
import { secureOrigin } from "./login-url";
import type { HttpAnswer, HttpTransport } from "./transport";

/** The sign-in flows there are so far. */
export type LoginFlow = "client-credentials" | "jwt-bearer" | "access-token";

/** What a flow signs in with; which ones are needed depends on the flow. All secret but `clientId` and `username`. */
export interface OrgCredentials {
  /** Consumer key of the External Client App or Connected App. */
  clientId?: string;
  clientSecret?: string;
  /** The user a JWT names. */
  username?: string;
  /** PEM text. */
  privateKey?: string;
  accessToken?: string;
}

/** An open session with an org. */
export interface Session {
  accessToken: string;
  /** Origin of the instance that the API calls go to. */
  instanceUrl: string;
  /** 18 or 15 characters; unknown for a pasted token of another form. */
  orgId?: string;
  userId?: string;
}

/** What a login needs. */
export interface LoginSettings {
  loginUrl: string;
  flow: LoginFlow;
  credentials: OrgCredentials;
}

const MINUTE = 60_000;

/** What to do about a refused login, by the words of the refusal. Order matters: the first match is given. */
const HINTS: [RegExp, string][] = [
  [/request not supported on this domain/i, "client credentials only work on the org's My Domain URL (https://acme.my.salesforce.com)"],
  [/no client credentials user/i, "choose a Run As user in the app's client credentials settings"],
  [/client identifier invalid|invalid_client_id/i, "check the consumer key, and that the login URL is the org's (production or sandbox)"],
  [/invalid client credentials|invalid_client/i, "check the consumer secret"],
  [/approved/i, "pre-authorise the user for the app (permitted users, permission set or profile)"],
  [/audience/i, "the login URL is not one this app's org answers for"],
  [/expired authorization code/i, "check this machine's clock"],
  [/invalid assertion/i, "the private key does not belong to the certificate uploaded to the app"],
  [/authentication failure/i, "check user, login URL and the app's policies"],
];

/**
 * Signs in once.
 *
 * @throws ConnectorError `NOT_CONFIGURED`, `ORG_LOGIN_FAILED` (it stays wrong until someone mends it), `ORG_LIMIT` (too many logins)
 *   or `ORG_UNAVAILABLE`; never quotes a secret
 */
export async function login(transport: HttpTransport, settings: LoginSettings): Promise<Session> {
  const origin = secureOrigin(settings.loginUrl);
  if (settings.flow === "access-token") return pastedToken(origin, settings.credentials);
  const form = settings.flow === "jwt-bearer" ? jwtForm(origin, settings.credentials) : clientCredentialsForm(settings);
  const answer = await transport
    .send({
      method: "POST",
      url: `${origin}/services/oauth2/token`,
      headers: { "content-type": "application/x-www-form-urlencoded", accept: "application/json" },
      body: new URLSearchParams(form).toString(),
    })
    .catch((error: unknown) => {
      throw networkError(error);
    });
  return answer.status === 200 ? readSession(answer) : refuse(answer);
}

function clientCredentialsForm({ flow, credentials }: LoginSettings): Record<string, string> {
  if (flow !== "client-credentials") throw new ConnectorError("NOT_CONFIGURED", `The sign-in flow "${String(flow)}" is not known.`);
  return {
    grant_type: "client_credentials",
    client_id: needed(credentials.clientId, "consumer key"),
    client_secret: needed(credentials.clientSecret, "consumer secret"),
  };
}

function jwtForm(origin: string, credentials: OrgCredentials): Record<string, string> {
  const clientId = needed(credentials.clientId, "consumer key");
  const username = needed(credentials.username, "user name");
  const key = readPrivateKey(needed(credentials.privateKey, "private key"));
  return {
    grant_type: "urn:ietf:params:oauth:grant-type:jwt-bearer",
    assertion: signAssertion(key, { clientId, username, audience: origin }),
  };
}

function pastedToken(origin: string, credentials: OrgCredentials): Session {
  const accessToken = needed(credentials.accessToken, "access token");
  return { accessToken, instanceUrl: origin, orgId: /^(00D\w{12,15})!/.exec(accessToken)?.[1] };
}

function needed(value: string | undefined, what: string): string {
  const text = value?.trim();
  if (!text) throw new ConnectorError("NOT_CONFIGURED", `The Salesforce org has no ${what}.`);
  return text;
}

function readSession(answer: HttpAnswer): Session {
  const { access_token, instance_url, id } = parse(answer.body);
  if (typeof access_token !== "string" || typeof instance_url !== "string") {
    throw new ConnectorError("ORG_UNAVAILABLE", "The login URL answered without a token; is it a Salesforce login host?");
  }
  // …/id/<org id>/<user id>
  const [userId, orgId] = typeof id === "string" ? id.split("/").reverse() : [];
  return { accessToken: access_token, instanceUrl: secureOrigin(instance_url, "instance URL"), orgId, userId };
}

function refuse(answer: HttpAnswer): never {
  const { error, error_description } = parse(answer.body);
  if (typeof error !== "string" || answer.status >= 500) {
    throw new ConnectorError("ORG_UNAVAILABLE", `The login URL answered HTTP ${answer.status}${typeof error === "string" ? `, ${error}` : ""}.`, {
      details: { status: answer.status },
    });
  }
  const words = typeof error_description === "string" ? `${error}: ${error_description}` : error;
  if (/login rate exceeded/i.test(words) || answer.status === 429) {
    // 3,600 logins an hour and user; whoever goes on trying stays locked out.
    throw new ConnectorError("ORG_LIMIT", `Salesforce takes no more logins for now (${words}).`, { details: { status: answer.status, retryAfter: 5 * MINUTE } });
  }
  const hint = HINTS.find(([pattern]) => pattern.test(words))?.[1];
  throw new ConnectorError("ORG_LOGIN_FAILED", `Salesforce refused the login (${words})${hint ? `: ${hint}` : ""}.`, {
    details: { status: answer.status, error, permanent: true },
  });
}

function parse(body: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
