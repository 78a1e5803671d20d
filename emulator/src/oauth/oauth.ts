import { createHmac, timingSafeEqual } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import type { Reply, Request } from "../http";
import type { Client } from "../options";
import type { Org, UserState } from "../org";
import { checkAssertion } from "./assertion";
import { OAuthError } from "./oauth-error";
import type { Session } from "./sessions";

const JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/** What a user's state makes of a login. `not-approved` concerns JWT alone, `not-admin-approved` both flows. */
const REFUSED_STATES: Record<Exclude<UserState, "active" | "not-approved">, [string, string]> = {
  inactive: ["invalid_grant", "inactive user"],
  "must-reset-password": ["invalid_grant", "user must reset password"],
  "ip-restricted": ["invalid_grant", "ip restricted"],
  "not-admin-approved": ["invalid_app_access", "user is not admin approved to access this app"],
};

/** Answers `/services/oauth2/…` and `/id/…`. */
export class OAuth {
  constructor(private readonly org: Org) {}

  /** `undefined` when the path is none of these. */
  handle(request: Request): Reply | undefined {
    try {
      if (request.path === "/services/oauth2/token") return this.token(request);
      if (request.path === "/services/oauth2/revoke") return this.revoke(request);
      if (request.path === "/services/oauth2/userinfo") return this.identity(request);
      const match = /^\/id\/(\w+)\/(\w+)$/.exec(request.path);
      return match ? this.identity(request, match[1], match[2]) : undefined;
    } catch (error) {
      if (!(error instanceof OAuthError)) throw error;
      return { status: error.status, json: { error: error.error, error_description: error.description } };
    }
  }

  private token(request: Request): Reply {
    if (request.method !== "POST") throw new OAuthError("invalid_request", "must use HTTP POST");
    this.org.stats.countTokenRequest();
    const form = formOf(request);
    switch (form.get("grant_type")) {
      case "client_credentials":
        return this.clientCredentials(request, form);
      case JWT_BEARER:
        return this.jwtBearer(request, form);
      case "password":
        // Blocked by default in orgs made since Summer '23.
        throw new OAuthError("invalid_grant", "authentication failure");
      case "refresh_token":
        // Neither flow above hands one out, so none can be good.
        throw new OAuthError("invalid_grant", "expired access/refresh token");
      case "authorization_code":
        throw new OAuthError("invalid_grant", "expired authorization code");
      default:
        throw new OAuthError("unsupported_grant_type", "grant type not supported");
    }
  }

  private clientCredentials(request: Request, form: URLSearchParams): Reply {
    const basic = basicCredentials(request.headers);
    const clientId = basic?.[0] ?? form.get("client_id") ?? "";
    const secret = basic?.[1] ?? form.get("client_secret") ?? "";
    const client = this.org.client(clientId);
    if (!client) throw new OAuthError("invalid_client_id", "client identifier invalid");
    if (client.clientSecret === undefined) throw new OAuthError("invalid_grant", "no client credentials user enabled");
    if (!sameText(client.clientSecret, secret)) throw new OAuthError("invalid_client", "invalid client credentials");
    const session = this.login(client, "client_credentials");
    const id = this.identityUrl(request, session);
    const issuedAt = String(this.org.now());
    return {
      status: 200,
      json: {
        access_token: session.token,
        signature: createHmac("sha256", client.clientSecret)
          .update(id + issuedAt)
          .digest("base64"),
        scope: "api",
        instance_url: request.origin,
        id,
        token_type: "Bearer",
        issued_at: issuedAt,
        api_instance_url: "https://api.salesforce.com",
        token_format: "opaque",
      },
    };
  }

  private jwtBearer(request: Request, form: URLSearchParams): Reply {
    const client = checkAssertion(this.org, form.get("assertion") ?? "", request.origin);
    const session = this.login(client, "jwt-bearer");
    const id = this.identityUrl(request, session);
    return { status: 200, json: { access_token: session.token, scope: "api", instance_url: request.origin, id, token_type: "Bearer" } };
  }

  private login(client: Client, flow: "client_credentials" | "jwt-bearer"): Session {
    const state = this.org.userState(client.username);
    if (state === "not-approved") {
      if (flow === "jwt-bearer") throw new OAuthError("invalid_grant", "user hasn't approved this consumer");
    } else if (state !== "active") {
      throw new OAuthError(...REFUSED_STATES[state]);
    }
    if (!this.org.sessions.admit(client.username)) throw new OAuthError("invalid_grant", "login rate exceeded");
    return this.org.sessions.open(client);
  }

  private revoke(request: Request): Reply {
    const token = (request.method === "POST" ? formOf(request) : request.query).get("token") ?? "";
    if (!this.org.sessions.revoke(token)) throw new OAuthError("invalid_token", "invalid token");
    return { status: 200 };
  }

  /** The user behind the token of the request; for the identity URL also the one it names. */
  private identity(request: Request, orgId?: string, userId?: string): Reply {
    const token = bearerToken(request.headers) ?? request.query.get("access_token") ?? request.query.get("oauth_token") ?? "";
    const session = this.org.sessions.find(token);
    if (!session) return { status: 403, text: "Bad_OAuth_Token" };
    if (orgId !== undefined && orgId.slice(0, 15) !== this.org.id.slice(0, 15)) return { status: 403, text: "Wrong_Org" };
    if (userId !== undefined && userId.slice(0, 15) !== session.userId.slice(0, 15)) return { status: 403, text: "Bad_Id" };
    const user = this.org.store.get(session.userId)!;
    const data = `${request.origin}/services/data/v{version}`;
    return {
      status: 200,
      json: {
        id: this.identityUrl(request, session),
        sub: this.identityUrl(request, session),
        asserted_user: true,
        user_id: session.userId,
        organization_id: this.org.id,
        username: session.username,
        preferred_username: session.username,
        display_name: user["Name"],
        name: user["Name"],
        email: user["Email"],
        active: user["IsActive"],
        user_type: "STANDARD",
        urls: { rest: `${data}/`, sobjects: `${data}/sobjects/`, query: `${data}/query/`, custom_domain: request.origin },
      },
    };
  }

  private identityUrl(request: Request, session: Session): string {
    return `${request.origin}/id/${this.org.id}/${session.userId}`;
  }
}

/** The token of an `Authorization: Bearer …` or `OAuth …` header. */
export function bearerToken(headers: IncomingHttpHeaders): string | undefined {
  return /^(?:Bearer|OAuth)\s+(\S+)$/i.exec(headers.authorization ?? "")?.[1];
}

function formOf(request: Request): URLSearchParams {
  const isForm = /^application\/x-www-form-urlencoded\b/i.test(request.headers["content-type"] ?? "");
  return new URLSearchParams(isForm ? request.body.toString("utf8") : "");
}

function basicCredentials(headers: IncomingHttpHeaders): [string, string] | undefined {
  const encoded = /^Basic\s+(\S+)$/i.exec(headers.authorization ?? "")?.[1];
  if (encoded === undefined) return undefined;
  const [id = "", ...secret] = Buffer.from(encoded, "base64").toString("utf8").split(":");
  return [decodeURIComponent(id), decodeURIComponent(secret.join(":"))];
}

function sameText(expected: string, given: string): boolean {
  const [a, b] = [Buffer.from(expected), Buffer.from(given)];
  return a.length === b.length && timingSafeEqual(a, b);
}
