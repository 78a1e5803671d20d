import { ConnectorError } from "../../../common/errors";
import type { OrgCredentials, Session } from "./login";
import { needed } from "./needed";

/** A token made elsewhere, taken as it is: whether it is good shows with the first call. */
export function readAccessToken(origin: string, credentials: OrgCredentials): Session {
  const accessToken = needed(credentials.accessToken, "access token");
  if (/[^\x21-\x7e]/.test(accessToken)) throw new ConnectorError("NOT_CONFIGURED", "The access token has a blank or a line break in it, or a character that no token has; paste it once more");
  return { accessToken, instanceUrl: origin, orgId: /^(00D\w{12,15})!/.exec(accessToken)?.[1] };
}
