import { textIn } from "../../../common/environment";
import { ConnectorError } from "../../../common/errors";
import { readAccessToken } from "./login-access-token";
import { jwtLogin } from "./login-jwt";
import { soapLogin } from "./login-soap";
import { refreshForm } from "./login-web-server";
import { secureOrigin } from "./login-url";
import { needed } from "./needed";
import { askToken } from "./token-endpoint";
import type { HttpTransport } from "../http/transport";

/** The ways to sign in. `password` and `soap-login` are legacy: orgs made since Summer '23 block the former, the latter is retired on 1 June 2027. */
export type LoginFlow = "client-credentials" | "jwt-bearer" | "web-server" | "password" | "soap-login" | "access-token";

/** The credentials; which ones are needed depends on the flow. All are secret except `clientId` and `username`. */
export interface OrgCredentials {
  /** Consumer key of the External Client App or Connected App. */
  clientId?: string;
  clientSecret?: string;
  /** User name: the one in a JWT, or the one that goes with the password. */
  username?: string;
  password?: string;
  /** Appended to the password; Salesforce requires it from network addresses it does not know. */
  securityToken?: string;
  /** Private key, as PEM text. */
  privateKey?: string;
  /** For the web-server flow. */
  refreshToken?: string;
  accessToken?: string;
}

/** An open session with an org. */
export interface Session {
  accessToken: string;
  /** Origin of the instance that the API calls go to. */
  instanceUrl: string;
  /** In 18 or 15 characters; absent when a pasted token has another form. */
  orgId?: string;
  userId?: string;
  /** A new refresh token that replaces the one used, where the app rotates them. */
  refreshToken?: string;
}

/** What a login needs. */
export interface LoginSettings {
  loginUrl: string;
  flow: LoginFlow;
  credentials: OrgCredentials;
  /** File with the PEM text of the private key; used instead of the credential. */
  keyFile?: string;
}

/**
 * Signs in once.
 *
 * @throws ConnectorError `NOT_CONFIGURED`, `ORG_LOGIN_FAILED` (fails until someone fixes it), `ORG_LIMIT` (too many logins)
 *   or `ORG_UNAVAILABLE`; never quotes a secret
 */
export async function login(transport: HttpTransport, settings: LoginSettings): Promise<Session> {
  const origin = secureOrigin(settings.loginUrl);
  const { flow, credentials } = settings;
  switch (flow) {
    case "access-token":
      return readAccessToken(origin, credentials);
    case "soap-login":
      return soapLogin(transport, origin, credentials);
    case "client-credentials":
      return askToken(transport, origin, clientCredentialsForm(credentials), flow);
    case "jwt-bearer":
      return jwtLogin(transport, origin, settings);
    case "web-server":
      return askToken(transport, origin, refreshForm(credentials), flow);
    case "password":
      return askToken(transport, origin, passwordForm(credentials), flow);
    default:
      throw new ConnectorError("NOT_CONFIGURED", `The sign-in flow "${String(flow)}" is not known`);
  }
}

function clientCredentialsForm({ clientId, clientSecret }: OrgCredentials): Record<string, string> {
  return {
    grant_type: "client_credentials",
    client_id: needed(clientId, "consumer key"),
    client_secret: needed(clientSecret, "consumer secret"),
  };
}

function passwordForm({ clientId, clientSecret, username, password, securityToken }: OrgCredentials): Record<string, string> {
  return {
    grant_type: "password",
    client_id: needed(clientId, "consumer key"),
    client_secret: needed(clientSecret, "consumer secret"),
    username: needed(username, "user name"),
    password: needed(password, "password") + textIn(securityToken),
  };
}
