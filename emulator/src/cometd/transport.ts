import type { Reply, Request } from "../http";
import { NEWEST_VERSION } from "../rest/resources";
import { Refusal, type Message } from "./bayeux";

/** The paths of the CometD server, with any version. */
export const COMETD_PATH = /^\/cometd(?:\/|$)/;

/** Most bytes of a request body. */
export const MAX_COMETD_BYTES = 32_768;

/** The oldest API version with CometD as it is here. */
const OLDEST_VERSION = 37;

const COOKIE = "BAYEUX_BROWSER";

/** Returns the messages of a call, or the answer to a call that has none. */
export function readMessages(request: Request): Message[] | Reply {
  // A GET is the attempt of a client to use WebSocket.
  if (request.method !== "POST") return { status: 405, text: "Method Not Allowed", headers: { Allow: "POST" } };
  if (!/^application\/json\b/i.test(request.headers["content-type"] ?? "")) return { status: 400, text: "Unknown Bayeux Transport" };
  let json: unknown;
  try {
    json = JSON.parse(request.body.toString("utf8"));
  } catch {
    return { status: 400, text: "Malformed JSON" };
  }
  const messages: unknown[] = Array.isArray(json) ? json : [json];
  const isMessage = (message: unknown): message is Message => typeof message === "object" && message !== null && !Array.isArray(message);
  return messages.every(isMessage) ? messages : { status: 400, text: "Malformed JSON" };
}

/** Checks the version in `/cometd/NN.0`. Clients of the Java library append the kind of message, as in `/cometd/66.0/handshake`. @throws Refusal */
export function checkPath(path: string): void {
  const version = Number(/^\/cometd\/(?:replay\/)?(\d{1,3})\.0(?:\/\w*)?$/.exec(path)?.[1]);
  if (Number.isNaN(version)) throw new Refusal(`400::API version in the URI is mandatory. URI format: '/cometd/${NEWEST_VERSION}.0'`, undefined, 400);
  if (version < OLDEST_VERSION || version > NEWEST_VERSION || path.startsWith("/cometd/replay")) {
    throw new Refusal(`400::Unsupported API version. Only API versions '${OLDEST_VERSION}.0' and later are supported.`, undefined, 400);
  }
}

/** Returns the value of the cookie that ties a client to its session. */
export function readCookie(request: Request): string | undefined {
  for (const cookie of (request.headers.cookie ?? "").split(";")) {
    const [name, value] = cookie.trim().split(/=(.*)/s);
    if (name === COOKIE && value) return value;
  }
  return undefined;
}

/** Returns the header that gives a client this cookie. */
export function setCookie(value: string): { "Set-Cookie": string } {
  return { "Set-Cookie": `${COOKIE}=${value};Path=/cometd/;HttpOnly` };
}
