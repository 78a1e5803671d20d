import { textIn } from "../../../common/environment";
import { ConnectorError } from "../../../common/errors";
import { masked } from "../../../common/masked";
import { networkError } from "../errors";
import type { OrgCredentials, Session } from "./login";
import { escaped } from "../soap/escaped";
import { loginRefused, noLoginHost } from "./login-refusal";
import { secureOrigin } from "./login-url";
import { needed } from "./needed";
import type { HttpTransport } from "../http/transport";

/** The last version of the SOAP API that has `login`. Its session is valid for every version of every API. */
const VERSION = "64.0";

/** Codes of faults that say nothing about the login itself, so that it may succeed later. */
const PASSING = /^(SERVER_UNAVAILABLE|ORG_IN_MAINTENANCE|SSO_SERVICE_DOWN|UNKNOWN_EXCEPTION|API_CURRENTLY_DISABLED|REQUEST_RUNNING_TOO_LONG)\b/;

/** Signs in with user name, password and security token by the SOAP API's `login`, which Salesforce retires on 1 June 2027. */
export async function soapLogin(transport: HttpTransport, origin: string, credentials: OrgCredentials): Promise<Session> {
  const username = needed(credentials.username, "user name");
  const password = needed(credentials.password, "password") + textIn(credentials.securityToken);
  const answer = await transport
    .send({
      method: "POST",
      url: `${origin}/services/Soap/u/${VERSION}`,
      headers: { "content-type": "text/xml; charset=utf-8", soapaction: '""' },
      body: envelope(`<login xmlns="urn:partner.soap.sforce.com"><username>${escaped(username)}</username><password>${escaped(password)}</password></login>`),
    })
    .catch((error: unknown) => {
      throw networkError(error);
    });
  const { status, body } = answer;
  const words = read(body, "faultstring");
  const fault = words === undefined ? undefined : masked(words, [password]);
  if (fault !== undefined && !PASSING.test(fault)) throw loginRefused(fault, status, "soap-login");
  const accessToken = read(body, "sessionId");
  const server = read(body, "serverUrl");
  if (status !== 200 || !accessToken || !server) throw noLoginHost(status, answer.headers, fault?.split(":")[0]);
  if (read(body, "passwordExpired") === "true") {
    throw new ConnectorError("ORG_LOGIN_FAILED", "The user's password has expired: set a new one in the browser, then here", { details: { permanent: true } });
  }
  return {
    accessToken,
    instanceUrl: secureOrigin(new URL(server).origin, "instance URL"),
    orgId: read(body, "organizationId") || /^(00D\w{12,15})!/.exec(accessToken)?.[1],
    userId: read(body, "userId"),
  };
}

function envelope(body: string): string {
  return `<?xml version="1.0" encoding="utf-8"?><e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body>${body}</e:Body></e:Envelope>`;
}

/** The text of the first element with a name. That is enough, as the answer has a fixed form, and these elements contain no others. */
function read(xml: string, name: string): string | undefined {
  const text = new RegExp(`<(?:\\w+:)?${name}>([^<]*)</`).exec(xml)?.[1];
  return text?.replace(/&(?:#(\d+)|#x([\da-f]+)|(lt|gt|quot|apos|amp));/gi, (_, decimal?: string, hex?: string, name?: string) =>
    name ? { lt: "<", gt: ">", quot: '"', apos: "'", amp: "&" }[name.toLowerCase() as "lt"] : String.fromCodePoint(parseInt(decimal ?? hex ?? "", decimal ? 10 : 16)),
  );
}
