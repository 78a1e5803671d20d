import { ConnectorError, errorText } from "../common/errors";

/** Formats a payload can be read from and written to. XML and delimited text come with the SQL family's second part. */
export type Format = "auto" | "json" | "text" | "buffer";

/** The largest content that is decoded, in bytes: 16 MiB, RabbitMQ's own default limit for a message since 4.0. */
export const MAX_CONTENT = 16 * 1024 * 1024;

/** What a protocol says of the content beside it. */
export interface ContentHints {
  /** MIME type, such as `application/json; charset=utf-8`. */
  contentType?: string | undefined;
  /** Such as `gzip`. Compressed content is left as a Buffer in format `auto`, refused in the others. */
  contentEncoding?: string | undefined;
}

/**
 * Content as a value: JSON as what it says, text as string, anything else as Buffer. `auto` goes by the content type; without one,
 * by looking whether it is UTF-8 and JSON.
 *
 * @throws ConnectorError `FORMAT_INVALID` with the parser's message, `PAYLOAD_TOO_LARGE` over {@link MAX_CONTENT}
 */
export function decode(content: Buffer, format: Format, hints: ContentHints = {}): unknown {
  if (content.length > MAX_CONTENT) {
    throw new ConnectorError("PAYLOAD_TOO_LARGE", `The content has ${content.length} bytes; ${MAX_CONTENT} is the most that is decoded`);
  }
  if (format === "buffer") return content;
  const encoded = hints.contentEncoding && !/^(identity|utf-?8|binary)$/i.test(hints.contentEncoding);
  if (format === "auto") return encoded ? content : decodeByType(content, hints.contentType);
  if (encoded) throw new ConnectorError("FORMAT_INVALID", `The content is encoded as ${hints.contentEncoding}, not ${format}`);
  const text = utf8(content);
  return format === "json" ? parseJson(text) : text;
}

/** Encoded content with the type that says what it is. */
export interface Encoded {
  content: Buffer;
  contentType: string;
}

/**
 * A value as content. `auto`: Buffers as they are, strings as text, everything else as JSON.
 *
 * @throws ConnectorError `FORMAT_INVALID` when the value cannot be written in that format, `PAYLOAD_TOO_LARGE` over {@link MAX_CONTENT}
 */
export function encode(value: unknown, format: Format): Encoded {
  const encoded = encodeAs(value, format);
  if (encoded.content.length > MAX_CONTENT) {
    throw new ConnectorError("PAYLOAD_TOO_LARGE", `The payload has ${encoded.content.length} bytes; ${MAX_CONTENT} is the most that is sent`);
  }
  return encoded;
}

function encodeAs(value: unknown, format: Format): Encoded {
  if (format === "json") return json(value);
  if (value instanceof Uint8Array) {
    return { content: Buffer.isBuffer(value) ? value : Buffer.from(value), contentType: "application/octet-stream" };
  }
  if (format === "buffer") throw new ConnectorError("FORMAT_INVALID", `The payload is ${typeof value}, not a Buffer`);
  if (typeof value === "string") return { content: Buffer.from(value), contentType: "text/plain; charset=utf-8" };
  if (format === "text" && (typeof value === "object" || value === undefined)) {
    throw new ConnectorError("FORMAT_INVALID", `The payload is ${value === null ? "null" : typeof value}, not text`);
  }
  if (format === "text") return { content: Buffer.from(String(value)), contentType: "text/plain; charset=utf-8" };
  return json(value);
}

function json(value: unknown): Encoded {
  let text: string | undefined;
  try {
    text = stringify(value);
  } catch (error) {
    throw new ConnectorError("FORMAT_INVALID", `The payload cannot be written as JSON: ${errorText(error)}`, { cause: error });
  }
  if (text === undefined) throw new ConnectorError("FORMAT_INVALID", `The payload is ${typeof value}, which JSON cannot say`);
  return { content: Buffer.from(text), contentType: "application/json" };
}

/** A bigint column must not make publishing fail: it is written as a string, exact. Looking at each part takes three times as long, so only then. */
function stringify(value: unknown): string | undefined {
  try {
    return JSON.stringify(value);
  } catch (error) {
    if (!errorText(error).includes("BigInt")) throw error;
    return JSON.stringify(value, (_key, part: unknown) => (typeof part === "bigint" ? String(part) : part));
  }
}

function decodeByType(content: Buffer, contentType: string | undefined): unknown {
  const type = contentType?.split(";")[0]?.trim().toLowerCase();
  if (type && (type === "application/json" || type.endsWith("+json"))) return parseJson(utf8(content));
  if (type?.startsWith("text/")) return utf8(content);
  if (type) return content;
  return guess(content);
}

function guess(content: Buffer): unknown {
  let text: string;
  try {
    text = utf8(content);
  } catch {
    return content;
  }
  if (!/^\s*[[{]/.test(text)) return text;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new ConnectorError("FORMAT_INVALID", `Not JSON: ${errorText(error)}`, { cause: error });
  }
}

const decoder = new TextDecoder("utf-8", { fatal: true });

function utf8(content: Buffer): string {
  try {
    return decoder.decode(content);
  } catch (error) {
    throw new ConnectorError("FORMAT_INVALID", "Not UTF-8 text", { cause: error });
  }
}
