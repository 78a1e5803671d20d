import { textIn } from "../../../common/environment";
import { ConnectorError } from "../../../common/errors";
import type { OrgCredentials } from "./login";
import { needed } from "./needed";

/** The form fields for a refresh, by which the web-server flow signs in after a user has connected the org. */
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

/** What is needed to exchange a code for tokens. */
export interface CodeExchange {
  clientId: string;
  clientSecret?: string;
  code: string;
  redirectUri: string;
  verifier: string;
}

/** The form fields that exchange an authorization code for tokens. */
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
