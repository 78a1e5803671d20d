import { textIn } from "../../../common/environment";
import { ConnectorError } from "../../../common/errors";
import type { OrgCredentials } from "./login";
import { needed } from "./needed";

/** The form of a refresh, by which the web-server flow signs in once someone has connected. */
export function refreshForm({ clientId, clientSecret, refreshToken }: OrgCredentials): Record<string, string> {
  if (!textIn(refreshToken)) {
    throw new ConnectorError("NOT_CONFIGURED", "The Salesforce org is not connected: open its form, press Connect to Salesforce, and deploy");
  }
  const secret = textIn(clientSecret);
  return {
    grant_type: "refresh_token",
    refresh_token: textIn(refreshToken),
    client_id: needed(clientId, "consumer key"),
    ...(secret ? { client_secret: secret } : {}),
  };
}

/** What the exchange of a code needs. */
export interface CodeExchange {
  clientId: string;
  clientSecret?: string;
  code: string;
  redirectUri: string;
  verifier: string;
}

/** The form that redeems an authorization code. */
export function codeForm({ clientId, clientSecret, code, redirectUri, verifier }: CodeExchange): Record<string, string> {
  return {
    grant_type: "authorization_code",
    code,
    redirect_uri: redirectUri,
    code_verifier: verifier,
    client_id: clientId,
    ...(clientSecret ? { client_secret: clientSecret } : {}),
  };
}
