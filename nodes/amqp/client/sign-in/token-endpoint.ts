import { ConnectorError, errorText } from "../../../common/errors";
import { masked } from "../../../common/masked";

/** A token from an endpoint. */
export interface AccessToken {
  token: string;
  /** When it expires, in ms since 1970. Absent when the endpoint does not report it. */
  expires?: number;
}

/** A token endpoint and the client for which a token is requested: the client credentials grant of OAuth 2 (RFC 6749 §4.4). */
export interface TokenEndpoint {
  /** `https://…` */
  url: string;
  clientId: string;
  clientSecret: string;
  /** Not sent when empty. */
  scope?: string;
  /** ms within which the whole answer must arrive. Default 10000. */
  timeout?: number;
}

/** Most bytes of an answer. Tokens for RabbitMQ are much smaller. */
const LARGEST = 256 * 1024;

interface Answer {
  status: number;
  body: Record<string, unknown>;
}

/**
 * Requests a token. The secret is sent in the header first, as the standard requires. After 400 or 401, it is sent in the body, for servers that know only that.
 *
 * @throws ConnectorError BROKER_UNAVAILABLE when waiting may help (network, 429, 5xx), else BROKER_REFUSED. Its text never contains the secret
 */
export async function fetchToken(endpoint: TokenEndpoint, signal?: AbortSignal): Promise<AccessToken> {
  const asked = Date.now();
  let answer = await ask(endpoint, true, signal);
  if (answer.status === 400 || answer.status === 401) {
    const second = await ask(endpoint, false, signal);
    if (second.status === 200) answer = second;
  }
  if (answer.status !== 200) throw refusal(endpoint, answer);
  const { access_token: token, expires_in: life } = answer.body;
  if (typeof token !== "string" || token === "") throw new ConnectorError("BROKER_REFUSED", `${hostOf(endpoint)} answered without a token`);
  // some servers write the number as text; any other value, such as null, tells nothing
  const seconds = typeof life === "number" || (typeof life === "string" && life.trim() !== "") ? Number(life) : NaN;
  return { token, ...(Number.isFinite(seconds) ? { expires: asked + seconds * 1000 } : {}) };
}

async function ask(endpoint: TokenEndpoint, inHeader: boolean, signal?: AbortSignal): Promise<Answer> {
  const { url, clientId, clientSecret, scope, timeout = 10_000 } = endpoint;
  const form = new URLSearchParams({ grant_type: "client_credentials", ...(scope ? { scope } : {}) });
  if (!inHeader) {
    form.set("client_id", clientId);
    form.set("client_secret", clientSecret);
  }
  const limit = AbortSignal.timeout(timeout);
  try {
    const response = await fetch(url, {
      method: "POST",
      headers: { accept: "application/json", ...(inHeader ? { authorization: basic(clientId, clientSecret) } : {}) },
      body: form,
      redirect: "manual", // the secret must not be sent to an address that the answer names
      signal: signal ? AbortSignal.any([signal, limit]) : limit,
    });
    return { status: response.status, body: parse(await readBounded(response)) };
  } catch (error) {
    const why = limit.aborted ? `no answer within ${timeout / 1000} s` : networkText(error);
    throw new ConnectorError("BROKER_UNAVAILABLE", `No token from ${hostOf(endpoint)}: ${why}`, { cause: error });
  }
}

/** Returns the authorization header. Both parts are form-encoded first (RFC 6749 §2.3.1). */
function basic(clientId: string, clientSecret: string): string {
  const encoded = [clientId, clientSecret].map((text) => encodeURIComponent(text).replace(/%20/g, "+"));
  return `Basic ${Buffer.from(encoded.join(":")).toString("base64")}`;
}

async function readBounded(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    size += chunk.length;
    if (size > LARGEST) throw new Error(`the answer is larger than ${LARGEST} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function parse(text: string): Record<string, unknown> {
  try {
    const body: unknown = JSON.parse(text);
    return typeof body === "object" && body !== null ? (body as Record<string, unknown>) : {};
  } catch {
    return {}; // such as a proxy's page: the status is enough
  }
}

function refusal(endpoint: TokenEndpoint, { status, body }: Answer): ConnectorError {
  const host = hostOf(endpoint);
  if (status === 429 || status >= 500) return new ConnectorError("BROKER_UNAVAILABLE", `No token from ${host}: it answered ${status}`);
  if (status >= 300 && status < 400) return new ConnectorError("BROKER_REFUSED", `${host} sends token requests elsewhere (${status}): give the token URL it points to`);
  const said = [body.error, body.error_description].filter((part): part is string => typeof part === "string").join(": ");
  return new ConnectorError("BROKER_REFUSED", `${host} gave no token (${status})${said ? `: ${harmless(said, endpoint)}` : ""}`);
}

/** Masks the secret in a server's text, both as such and as in the header, and cuts the text to 200 characters. */
function harmless(words: string, { clientId, clientSecret }: TokenEndpoint): string {
  return masked(words, [basic(clientId, clientSecret).slice("Basic ".length), clientSecret]).slice(0, 200);
}

function hostOf({ url }: TokenEndpoint): string {
  return new URL(url).host;
}

/** Returns why a `fetch` failed. The reason is in the `cause` of its error. */
function networkText(error: unknown): string {
  const cause = (error as { cause?: unknown }).cause ?? error;
  const code = (cause as { code?: unknown }).code;
  if (code === "ENOTFOUND" || code === "EAI_AGAIN") return "its name is not known here (DNS)";
  if (code === "ECONNREFUSED") return "it refused the connection";
  return errorText(cause);
}
