import { type SoapCall, SoapFault } from "./call";
import { childText, tag } from "./xml";

/** The last version that has this call. From v65 on there is none, and in older versions it will be retired in June 2027. */
const LAST_VERSION = 64;

/** The text with which Salesforce refuses a login, whatever the reason is. */
const REFUSAL = "Invalid username, password, security token; or user locked out.";

/** Answers `login(username, password)`. The password is followed by the security token, if the user has one. */
export function login({ org, request, version, operation }: SoapCall): string {
  org.stats.countTokenRequest();
  if (version > LAST_VERSION) throw new SoapFault("INVALID_OPERATION", `SOAP API login() is not available in v${version}.0`, "UnexpectedErrorFault");
  if (!org.settings.soapLogin) throw new SoapFault("INVALID_OPERATION", "SOAP API login() is disabled", "UnexpectedErrorFault");
  const username = childText(operation, "username") ?? "";
  const user = org.users.find(username);
  const password = childText(operation, "password");
  if (!user?.password || password === undefined || !org.users.isPassword(user, password)) throw new SoapFault("INVALID_LOGIN", REFUSAL, "LoginFault");
  const state = org.userState(user.username);
  if (state === "inactive" || state === "ip-restricted") throw new SoapFault("INVALID_LOGIN", REFUSAL, "LoginFault");
  if (!org.sessions.admit(user.username)) throw new SoapFault("LOGIN_RATE_EXCEEDED", "login rate exceeded", "LoginFault");
  const session = org.sessions.open({ clientId: "", username: user.username });
  const server = (kind: string): string => `${request.origin}/services/Soap/${kind}/${version}.0/${org.id}`;
  const info = [
    tag("organizationId", org.id),
    tag("organizationName", org.name),
    tag("userEmail", user.username),
    tag("userFullName", user.name),
    tag("userId", session.userId),
    tag("userName", user.username),
    tag("userType", "Standard"),
  ].join("");
  return [
    "<result>",
    tag("metadataServerUrl", server("m")),
    tag("passwordExpired", state === "must-reset-password" || state === "password-expired"),
    tag("sandbox", false),
    tag("serverUrl", server(/\/Soap\/c\//.test(request.path) ? "c" : "u")),
    tag("sessionId", session.token),
    tag("userId", session.userId),
    `<userInfo>${info}</userInfo>`,
    "</result>",
  ].join("");
}
