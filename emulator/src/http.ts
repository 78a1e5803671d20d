import type { IncomingHttpHeaders, OutgoingHttpHeaders } from "node:http";

/** A request with its body read. */
export interface Request {
  method: string;
  /** The path without the query, not decoded: exactly as in the request line. */
  path: string;
  query: URLSearchParams;
  headers: IncomingHttpHeaders;
  body: Buffer;
  /** `http://host:port`, or https with TLS, with the host that the client used, so that links also work through a proxy or a container's port. */
  origin: string;
}

/** An answer. At most one of `json`, `xml`, `text`, `html` and `bytes` is set. */
export interface Reply {
  status: number;
  json?: unknown;
  xml?: string;
  text?: string;
  html?: string;
  /** A body that is sent as it is. */
  bytes?: Buffer;
  headers?: OutgoingHttpHeaders;
}

/** Returns the body of a reply and the headers with its content type. */
export function render(reply: Reply): { body: string | Buffer; headers: OutgoingHttpHeaders } {
  if (reply.json !== undefined) return { body: JSON.stringify(reply.json), headers: { "Content-Type": "application/json;charset=UTF-8" } };
  if (reply.xml !== undefined) return { body: reply.xml, headers: { "Content-Type": "text/xml;charset=UTF-8" } };
  if (reply.html !== undefined) return { body: reply.html, headers: { "Content-Type": "text/html;charset=UTF-8" } };
  if (reply.text !== undefined) return { body: reply.text, headers: { "Content-Type": "text/plain;charset=UTF-8" } };
  if (reply.bytes !== undefined) return { body: reply.bytes, headers: { "Content-Type": "application/octet-stream" } };
  return { body: "", headers: {} };
}
