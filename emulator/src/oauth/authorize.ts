import type { Reply, Request } from "../http";
import type { Client } from "../options";
import type { Org } from "../org";
import { formOf } from "./form";
import { loginPage, refusalPage } from "./login-page";

/** The scopes that an app can ask for. */
const SCOPES = new Set(["api", "web", "full", "id", "profile", "email", "openid", "refresh_token", "offline_access", "cdp_api", "pardot_api", "wave_api"]);

/** The scope of an app that asks for none. */
const DEFAULT_SCOPE = "api refresh_token";

/** A checked request to authorize. */
interface Checked {
  client: Client;
  redirectUri: string;
  scope: string;
  state: string | null;
  challenge: string | undefined;
}

/** Answers `/services/oauth2/authorize`. GET shows the login page. POST takes the user name, the password and the decision. */
export function authorize(org: Org, request: Request): Reply {
  const client = org.client(request.query.get("client_id") ?? "");
  // Nothing may be sent to an address that is not the app's, so these two errors are shown on a page.
  if (!client) return refusalPage("invalid_client_id", "client identifier invalid");
  const redirectUri = request.query.get("redirect_uri") ?? "";
  if (!isRedirectUri(client, redirectUri)) return refusalPage("redirect_uri_mismatch", "redirect_uri must match configuration");
  const state = request.query.get("state");
  const refuse = (error: string, description: string): Reply => redirect(redirectUri, { error, error_description: description, state });

  if (request.query.get("response_type") !== "code") return refuse("unsupported_response_type", "response type not supported");
  const scope = request.query.get("scope")?.trim() || DEFAULT_SCOPE;
  if (!scope.split(/\s+/).every((one) => SCOPES.has(one))) return refuse("invalid_scope", "the requested scope is not allowed");
  const challenge = request.query.get("code_challenge") ?? undefined;
  if (challenge === undefined && client.requirePkce) return refuse("invalid_request", "missing required code challenge");
  if (challenge !== undefined && (request.query.get("code_challenge_method") ?? "S256") !== "S256") return refuse("invalid_request", "invalid code challenge method");

  const action = `${request.path}?${request.query.toString()}`;
  if (request.method === "GET") return loginPage(action, client.clientId, scope);
  if (request.method !== "POST") return { status: 405, text: "Method Not Allowed" };
  return decide(org, formOf(request), { client, redirectUri, scope, state, challenge }, action);
}

function decide(org: Org, form: URLSearchParams, { client, redirectUri, scope, state, challenge }: Checked, action: string): Reply {
  const refuse = (error: string, description: string): Reply => redirect(redirectUri, { error, error_description: description, state });
  if (form.get("decision") === "deny") return refuse("access_denied", "end-user denied authorization");
  const username = form.get("username") ?? "";
  const user = org.users.find(username);
  const again = (problem: string): Reply => loginPage(action, client.clientId, scope, { username, problem });
  if (!user || !org.users.isPagePassword(user, form.get("password") ?? "")) {
    return again("Please check your username and password. If you still can't log in, contact your Salesforce administrator.");
  }
  const userState = org.userState(user.username);
  if (userState === "not-admin-approved") return refuse("OAUTH_APP_BLOCKED", "this app is blocked by admin");
  if (userState === "inactive" || userState === "ip-restricted" || userState === "must-reset-password") {
    return again("Your access is restricted. Contact your Salesforce administrator.");
  }
  const code = org.sessions.codes.issue({ clientId: client.clientId, username: user.username, redirectUri, scope, ...(challenge === undefined ? {} : { challenge }) });
  return redirect(redirectUri, { code, state });
}

function isRedirectUri(client: Client, uri: string): boolean {
  if (client.redirectUris) return client.redirectUris.includes(uri);
  try {
    const { protocol, hostname } = new URL(uri);
    return /^https?:$/.test(protocol) && /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(hostname);
  } catch {
    return false;
  }
}

function redirect(uri: string, answer: Record<string, string | null>): Reply {
  const url = new URL(uri);
  for (const [name, value] of Object.entries(answer)) if (value !== null) url.searchParams.set(name, value);
  return { status: 302, headers: { Location: url.href } };
}
