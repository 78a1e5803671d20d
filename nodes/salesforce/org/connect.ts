import { randomBytes } from "node:crypto";
import { ConnectorError, toConnectorError } from "../../common/errors";
import { Authorizations, checkCallback, type Outcome, type Pending } from "../client/sign-in/authorizations";
import type { Session } from "../client/sign-in/login";
import { codeForm } from "../client/sign-in/login-web-server";
import { askToken } from "../client/sign-in/token-endpoint";
import { HttpTransport } from "../client/http/transport";
import { type FormRequest, meantCredentials, type Stored } from "./form-request";

/** The path to which the org sends the browser back, below the editor's own address. */
export const CALLBACK_PATH = "/surewire/salesforce-org/callback";

/** The cookie that binds an authorization to the browser that began it. */
const COOKIE = "surewire-salesforce-connect";

/** Timeout of calls, in ms. It is short because someone is waiting in front of the window. */
const TIMEOUT = 20_000;

/** The most grants that are kept for the time between connecting and deploying. */
const MOST_GRANTS = 20;

/** The user and the browser that a request comes from. */
export interface Caller {
  /** The user's name in Node-RED; `""` if Node-RED has no login. */
  user: string;
  /** The `Origin` header. */
  origin: string | undefined;
  /** The `Cookie` header. */
  cookies: string | undefined;
}

/** Connects an org from the editor by the web-server flow: begins the sign-in, receives the browser that comes back, redeems the code and keeps the refresh token. */
export class Connect {
  private readonly authorizations = new Authorizations();
  private readonly grants = new Map<string, Stored>();

  /** @param keep adds a refresh token to the credentials of a node, which the next deploy saves */
  constructor(private readonly keep: (nodeId: string, refreshToken: string) => void) {}

  /**
   * Begins connecting a node.
   *
   * @param stored the credentials of the deployed node
   * @returns the URL to open in the browser, the handle by which to ask for the outcome, and the cookie to set
   * @throws ConnectorError when the form lacks something, or when a stored secret would be sent to another host
   */
  begin(request: FormRequest, stored: Stored | undefined, caller: Caller): { url: string; handle: string; cookie: string } {
    if (request.flow !== "web-server") throw new ConnectorError("INPUT_INVALID", "Only the web-server flow connects by the browser");
    const redirectUri = checkCallback(request.callback, CALLBACK_PATH, caller.origin);
    // a stored refresh token is not sent in this flow, so it may be one of another org
    const typed = { ...request, credentials: { ...request.credentials, refreshToken: "" } };
    const { clientId, clientSecret } = meantCredentials(typed, [stored]);
    // all sign-ins that a browser begins share one cookie
    const browser = readCookie(caller.cookies) ?? randomBytes(32).toString("base64url");
    const begun = this.authorizations.begin({ nodeId: request.id, loginUrl: request.loginUrl ?? "", clientId, clientSecret, redirectUri, user: caller.user }, browser);
    const { pathname, protocol } = new URL(redirectUri);
    // with Lax, the browser sends the cookie with the org's redirect, but not with the form of another site
    const cookie = `${COOKIE}=${browser}; Path=${pathname.slice(0, -CALLBACK_PATH.length)}/surewire/salesforce-org; Max-Age=600; HttpOnly; SameSite=Lax${protocol === "https:" ? "; Secure" : ""}`;
    return { ...begun, cookie };
  }

  /** Handles the request of a browser that the org has sent back. Returns the outcome; never rejects. */
  async finish(query: Record<string, unknown>, cookies: string | undefined): Promise<Outcome> {
    const text = (name: string): string => (typeof query[name] === "string" ? query[name] : "");
    const pending = this.authorizations.take(text("state"), readCookie(cookies) ?? "");
    if (!pending) return { status: "failed", problem: "This sign-in was not begun in this browser, took too long, or was used before" };
    const outcome = text("error") ? denied(text("error"), text("error_description")) : await this.redeem(pending, text("code"));
    this.authorizations.settle(pending, outcome);
    return outcome;
  }

  /** Returns the outcome of a sign-in that this user began. `undefined` if it is not known or has expired. */
  outcome(handle: string, user: string): Outcome | undefined {
    return this.authorizations.outcome(handle, user);
  }

  /** Returns the login URL and the credentials that a node got by connecting, even if it is not deployed yet. */
  granted(nodeId: string): Stored | undefined {
    return this.grants.get(nodeId);
  }

  private async redeem(pending: Pending, code: string): Promise<Outcome> {
    const { origin, nodeId, clientId, clientSecret, redirectUri, verifier, loginUrl } = pending;
    const transport = new HttpTransport({ timeout: TIMEOUT });
    try {
      const session = await askToken(transport, origin, codeForm({ clientId, clientSecret, code, redirectUri, verifier }), "web-server");
      if (!session.refreshToken) {
        throw new ConnectorError("ORG_LOGIN_FAILED", "Salesforce gave no refresh token: add the scope refresh_token (perform requests at any time) to the app");
      }
      const username = await usernameOf(transport, session);
      this.keep(nodeId, session.refreshToken);
      this.remember(nodeId, { loginUrl, credentials: { clientId, refreshToken: session.refreshToken } });
      return { status: "connected", username, instance: new URL(session.instanceUrl).host };
    } catch (error) {
      return { status: "failed", problem: toConnectorError(error, "ORG_UNAVAILABLE").message };
    } finally {
      transport.close();
    }
  }

  private remember(nodeId: string, grant: Stored): void {
    this.grants.delete(nodeId);
    this.grants.set(nodeId, grant);
    const [oldest] = this.grants.keys();
    if (this.grants.size > MOST_GRANTS && oldest !== undefined) this.grants.delete(oldest);
  }
}

/** Returns the user's name, for the text in the form only. If the app may not ask for it, it returns the user's id. */
async function usernameOf(transport: HttpTransport, { instanceUrl, accessToken, userId }: Session): Promise<string> {
  try {
    const { status, body } = await transport.send({ method: "GET", url: `${instanceUrl}/services/oauth2/userinfo`, headers: { authorization: `Bearer ${accessToken}` } });
    const name = status === 200 ? (JSON.parse(body) as { preferred_username?: unknown }).preferred_username : undefined;
    if (typeof name === "string") return name;
  } catch {
    // the id is good enough
  }
  return userId ?? "";
}

function denied(error: string, description: string): Outcome {
  const words = [error, description].filter(Boolean).join(": ").slice(0, 200);
  return { status: "failed", problem: error === "access_denied" ? `Access was not allowed in the org (${words})` : `The org refused the app (${words})` };
}

function readCookie(header: string | undefined): string | undefined {
  const found = header?.split(";").find((part) => part.trim().startsWith(`${COOKIE}=`));
  return found?.slice(found.indexOf("=") + 1).trim() || undefined;
}
