import { ConnectorError } from "../../common/errors";
import { isUntouched, readTexts } from "../../common/form-request";
import { isPlain } from "../../common/is-plain";
import type { LoginFlow, OrgCredentials } from "../client/sign-in/login";
import { secureOrigin } from "../client/sign-in/login-url";
import type { OrgDef } from "./settings";

/** What the org's form sends: what stands in it, deployed or not. */
export interface FormRequest extends OrgDef {
  /** Of the node. */
  id: string;
  /** Where the org sends the browser back to, as the browser sees it. */
  callback: string;
  /** A secret that was not touched comes as the editor's stand-in, or not at all. */
  credentials: OrgCredentials;
}

/** Secrets there are already, and the login URL they are for. */
export interface Stored {
  loginUrl: string;
  credentials: OrgCredentials;
}

const TEXTS = ["loginUrl", "flow", "keyFile", "apiVersion", "timeout", "callback", "id"] as const;
const OPEN = ["clientId", "username"] as const;
const SECRETS = ["clientSecret", "password", "securityToken", "privateKey", "refreshToken", "accessToken"] as const;

/** Which secrets each flow sends, or signs with. */
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
 * @param resolve puts the environment's values in the place of `${NAME}`
 * @throws ConnectorError `INPUT_INVALID` when it is not an object, or names no sign-in flow
 */
export function readFormRequest(body: unknown, resolve: (text: string) => string): FormRequest {
  if (!isPlain(body)) throw new ConnectorError("INPUT_INVALID", "The request holds no settings");
  const { flow, id = "", callback = "", ...texts } = readTexts(body, TEXTS, resolve);
  if (!flow || !Object.hasOwn(SENT, flow)) throw new ConnectorError("INPUT_INVALID", "The request names no sign-in flow");
  return { ...texts, id, callback, flow: flow as LoginFlow, credentials: readTexts(body.credentials, [...OPEN, ...SECRETS], resolve) };
}

/**
 * The credentials a form means: those typed in, and for untouched ones those stored. What its flow does not send is left out.
 *
 * @param stored the latest first; the first one that has a secret gives it
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
