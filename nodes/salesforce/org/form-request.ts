import { ConnectorError } from "../../common/errors";
import { isUntouched, readTexts } from "../../common/form-request";
import { isPlain } from "../../common/is-plain";
import type { LoginFlow, OrgCredentials } from "../client/sign-in/login";
import { secureOrigin } from "../client/sign-in/login-url";
import type { OrgDef } from "./settings";

/** The content of the org's form, deployed or not, as the editor sends it. */
export interface FormRequest extends OrgDef {
  /** Id of the node. */
  id: string;
  /** The URL to which the org sends the browser back, as the browser sees it. */
  callback: string;
  /** A secret that the user has not changed is the editor's placeholder, or missing. */
  credentials: OrgCredentials;
}

/** Stored credentials, and the login URL that they are for. */
export interface Stored {
  loginUrl: string;
  credentials: OrgCredentials;
}

const TEXTS = ["loginUrl", "flow", "keyFile", "apiVersion", "timeout", "callback", "id"] as const;
const OPEN = ["clientId", "username"] as const;
const SECRETS = ["clientSecret", "password", "securityToken", "privateKey", "refreshToken", "accessToken"] as const;

/** The secrets that each flow sends or signs with. */
const SENT: Record<LoginFlow, readonly (typeof SECRETS)[number][]> = {
  "client-credentials": ["clientSecret"],
  "jwt-bearer": ["privateKey"],
  "web-server": ["clientSecret", "refreshToken"],
  password: ["clientSecret", "password", "securityToken"],
  "soap-login": ["password", "securityToken"],
  "access-token": ["accessToken"],
};

/**
 * Reads the body of a request.
 *
 * @param resolve replaces `${NAME}` by the value of the environment variable
 * @throws ConnectorError `INPUT_INVALID` when the body is not an object, or names no sign-in flow
 */
export function readFormRequest(body: unknown, resolve: (text: string) => string): FormRequest {
  if (!isPlain(body)) throw new ConnectorError("INPUT_INVALID", "The request holds no settings");
  const { flow, id = "", callback = "", ...texts } = readTexts(body, TEXTS, resolve);
  if (!flow || !Object.hasOwn(SENT, flow)) throw new ConnectorError("INPUT_INVALID", "The request names no sign-in flow");
  return { ...texts, id, callback, flow: flow as LoginFlow, credentials: readTexts(body.credentials, [...OPEN, ...SECRETS], resolve) };
}

/**
 * Returns the credentials that a form stands for: those typed in, and the stored ones for those that were not changed. Secrets that the flow does not use are left out.
 *
 * @param stored stored credentials, the latest first. Each secret is taken from the first entry that has it.
 * @throws ConnectorError `INPUT_INVALID` when a stored secret would go to a host that it was not stored for
 */
export function meantCredentials({ flow, loginUrl, credentials: typed }: FormRequest, stored: readonly (Stored | undefined)[]): OrgCredentials {
  const meant: OrgCredentials = {};
  for (const name of OPEN) {
    const value = typed[name] ?? stored.find((one) => one?.credentials[name])?.credentials[name];
    if (value) meant[name] = value;
  }
  for (const name of SENT[flow ?? "client-credentials"]) {
    if (!isUntouched(typed[name])) {
      if (typed[name]) meant[name] = typed[name];
      continue;
    }
    const owner = stored.find((one) => one?.credentials[name]);
    if (!owner) continue;
    if (!isSameHost(loginUrl, owner.loginUrl)) {
      throw new ConnectorError("INPUT_INVALID", "The login URL differs from the one the secrets were stored for: type them again to use them there, or deploy first");
    }
    meant[name] = owner.credentials[name];
  }
  return meant;
}

function isSameHost(a: string | undefined, b: string): boolean {
  try {
    return secureOrigin(a ?? "") === secureOrigin(b);
  } catch {
    return false;
  }
}
