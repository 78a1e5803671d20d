import { ConnectorError } from "../../common/errors";
import { isUntouched, readTexts } from "../../common/form-request";
import { isPlain } from "../../common/is-plain";
import { readUrls, type BrokerCredentials, type BrokerDef } from "./settings";

/** The settings in a form of the editor, deployed or not, which are to be tested. */
export interface TestRequest extends BrokerDef {
  id: string;
  /** A secret that the user has not touched is the editor's placeholder, or missing. */
  credentials: BrokerCredentials;
}

/** The node as it was deployed last, with its secrets. */
export interface Deployed {
  def: BrokerDef;
  credentials: BrokerCredentials;
}

const SECRETS = ["password", "clientSecret", "token"] as const;
const TEXTS = ["username", "clientId"] as const;
const SETTINGS = ["id", "urls", "vhost", "auth", "tokenUrl", "scope", "tls", "connectTimeout"] as const;

/** Which secrets are sent to the other side, by kind of sign-in. */
const SENT: Record<string, readonly (typeof SECRETS)[number][]> = { plain: ["password"], external: [], token: ["clientSecret", "token"] };

/**
 * The credentials to test with: those that were typed, and for untouched ones those of the deployed node.
 *
 * @param request with its environment variables resolved
 * @throws ConnectorError INPUT_INVALID when a stored secret would be sent to another host than it was stored for, or with other TLS settings
 */
export function credentialsToTest(request: TestRequest, deployed: Deployed | undefined): BrokerCredentials {
  const credentials: BrokerCredentials = {};
  for (const name of TEXTS) {
    const value = request.credentials[name] ?? deployed?.credentials[name];
    if (value) credentials[name] = value;
  }
  for (const name of SECRETS) {
    if (!isSent(request, name)) continue;
    const typed = request.credentials[name];
    const value = isUntouched(typed) ? deployed?.credentials[name] : typed;
    if (!value) continue;
    if (value !== typed && !(deployed && goesToTheSame(request, deployed.def))) {
      throw new ConnectorError("INPUT_INVALID", "Addresses, TLS or token URL differ from those that are deployed: type the password or secret again to test them, or deploy first");
    }
    credentials[name] = value;
  }
  return credentials;
}

function isSent({ auth, tokenUrl }: BrokerDef, name: (typeof SECRETS)[number]): boolean {
  if (name === "token" && tokenUrl) return false;
  if (name === "clientSecret" && !tokenUrl) return false;
  return (SENT[auth || "plain"] ?? SECRETS).includes(name);
}

function goesToTheSame(request: BrokerDef, deployed: BrokerDef): boolean {
  const facts = (def: BrokerDef): string => JSON.stringify([readUrls(def).map((url) => url.trim()).sort(), def.tls || "", (def.tokenUrl || "").trim()]);
  return facts(request) === facts(deployed);
}

/**
 * Reads the body of a test request.
 *
 * @param resolve replaces `${NAME}` by the value of the environment variable
 * @throws ConnectorError INPUT_INVALID when it is not an object
 */
export function readRequest(body: unknown, resolve: (text: string) => string): TestRequest {
  if (!isPlain(body)) throw new ConnectorError("INPUT_INVALID", "The request holds no settings");
  const { id = "", auth, urls = "", ...texts } = readTexts(body, SETTINGS, resolve);
  return {
    ...texts,
    id,
    urls: Array.isArray(body.urls) ? body.urls.filter((url) => typeof url === "string").map(resolve) : urls,
    auth: auth === "external" || auth === "token" ? auth : "plain",
    credentials: readTexts(body.credentials, [...TEXTS, ...SECRETS], resolve),
  };
}
