import { ConnectorError } from "../../common/errors";
import { isUntouched, readTexts } from "../../common/form-request";
import { isPlain } from "../../common/is-plain";
import { readUrls, type BrokerCredentials, type BrokerDef } from "./settings";

/** What the form sends to be tested: what stands in it, deployed or not. */
export interface TestRequest extends BrokerDef {
  id: string;
  /** A secret that was not touched comes as the editor's stand-in, or not at all. */
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

/** Which secrets a sign-in sends. */
const SENT: Record<string, readonly (typeof SECRETS)[number][]> = { plain: ["password"], external: [], token: ["clientSecret", "token"] };

/**
 * The credentials to test with: those typed in, and for untouched ones the deployed node's.
 *
 * @param request with its environment variables resolved
 * @throws ConnectorError INPUT_INVALID when a stored secret would go to a host, or by a connection, that it was not stored for
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
 * Reads the body of a request.
 *
 * @param resolve puts the environment's values in the place of `${NAME}`
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
