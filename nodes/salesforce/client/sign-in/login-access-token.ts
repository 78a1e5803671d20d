import { ConnectorError } from "../../../common/errors";
import type { OrgCredentials, Session } from "./login";
import { needed } from "./needed";

/** The session of a token that was made elsewhere. Whether the org accepts it shows only with the first call. */
export function readAccessToken(origin: string, credentials: OrgCredentials): Session {
  const accessToken = needed(credentials.accessToken, "access token");
  if (/[^\x21-\x7e]/.test(accessToken)) throw new ConnectorError("NOT_CONFIGURED", "The access token has a blank or a line break in it, or a character that no token has; paste it once more");
  return { accessToken, instanceUrl: origin, orgId: /^(00D\w{12,15})!/.exec(accessToken)?.[1] };
}
