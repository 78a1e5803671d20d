import * as http from "node:http";
import * as https from "node:https";
import type { Socket } from "node:net";
import type { Duplex, Readable } from "node:stream";
import { createBrotliDecompress, createGunzip, createInflate } from "node:zlib";
import { NetworkError } from "./network-error";
import { Proxies } from "./proxy";

export { NetworkError };

/** One HTTP request. */
export interface HttpRequest {
  method: string;
  /** Absolute URL, http or https. */
  url: string;
  headers?: Record<string, string>;
  body?: string | Buffer;
  /** ms until the whole answer must be there. The time that sending the body may take is added. Default: the transport's. */
  timeout?: number;
  /** Gets the body of a good answer (2xx) piece by piece, however large it is; {@link HttpAnswer.bytes} is then empty. If it throws, the call fails with that. */
  onBytes?: (piece: Buffer) => void;
  /** Media type that `onBytes` takes: an answer of another type is given as usual. Default: any. */
  type?: string;
  /** Ends the call: it rejects with a {@link NetworkError} `ABORTED`, and the socket is closed. */
  signal?: AbortSignal;
}

/** One HTTP answer, read to its end. */
export interface HttpAnswer {
  status: number;
  /** Names in lower case; a header given several times is joined with commas. */
  headers: Record<string, string>;
  /** The body as it came, but decompressed. */
  bytes: Buffer;
  /** {@link bytes} as UTF-8 text. */
  readonly body: string;
}

/** Settings of a {@link HttpTransport}. */
export interface TransportOptions {
  /** ms until the whole answer must be there. Default 60000. */
  timeout?: number;
  /** Largest answer in bytes. Default 64 MiB. */
  maxAnswer?: number;
}

const UNPACKERS: Record<string, () => Duplex> = { gzip: createGunzip, "x-gzip": createGunzip, deflate: createInflate, br: createBrotliDecompress };

/** How many bytes of a body a slow line (512 kbit/s) sends in a second. That time is added to the time-out, or a call with 20 MB of files would never succeed there. */
const SLOW_LINE = 64_000;

/** ms after which an idle socket is closed: earlier than servers and load balancers do, so that a create is rarely sent into a closing one. */
const IDLE_SOCKET = 15_000;

/**
 * The HTTP client below jsforce and the login.
 *
 * jsforce's own cannot be used: when the connection breaks in the middle of an answer, 3.10.16 waits for ever and 3.12.0 throws outside
 * of any promise, which ends the process (measured); its timeout covers the headers only; it turns a redirected POST into a GET.
 */
export class HttpTransport {
  private readonly agents = {
    "http:": new http.Agent({ keepAlive: true, timeout: IDLE_SOCKET }),
    "https:": new https.Agent({ keepAlive: true, timeout: IDLE_SOCKET }),
  };
  private readonly proxies = new Proxies({ keepAlive: true, timeout: IDLE_SOCKET });
  private readonly timeout: number;
  private readonly maxAnswer: number;
  private closed = false;

  constructor(options: TransportOptions = {}) {
    this.timeout = options.timeout ?? 60_000;
    this.maxAnswer = options.maxAnswer ?? 64 * 1024 * 1024;
  }

  /** Sends one request, once. Rejects only with a {@link NetworkError} or what `onBytes` threw; an answer of any status resolves, redirects included. */
  send(request: HttpRequest): Promise<HttpAnswer> {
    if (this.closed) return Promise.reject(new NetworkError("its connections are closed, as the org was changed or stopped", "CLOSED", false));
    if (request.signal?.aborted) return Promise.reject(new NetworkError("the call was ended", "ABORTED", false));
    const headers = bodyHeaders(request);
    const timeout = (request.timeout ?? this.timeout) + 1000 * Math.floor(Number(headers["content-length"] ?? 0) / SLOW_LINE);
    return new Promise((resolve, reject) => {
      const url = new URL(request.url);
      const secure = url.protocol === "https:";
      const proxy = this.proxies.for(url.href);
      const through = proxy ? ` (through the proxy ${proxy.name})` : "";
      let sent = false;
      const outgoing = (secure ? https : http).request(url, {
        method: request.method,
        agent: proxy?.agent ?? this.agents[secure ? "https:" : "http:"],
        headers,
      });
      const settled = (): void => {
        clearTimeout(timer);
        request.signal?.removeEventListener("abort", onAbort);
      };
      const fail = (text: string, code: string, cause?: unknown): void => {
        settled();
        reject(new NetworkError(text + through, code, sent, cause));
        outgoing.destroy();
      };
      const timer = setTimeout(() => fail(`${url.host} gave no answer within ${timeout / 1000} s`, "TIMEOUT"), timeout);
      const onAbort = (): void => fail("the call was ended", "ABORTED");
      request.signal?.addEventListener("abort", onAbort);
      // emitted by the proxy's agent, which would pass off the answer of a proxy that refuses as the org's
      outgoing.on("proxyConnect", ({ statusCode }: { statusCode: number }) => {
        if (statusCode !== 200) fail(`the connection to ${url.host} was refused with HTTP ${statusCode}${statusCode === 407 ? ", which asks for a user name" : ""}`, "PROXY");
      });
      outgoing.on("socket", (socket) => {
        if (!isConnecting(socket)) sent = true;
        else socket.once(secure ? "secureConnect" : "connect", () => (sent = true));
      });
      outgoing.on("error", (error) => fail(networkText(url, error), errorCode(error), error));
      const take = (chunk: Buffer, onBytes: (piece: Buffer) => void): void => {
        try {
          onBytes(chunk);
        } catch (error) {
          settled();
          reject(error as Error);
          outgoing.destroy();
        }
      };
      outgoing.on("response", (incoming) => {
        const chunks: Buffer[] = [];
        let size = 0;
        const plain = unpacked(incoming, request.method);
        plain.on("data", (chunk: Buffer) => {
          if (request.onBytes && isGood(incoming, request.type)) return take(chunk, request.onBytes);
          size += chunk.length;
          if (size > this.maxAnswer) fail(`the answer of ${url.host} is larger than ${this.maxAnswer} bytes`, "ANSWER_TOO_LARGE");
          else chunks.push(chunk);
        });
        incoming.on("error", (error) => fail(networkText(url, error), errorCode(error), error));
        if (plain !== incoming) plain.on("error", (error) => fail(`the answer of ${url.host} cannot be unpacked: ${error.message}`, "NETWORK", error));
        plain.on("end", () => {
          settled();
          resolve(toAnswer(incoming, Buffer.concat(chunks), plain !== incoming));
        });
      });
      outgoing.end(request.body);
    });
  }

  /** Closes all sockets. Running requests fail, and so do later ones. */
  close(): void {
    this.closed = true;
    this.agents["http:"].destroy();
    this.agents["https:"].destroy();
    this.proxies.close();
  }
}

/** Whether nothing can have been sent yet: the socket is not connected, or, behind a proxy, TLS to the org is not established. */
function isConnecting(socket: Socket & { secureConnecting?: boolean }): boolean {
  return socket.connecting || socket.secureConnecting === true;
}

function isGood({ statusCode = 0, headers }: http.IncomingMessage, type: string | undefined): boolean {
  return statusCode >= 200 && statusCode < 300 && (type === undefined || isOfType(headers["content-type"], type));
}

/** Whether a `Content-Type` names the media type `type`. */
export function isOfType(contentType: string | undefined, type: string): boolean {
  return contentType?.split(";")[0]?.trim().toLowerCase() === type;
}

function bodyHeaders(request: HttpRequest): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(request.headers ?? {})) headers[name.toLowerCase()] = value;
  if (request.body !== undefined) headers["content-length"] = String(Buffer.byteLength(request.body));
  return headers;
}

/** The body, decompressed if need be. Servers compress only on `Accept-Encoding`, but some proxies always do. */
function unpacked(incoming: http.IncomingMessage, method: string): Readable {
  const unpack = UNPACKERS[incoming.headers["content-encoding"]?.trim().toLowerCase() ?? ""];
  const isEmpty = method === "HEAD" || incoming.statusCode === 204 || incoming.statusCode === 304 || incoming.headers["content-length"] === "0";
  if (!unpack || isEmpty) return incoming;
  return incoming.pipe(unpack());
}

function toAnswer({ statusCode = 0, headers }: http.IncomingMessage, bytes: Buffer, wasPacked: boolean): HttpAnswer {
  const { "content-encoding": _packing, "content-length": _length, ...others } = headers;
  return {
    status: statusCode,
    headers: flatHeaders(wasPacked ? others : headers),
    bytes,
    get body() {
      return bytes.toString("utf8");
    },
  };
}

function flatHeaders(headers: http.IncomingHttpHeaders): Record<string, string> {
  const flat: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) if (value !== undefined) flat[name] = Array.isArray(value) ? value.join(", ") : value;
  return flat;
}

function errorCode(error: Error): string {
  return (error as NodeJS.ErrnoException).code ?? "NETWORK";
}

/** Text for a network error: names the host, and the cause in words on which a user can act. */
function networkText(url: URL, error: Error): string {
  switch (errorCode(error)) {
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return `the host ${url.hostname} is not known here (DNS)`;
    case "ECONNREFUSED":
      return `${url.host} refused the connection`;
    case "ECONNRESET":
    case "EPIPE":
      return `${url.host} broke the connection before the answer was complete`;
    case "EPROTO":
    case "ERR_SSL_WRONG_VERSION_NUMBER":
      if (!/wrong.version.number/i.test(error.message)) break;
      return `${url.host} speaks no TLS there: its address may begin with http://, or a proxy is in between`;
    case "SELF_SIGNED_CERT_IN_CHAIN":
    case "DEPTH_ZERO_SELF_SIGNED_CERT":
    case "UNABLE_TO_VERIFY_LEAF_SIGNATURE":
    case "UNABLE_TO_GET_ISSUER_CERT_LOCALLY":
      return `${url.host}: ${error.message}. A company's proxy may sign by an authority of its own: name its file in NODE_EXTRA_CA_CERTS before Node-RED starts`;
  }
  return `${url.host}: ${error.message || errorCode(error)}`;
}
