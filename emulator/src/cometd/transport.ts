import type { Reply, Request } from "../http";
import { NEWEST_VERSION } from "../rest/resources";
import { Refusal, type Message } from "./bayeux";

/** Where the streams are, whatever the version. */
export const COMETD_PATH = /^\/cometd(?:\/|$)/;

/** Longest request body, in bytes. */
export const MAX_COMETD_BYTES = 32_768;

/** The first version with these streams. */
const OLDEST_VERSION = 37;

const COOKIE = "BAYEUX_BROWSER";

/** The messages of a call, or the answer to one that has none. */
export function readMessages(request: Request): Message[] | Reply {
  // A GET is a client's try at WebSocket.
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

/** Checks the version in `/cometd/NN.0`; clients of Java's library add what they send: `/cometd/66.0/handshake`. @throws Refusal */
export function checkPath(path: string): void {
  const version = Number(/^\/cometd\/(?:replay\/)?(\d{1,3})\.0(?:\/\w*)?$/.exec(path)?.[1]);
  if (Number.isNaN(version)) throw new Refusal(`400::API version in the URI is mandatory. URI format: '/cometd/${NEWEST_VERSION}.0'`, undefined, 400);
  if (version < OLDEST_VERSION || version > NEWEST_VERSION || path.startsWith("/cometd/replay")) {
    throw new Refusal(`400::Unsupported API version. Only API versions '${OLDEST_VERSION}.0' and later are supported.`, undefined, 400);
  }
}

/** The value of the cookie that holds a client and its session together. */
export function readCookie(request: Request): string | undefined {
  for (const cookie of (request.headers.cookie ?? "").split(";")) {
    const [name, value] = cookie.trim().split(/=(.*)/s);
    if (name === COOKIE && value) return value;
  }
  return undefined;
}

/** The header that gives a client its cookie. */
export function setCookie(value: string): { "Set-Cookie": string } {
  return { "Set-Cookie": `${COOKIE}=${value};Path=/cometd/;HttpOnly` };
}
