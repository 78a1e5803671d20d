import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { TLSSocket } from "node:tls";
import { gzipSync } from "node:zlib";
import { ApiError } from "./api-error";
import { uploadLimit } from "./bulk/routes";
import { Cometd } from "./cometd/cometd";
import type { Exchange } from "./cometd/exchange";
import { COMETD_PATH, MAX_COMETD_BYTES } from "./cometd/transport";
import type { Control } from "./control/control";
import type { Target, Verdict } from "./control/faults";
import { controlRoutes, CONTROL_PREFIX } from "./control/routes";
import { engagement, engagementFailure, ENGAGEMENT_PREFIX } from "./engagement/api";
import { render, type Reply, type Request } from "./http";
import { OAuth } from "./oauth/oauth";
import type { Org } from "./org";
import { PAGE } from "./page";
import { callKind, errorReply, Rest } from "./rest/rest";
import { SoapFault } from "./soap/call";
import { fault, isSoap, soap, soapOperation } from "./soap/soap";

/** Paths of the REST API, and of the org's Apex REST classes. */
const REST_PATH = /^\/services\/(?:data|apexrest)(?:\/|$)/;
/** The most bytes of headers that Node.js accepts. The emulator's own limit is lower, and is answered as Salesforce does. */
const NODE_HEADER_LIMIT = 256 * 1024;
/** Answers of at least this length are compressed. */
const PACKED_FROM = 1000;

/** The HTTP server of an org: reads requests, applies faults, routes the requests and writes answers. */
export class HttpServer {
  readonly server: Server;
  private readonly oauth: OAuth;
  private readonly rest: Rest;
  private readonly cometd: Cometd;
  /** Timers of delayed answers. */
  private readonly timers = new Set<NodeJS.Timeout>();

  constructor(
    private readonly org: Org,
    private readonly control: Control,
  ) {
    this.oauth = new OAuth(org);
    this.rest = new Rest(org);
    this.cometd = new Cometd(org);
    // Connections are kept open longer than clients keep them, so that none is closed while a request is on its way.
    const options = { maxHeaderSize: NODE_HEADER_LIMIT, keepAliveTimeout: 65_000 };
    const listener = (incoming: IncomingMessage, response: ServerResponse): void => this.receive(incoming, response);
    const { tls } = org.settings;
    this.server = tls ? createTlsServer({ ...options, ...tls }, listener) : createServer(options, listener);
  }

  /** Stops listening and cuts every open connection. */
  close(): Promise<void> {
    for (const timer of this.timers) clearTimeout(timer);
    this.timers.clear();
    this.org.cometd.close();
    return new Promise((resolve) => {
      this.server.close(() => resolve());
      this.server.closeAllConnections();
    });
  }

  private receive(incoming: IncomingMessage, response: ServerResponse): void {
    const chunks: Buffer[] = [];
    let size = 0;
    incoming.on("error", () => response.destroy());
    incoming.on("data", (chunk: Buffer) => {
      size += chunk.length;
      // A body that is too long is read to its end and dropped, since an earlier answer would reset the connection.
      if (size <= this.bodyLimit(incoming)) chunks.push(chunk);
    });
    incoming.on("end", () => {
      const started = performance.now();
      const request = toRequest(incoming, Buffer.concat(chunks));
      const refusal = this.refuseSize(incoming, size);
      if (refusal) this.answer(incoming, response, request, started, refusal);
      else this.process(incoming, response, request, started);
    });
  }

  private bodyLimit(incoming: IncomingMessage): number {
    const url = incoming.url ?? "";
    if (COMETD_PATH.test(url)) return MAX_COMETD_BYTES;
    return uploadLimit(url) ?? this.org.settings.maxBodyBytes;
  }

  private refuseSize(incoming: IncomingMessage, bodySize: number): Reply | undefined {
    const { maxUriBytes } = this.org.settings;
    const uri = Buffer.byteLength(incoming.url ?? "");
    const headers = incoming.rawHeaders.reduce((sum, text) => sum + text.length + 2, 0);
    if (uri > maxUriBytes) return errorReply(new ApiError("URI_TOO_LONG", "The URI is too long", undefined, 414));
    if (uri + headers > maxUriBytes)
      return errorReply(new ApiError("HEADER_TOO_LARGE", "The URI and headers are too long", undefined, 431));
    if (bodySize <= this.bodyLimit(incoming)) return undefined;
    if (COMETD_PATH.test(incoming.url ?? "")) return { status: 413, text: "Maximum Request Size Exceeded" };
    return errorReply(new ApiError("REQUEST_TOO_LARGE", "The request body is too large", undefined, 413));
  }

  private process(incoming: IncomingMessage, response: ServerResponse, request: Request, started: number): void {
    const kind = kindOf(request);
    if (kind === "api") this.org.stats.countCall(nameOf(request));
    const verdict = this.org.faults.judge({ method: request.method, url: incoming.url ?? "", kind });
    this.after(verdict.delay, () => {
      const { reset } = verdict;
      if (reset === "before") {
        this.note(request, incoming, started, 0);
        incoming.socket.destroy();
        return;
      }
      const answer = (reply: Reply): void => {
        if (reset) this.cut(incoming, response, request, started, reply, reset);
        else this.answer(incoming, response, request, started, reply);
      };
      if (verdict.fail) answer(this.failure(verdict.fail, request));
      else if (kind === "streaming") this.stream(request, response, answer);
      else answer(this.route(request));
    });
  }

  /** Handles a request of CometD, which may be answered later. */
  private stream(request: Request, response: ServerResponse, answer: (reply: Reply) => void): void {
    const exchange: Exchange = {
      answer: (reply) => void (response.destroyed || answer(reply)),
      cut: () => void response.destroy(),
      onGone: (listener) => void (response.destroyed ? listener() : response.once("close", listener)),
    };
    try {
      this.cometd.handle(request, exchange);
    } catch (error) {
      exchange.answer(errorReply(error));
    }
  }

  private failure(fail: NonNullable<Verdict["fail"]>, request: Request): Reply {
    if (fail.html !== undefined) return { status: fail.status, html: fail.html };
    if (isSoap(request.path)) return { ...fault(new SoapFault(fail.errorCode, fail.message)), status: fail.status };
    if (kindOf(request) === "oauth") return { status: fail.status, json: { error: fail.errorCode, error_description: fail.message } };
    if (request.path.startsWith(ENGAGEMENT_PREFIX)) return engagementFailure(fail.status, fail.errorCode, fail.message);
    return { status: fail.status, json: [{ message: fail.message, errorCode: fail.errorCode }], headers: this.rest.limitHeader() };
  }

  private route(request: Request): Reply {
    try {
      if (REST_PATH.test(request.path)) return this.rest.handle(request);
      if (request.path.startsWith(ENGAGEMENT_PREFIX)) return engagement(this.org, request);
      if (isSoap(request.path)) return soap(this.org, request);
      if (request.path === CONTROL_PREFIX || request.path.startsWith(`${CONTROL_PREFIX}/`))
        return controlRoutes(this.org, this.control, request);
      if (request.path === "/" && request.method === "GET") return { status: 200, html: PAGE };
      return this.oauth.handle(request) ?? { status: 404, text: "Not Found" };
    } catch (error) {
      return errorReply(error);
    }
  }

  private answer(incoming: IncomingMessage, response: ServerResponse, request: Request, started: number, reply: Reply): void {
    const { status, body: plain, headers: own } = rendered(reply);
    const { body, headers } = packed(incoming, plain, own);
    const length = body === "" && reply.status === 204 ? {} : { "Content-Length": Buffer.byteLength(body) };
    response.writeHead(status, { ...headers, ...length, "Cache-Control": "no-store", ...reply.headers });
    response.end(request.method === "HEAD" ? undefined : body);
    this.note(request, incoming, started, status);
  }

  /** Drops the connection after the request has been processed: with half of the answer sent, or with none of it. */
  private cut(
    incoming: IncomingMessage,
    response: ServerResponse,
    request: Request,
    started: number,
    reply: Reply,
    when: "during" | "after",
  ): void {
    this.note(request, incoming, started, 0);
    if (when === "after") {
      incoming.socket.destroy();
      return;
    }
    const { body, headers } = render(reply);
    response.writeHead(reply.status, { ...headers, "Content-Length": Buffer.byteLength(body) + 1 });
    const bytes = typeof body === "string" ? Buffer.from(body) : body;
    response.write(bytes.subarray(0, Math.ceil(bytes.length / 2)), () => incoming.socket.destroy());
  }

  private note(request: Request, incoming: IncomingMessage, started: number, status: number): void {
    // Only requests to the org are recorded: the page polls the control API often, and would push out the requests that a test looks for.
    if (!/^\/(?:services|id|api|cometd)\//.test(request.path)) return;
    const headers = Object.fromEntries(Object.entries(request.headers).filter(([name]) => name.startsWith("sforce-"))) as Record<
      string,
      string
    >;
    this.org.stats.note({
      time: new Date().toISOString(),
      method: request.method,
      path: incoming.url ?? "",
      kind: nameOf(request),
      status,
      ms: Math.round((performance.now() - started) * 100) / 100,
      headers,
    });
  }

  private after(ms: number, work: () => void): void {
    if (ms <= 0) return work();
    const timer = setTimeout(() => {
      this.timers.delete(timer);
      work();
    }, ms);
    this.timers.add(timer);
  }
}

/** Renders a reply. If its text would be too long for a string, such as a million records of the control API, it renders an error instead of ending the process. */
function rendered(reply: Reply): ReturnType<typeof render> & { status: number } {
  try {
    return { status: reply.status, ...render(reply) };
  } catch (error) {
    const failure = errorReply(error);
    return { status: failure.status, ...render(failure) };
  }
}

/** Compresses a body for clients that accept gzip, as Salesforce's edge does. Small bodies are not compressed. */
function packed<T extends object>(incoming: IncomingMessage, body: string | Buffer, headers: T): { body: string | Buffer; headers: T } {
  if (body.length < PACKED_FROM || !/\bgzip\b/i.test(String(incoming.headers["accept-encoding"] ?? ""))) return { body, headers };
  return { body: gzipSync(body, { level: 1 }), headers: { ...headers, "Content-Encoding": "gzip" } };
}

function toRequest(incoming: IncomingMessage, body: Buffer): Request {
  const [path = "/", search = ""] = (incoming.url ?? "/").split(/\?(.*)/s);
  const local = incoming.socket.localAddress ?? "127.0.0.1";
  const scheme = (incoming.socket as TLSSocket).encrypted ? "https" : "http";
  const origin = `${scheme}://${incoming.headers.host ?? `${local}:${incoming.socket.localPort}`}`;
  return { method: incoming.method ?? "GET", path, query: new URLSearchParams(search), headers: incoming.headers, body, origin };
}

/** Returns the kind of a request, for which faults can be switched on. A SOAP login is a login, whatever its path. */
function kindOf(request: Request): Target["kind"] {
  if (isSoap(request.path)) return soapOperation(request) === "login" ? "oauth" : "api";
  if (REST_PATH.test(request.path) || request.path.startsWith(ENGAGEMENT_PREFIX)) return "api";
  if (COMETD_PATH.test(request.path)) return "streaming";
  return request.path.startsWith("/services/oauth2") ? "oauth" : "other";
}

/** Returns the name under which a request is counted. */
function nameOf(request: Request): string {
  if (COMETD_PATH.test(request.path)) return "CometD";
  return isSoap(request.path) ? `SOAP ${soapOperation(request)}` : callKind(request.method, request.path);
}
