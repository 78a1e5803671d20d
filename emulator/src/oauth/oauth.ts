import { createHmac } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import type { Reply, Request } from "../http";
import type { Org } from "../org";
import { authorize } from "./authorize";
import { formOf } from "./form";
import { authorizationCode, clientCredentials, type Granted, jwtBearer, password, refresh } from "./grants";
import { OAuthError } from "./oauth-error";
import type { Session } from "./sessions";

const JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/** The functions that carry out a grant, by `grant_type`. */
const GRANTS = new Map<string | null, (org: Org, request: Request, form: URLSearchParams) => Granted>([
  ["authorization_code", authorizationCode],
  ["client_credentials", clientCredentials],
  [JWT_BEARER, jwtBearer],
  ["password", password],
  ["refresh_token", refresh],
]);

/** Answers `/services/oauth2/…` and `/id/…`. */
export class OAuth {
  constructor(private readonly org: Org) {}

  /** Answers a request. @returns `undefined` for other paths */
  handle(request: Request): Reply | undefined {
    try {
      if (request.path === "/services/oauth2/authorize") return authorize(this.org, request);
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
    const type = form.get("grant_type");
    const grant = GRANTS.get(type);
    if (!grant) throw new OAuthError("unsupported_grant_type", "grant type not supported");
    return { status: 200, json: this.tokenAnswer(request, grant(this.org, request, form), type!) };
  }

  private tokenAnswer(request: Request, { session, refreshToken }: Granted, type: string): Record<string, string> {
    const id = this.identityUrl(request, session);
    const answer = { access_token: session.token, scope: session.scope, instance_url: request.origin, id, token_type: "Bearer" };
    // The answer of the JWT bearer flow has neither time nor signature.
    if (type === JWT_BEARER) return answer;
    const issuedAt = String(this.org.now());
    const secret = this.org.client(session.clientId)?.clientSecret ?? "";
    return {
      ...answer,
      ...(refreshToken === undefined ? {} : { refresh_token: refreshToken }),
      signature: createHmac("sha256", secret).update(id + issuedAt).digest("base64"),
      issued_at: issuedAt,
      ...(type === "client_credentials" ? { api_instance_url: "https://api.salesforce.com", token_format: session.isJwt ? "jwt" : "opaque" } : {}),
    };
  }

  private revoke(request: Request): Reply {
    const token = (request.method === "POST" ? formOf(request) : request.query).get("token") ?? "";
    if (!this.org.sessions.revoke(token)) throw new OAuthError("invalid_token", "invalid token");
    return { status: 200 };
  }

  /** Answers with the user of the request's token. In the identity URL, the org and the user must be those of the token. */
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

/** Returns the token of an `Authorization` header (`Bearer …` or `OAuth …`). */
export function bearerToken(headers: IncomingHttpHeaders): string | undefined {
  return /^(?:Bearer|OAuth)\s+(\S+)$/i.exec(headers.authorization ?? "")?.[1];
}
