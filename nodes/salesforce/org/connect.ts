import { randomBytes } from "node:crypto";
import { ConnectorError, toConnectorError } from "../../common/errors";
import { Authorizations, checkCallback, type Outcome, type Pending } from "../client/sign-in/authorizations";
import type { Session } from "../client/sign-in/login";
import { codeForm } from "../client/sign-in/login-web-server";
import { askToken } from "../client/sign-in/token-endpoint";
import { HttpTransport } from "../client/http/transport";
import { type FormRequest, meantCredentials, type Stored } from "./form-request";

/** Where the org sends the browser back to, below the editor's own address. */
export const CALLBACK_PATH = "/surewire/salesforce-org/callback";

/** The cookie that binds an authorization to the browser that began it. */
const COOKIE = "surewire-salesforce-connect";

/** ms. Someone looks at the window and waits. */
const TIMEOUT = 20_000;

/** Grants that are remembered for the time between connecting and deploying. */
const MOST_GRANTS = 20;

/** Who asks, and from where. */
export interface Caller {
  /** As Node-RED knows them; `""` when nobody has to log in. */
  user: string;
  /** The page's origin, as the browser says. */
  origin: string | undefined;
  /** The `Cookie` header. */
  cookies: string | undefined;
}

/** Connecting from the editor by the web-server flow: begins it, receives the browser, redeems the code, keeps the refresh token. */
export class Connect {
  private readonly authorizations = new Authorizations();
  private readonly grants = new Map<string, Stored>();

  /** @param keep puts a refresh token to the credentials of a node, for the next deploy to save */
  constructor(private readonly keep: (nodeId: string, refreshToken: string) => void) {}

  /**
   * Begins connecting a node.
   *
   * @param stored what the node has already, deployed
   * @returns where to send the browser, by what to ask for the outcome, and the cookie to set
   * @throws ConnectorError when the form lacks something, or would send a stored secret to another host
   */
  begin(request: FormRequest, stored: Stored | undefined, caller: Caller): { url: string; handle: string; cookie: string } {
    if (request.flow !== "web-server") throw new ConnectorError("INPUT_INVALID", "Only the web-server flow connects by the browser");
    const redirectUri = checkCallback(request.callback, CALLBACK_PATH, caller.origin);
    // a refresh token that is there already is not sent, so that it may be of another org
    const typed = { ...request, credentials: { ...request.credentials, refreshToken: "" } };
    const { clientId, clientSecret } = meantCredentials(typed, [stored]);
    // one cookie for all that a browser begins
    const browser = readCookie(caller.cookies) ?? randomBytes(32).toString("base64url");
    const begun = this.authorizations.begin({ nodeId: request.id, loginUrl: request.loginUrl ?? "", clientId, clientSecret, redirectUri, user: caller.user }, browser);
    const { pathname, protocol } = new URL(redirectUri);
    // Lax: the org's redirect brings it, a form of another site does not
    const cookie = `${COOKIE}=${browser}; Path=${pathname.slice(0, -CALLBACK_PATH.length)}/surewire/salesforce-org; Max-Age=600; HttpOnly; SameSite=Lax${protocol === "https:" ? "; Secure" : ""}`;
    return { ...begun, cookie };
  }

  /** Takes a browser that the org has sent back. Says what came of it; never rejects. */
  async finish(query: Record<string, unknown>, cookies: string | undefined): Promise<Outcome> {
    const text = (name: string): string => (typeof query[name] === "string" ? query[name] : "");
    const pending = this.authorizations.take(text("state"), readCookie(cookies) ?? "");
    if (!pending) return { status: "failed", problem: "This sign-in was not begun in this browser, took too long, or was used before" };
    const outcome = text("error") ? denied(text("error"), text("error_description")) : await this.redeem(pending, text("code"));
    this.authorizations.settle(pending, outcome);
    return outcome;
  }

  /** What came of what this user began. */
  outcome(handle: string, user: string): Outcome | undefined {
    return this.authorizations.outcome(handle, user);
  }

  /** The grant of a node that may not be deployed yet. */
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

/** For the text in the form only: whoever may not ask is known by id. */
async function usernameOf(transport: HttpTransport, { instanceUrl, accessToken, userId }: Session): Promise<string> {
  try {
    const { status, body } = await transport.send({ method: "GET", url: `${instanceUrl}/services/oauth2/userinfo`, headers: { authorization: `Bearer ${accessToken}` } });
    const name = status === 200 ? (JSON.parse(body) as { preferred_username?: unknown }).preferred_username : undefined;
    if (typeof name === "string") return name;
  } catch {
    // the id will do
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
