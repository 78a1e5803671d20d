import type { Request } from "../http";
import type { Org, UserState } from "../org";
import { checkAssertion } from "./assertion";
import { fitsChallenge } from "./codes";
import { checkSecret, namedClient } from "./form";
import { OAuthError } from "./oauth-error";
import type { Session } from "./sessions";

/** A session that was opened by a grant. */
export interface Granted {
  session: Session;
  /** Only from flows that give one. */
  refreshToken?: string;
}

/** The errors of a login by the state of the user. `not-approved` is missing here because it concerns only JWT. */
const REFUSED_STATES: Record<Exclude<UserState, "active" | "not-approved" | "password-expired">, [string, string]> = {
  inactive: ["invalid_grant", "inactive user"],
  "must-reset-password": ["invalid_grant", "user must reset password"],
  "ip-restricted": ["invalid_grant", "ip restricted"],
  "not-admin-approved": ["invalid_app_access", "user is not admin approved to access this app"],
};

const refused = (description: string): OAuthError => new OAuthError("invalid_grant", description);

/** Gives a token for the user that the app runs as. @throws OAuthError */
export function clientCredentials(org: Org, request: Request, form: URLSearchParams): Granted {
  const { client, secret } = namedClient(org, request, form);
  if (client.clientSecret === undefined) throw refused("no client credentials user enabled");
  checkSecret(client, secret);
  admit(org, client.username);
  return { session: org.sessions.open(client) };
}

/** Gives a token for the user that a signed assertion names. @throws OAuthError */
export function jwtBearer(org: Org, request: Request, form: URLSearchParams): Granted {
  const client = checkAssertion(org, form.get("assertion") ?? "", request.origin);
  if (org.userState(client.username) === "not-approved") throw refused("user hasn't approved this consumer");
  admit(org, client.username);
  return { session: org.sessions.open(client) };
}

/** Gives a token for a code from the login page, and a refresh token if the scope includes one. @throws OAuthError */
export function authorizationCode(org: Org, request: Request, form: URLSearchParams): Granted {
  const { client, secret } = namedClient(org, request, form);
  const code = org.sessions.codes.redeem(form.get("code") ?? "");
  if (!code || code.clientId !== client.clientId) throw refused("expired authorization code");
  checkSecret(client, secret);
  if (form.get("redirect_uri") !== code.redirectUri) throw new OAuthError("redirect_uri_mismatch", "redirect_uri must match configuration");
  const verifier = form.get("code_verifier");
  if (verifier) org.sessions.noteSecret(verifier);
  if (code.challenge !== undefined && !fitsChallenge(verifier ?? "", code.challenge)) throw refused("invalid code verifier");
  admit(org, code.username);
  const refreshes = /\b(refresh_token|offline_access)\b/.test(code.scope);
  const refreshToken = refreshes ? org.sessions.grant(code) : undefined;
  return { session: org.sessions.open(code, refreshToken), ...(refreshToken === undefined ? {} : { refreshToken }) };
}

/** Gives a new token for a refresh token, which is rotated if the app says so. @throws OAuthError */
export function refresh(org: Org, request: Request, form: URLSearchParams): Granted {
  const { client, secret } = namedClient(org, request, form);
  checkSecret(client, secret);
  const token = form.get("refresh_token") ?? "";
  const grant = org.sessions.findGrant(token);
  if (!grant || grant.clientId !== client.clientId) throw refused("expired access/refresh token");
  admit(org, grant.username);
  if (!client.rotateRefreshTokens) return { session: org.sessions.open(grant, token) };
  const refreshToken = org.sessions.rotate(token);
  return { session: org.sessions.open(grant, refreshToken), refreshToken };
}

/** Gives a token for a user name and a password, which is followed by the security token. @throws OAuthError */
export function password(org: Org, request: Request, form: URLSearchParams): Granted {
  // In orgs made since Summer '23, this is blocked by default for everybody.
  if (!org.settings.passwordGrant) throw refused("authentication failure");
  const { client, secret } = namedClient(org, request, form);
  checkSecret(client, secret);
  const user = org.users.find(form.get("username") ?? "");
  if (!user || !org.users.isPassword(user, form.get("password") ?? "")) throw refused("authentication failure");
  admit(org, user.username);
  return { session: org.sessions.open({ clientId: client.clientId, username: user.username }) };
}

function admit(org: Org, username: string): void {
  const state = org.userState(username);
  if (state !== "active" && state !== "not-approved" && state !== "password-expired") throw new OAuthError(...REFUSED_STATES[state]);
  if (!org.sessions.admit(username)) throw refused("login rate exceeded");
}
