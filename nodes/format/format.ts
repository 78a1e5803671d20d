import { types } from "node:util";
import { ConnectorError } from "../common/errors";
import { inOneGo, inSlices, Slices } from "../common/slices";
import { charsetOfMark, decodeText, decodeTextInSlices, encodeText, isCharset, isUtf8 } from "./charset";
import { invalid } from "./content-error";
import { readContentType, type ContentType } from "./content-type";
import { readJson, writeJson } from "./json";
import { DEFAULT_OPTIONS, type FormatOptions } from "./options";

/** The formats that content can be read from and written to. */
export type Format = "auto" | "json" | "xml" | "delimited" | "text" | "buffer";

/** All formats, by their names in saved flows. */
export const FORMATS: readonly Format[] = ["auto", "json", "xml", "delimited", "text", "buffer"];

/** The largest content that is decoded, in bytes: 16 MiB, RabbitMQ's own default limit for a message since 4.0. */
export const MAX_CONTENT = 16 * 1024 * 1024;

/** Content of more bytes than this is read in slices if its format allows it. Reading this many in one go takes up to 20 ms. */
export const LARGE = 64 * 1024;

/** What the protocol says about content. */
export interface ContentHints {
  /** MIME type, such as `application/json; charset=utf-8`. */
  contentType?: string | undefined;
  /** Such as `gzip`, or a charset. Compressed content stays a Buffer in format `auto`, and is refused in the other formats. */
  contentEncoding?: string | undefined;
}

/**
 * Decodes content: JSON and XML to the value that they stand for, delimited text to rows, text to a string, anything else to a Buffer. `auto` goes by the content
 * type; without one it looks whether the content is JSON, or else UTF-8.
 *
 * @param options how the format is read. `auto` always uses the defaults.
 * @throws ConnectorError `FORMAT_INVALID` with the parser's message, `PAYLOAD_TOO_LARGE` over {@link MAX_CONTENT}
 */
export function decode(content: Buffer, format: Format, hints: ContentHints = {}, options: FormatOptions = DEFAULT_OPTIONS): unknown {
  if (content.length > MAX_CONTENT) {
    throw new ConnectorError("PAYLOAD_TOO_LARGE", `The content has ${content.length} bytes; ${MAX_CONTENT} is the most that is decoded`);
  }
  if (format === "buffer") return content;
  const encoded = isEncoded(hints);
  if (format === "auto") return encoded ? content : decodeByType(content, typeIn(hints));
  if (encoded) throw invalid(`The content is encoded as ${hints.contentEncoding}, not ${format}`);
  return decodeAs(content, format, typeIn(hints), options);
}

/**
 * Like {@link decode}, for content over {@link LARGE}: in slices of a few ms, between which the event loop can do other work. Only delimited text is read in this
 * way: the parsers of JSON and XML cannot be interrupted, and text is quick.
 *
 * @param stopped called after each slice; true ends the work, because nobody wants the value any more
 * @returns `undefined` when {@link decode} has to read the content; else a promise of the value, or of `undefined` if it was stopped
 */
export function decodeInSlices(content: Buffer, format: Format, hints: ContentHints, options: FormatOptions, stopped: () => boolean): Promise<unknown> | undefined {
  if (content.length <= LARGE || content.length > MAX_CONTENT || isEncoded(hints)) return undefined;
  const type = typeIn(hints);
  const reading = delimitedOptions(format, type, options);
  return reading && readRowsInSlices(content, type, reading, stopped);
}

/** Encoded content and its MIME type. */
export interface Encoded {
  content: Buffer;
  contentType: string;
}

/**
 * Encodes a value. In format `auto`, Buffers stay as they are, strings become text, and everything else JSON. In the formats `xml` and `delimited`, strings and
 * bytes are taken for content that is ready, and stay as they are.
 *
 * @throws ConnectorError `FORMAT_INVALID` when the value cannot be written in that format, `PAYLOAD_TOO_LARGE` over {@link MAX_CONTENT}
 */
export function encode(value: unknown, format: Format, options: FormatOptions = DEFAULT_OPTIONS): Encoded {
  return checkEncoded(encodeAs(value, format, options));
}

/**
 * Like {@link encode}, for long lists of rows as delimited text: in slices of a few ms, between which the event loop can do other work. Nobody may change the value
 * meanwhile.
 *
 * @returns `undefined` when {@link encode} has to write the value
 */
export function encodeInSlices(value: unknown, format: Format, options: FormatOptions = DEFAULT_OPTIONS): Promise<Encoded> | undefined {
  if (format !== "delimited" || !Array.isArray(value) || !delimitedWriter().isLong(value)) return undefined;
  return inSlices(delimitedWriter().writeDelimited(value, options)).then((rows) => checkEncoded(text(rows, typeOf(format, options), options.encoding)));
}

function checkEncoded(encoded: Encoded): Encoded {
  const { length } = encoded.content;
  if (length > MAX_CONTENT) throw new ConnectorError("PAYLOAD_TOO_LARGE", `The payload has ${length} bytes; ${MAX_CONTENT} is the most that is sent`);
  return encoded;
}

/** Looked for first, since to look for a charset loads the tables of all, and takes 7 µs for a name that is none. */
const COMPRESSIONS = /^(x-)?(gzip|deflate|compress|br|zstd)$/i;

/** Whether content is compressed, or encoded in some way that is not known. Spring and Celery put the charset where HTTP has the compression. */
function isEncoded({ contentEncoding }: ContentHints): boolean {
  if (!contentEncoding || /^(identity|utf-?8|binary)$/i.test(contentEncoding)) return false;
  return COMPRESSIONS.test(contentEncoding) || !isCharset(contentEncoding);
}

/** The content type. If it names no charset, that of the content encoding is put in. */
function typeIn({ contentType, contentEncoding }: ContentHints): ContentType | undefined {
  const type = readContentType(contentType);
  if (type?.charset || !contentEncoding || !isCharset(contentEncoding)) return type;
  return { type: "", headerAbsent: false, ...type, charset: contentEncoding };
}

type Chosen = Exclude<Format, "auto" | "buffer">;

function decodeAs(content: Buffer, format: Chosen, type: ContentType | undefined, options: FormatOptions): unknown {
  switch (format) {
    case "json":
      return readJson(jsonText(content, type?.charset));
    case "text":
      return decodeText(content, options.encoding || type?.charset);
    case "delimited":
      return delimitedReader().readDelimited(decodeText(content, delimitedCharset(content, type, options)), options);
    case "xml":
      return xmlReader().readXml(decodeText(content, options.encoding || charsetOfMark(content) || type?.charset || declaredCharset(content)), options);
  }
}

function decodeByType(content: Buffer, type: ContentType | undefined): unknown {
  if (!type?.type) return guess(content);
  const { type: name } = type;
  if (name === "application/json" || name.endsWith("+json")) return decodeAs(content, "json", type, DEFAULT_OPTIONS);
  if (name === "application/xml" || name === "text/xml" || name.endsWith("+xml")) return decodeAs(content, "xml", type, DEFAULT_OPTIONS);
  const reading = delimitedOptions("auto", type);
  if (reading) return decodeAs(content, "delimited", type, reading);
  return name.startsWith("text/") ? decodeText(content, type.charset) : content;
}

/** The options by which content is read as delimited text. `undefined` if it is something else. */
function delimitedOptions(format: Format, type: ContentType | undefined, options = DEFAULT_OPTIONS): FormatOptions | undefined {
  if (format === "delimited") return options;
  if (format !== "auto") return undefined;
  if (type?.type === "text/csv") return { ...DEFAULT_OPTIONS, header: !type.headerAbsent };
  if (type?.type === "text/tab-separated-values") return { ...DEFAULT_OPTIONS, delimiter: "\t" };
  return undefined;
}

function delimitedCharset(content: Buffer, type: ContentType | undefined, { encoding }: FormatOptions): string | undefined {
  return encoding || charsetOfMark(content) || type?.charset;
}

async function readRowsInSlices(content: Buffer, type: ContentType | undefined, options: FormatOptions, stopped: () => boolean): Promise<unknown> {
  const slices = new Slices();
  await slices.next(); // others may be at work
  const pieces = stopped() ? undefined : await decodeTextInSlices(content, delimitedCharset(content, type, options), slices, stopped);
  return pieces && delimitedReader().readDelimitedInSlices(pieces, options, slices, stopped);
}

function guess(content: Buffer): unknown {
  let text: string;
  try {
    text = decodeText(content);
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

/** JSON is UTF-8 whatever charset is named (RFC 8259 §11). Only if it is not valid UTF-8 is that charset tried. */
function jsonText(content: Buffer, charset: string | undefined): string {
  try {
    return decodeText(content);
  } catch (error) {
    if (isUtf8(charset)) throw error;
    return decodeText(content, charset);
  }
}

/** The charset of the XML declaration. If it says UTF-16 but could be read byte by byte, the content is not UTF-16: the program that wrote it had left the declaration as it was. */
function declaredCharset(content: Buffer): string | undefined {
  const start = content.toString("latin1", 0, 200);
  if (start.startsWith("<\0")) return "utf-16le";
  if (start.startsWith("\0<")) return "utf-16be";
  const declared = /^(?:\u00ef\u00bb\u00bf)?<\?xml\s[^>]*?encoding\s*=\s*["']([\w.:-]+)["']/.exec(start)?.[1];
  return declared && /^(utf-?16|ucs-?2|utf-?32|ucs-?4)/i.test(declared) ? undefined : declared;
}

function encodeAs(value: unknown, format: Format, options: FormatOptions): Encoded {
  if (format === "json") return json(value);
  // not by its class: the one of Function nodes is another
  if (types.isUint8Array(value)) {
    const content = Buffer.isBuffer(value) ? value : Buffer.from(value);
    return { content, contentType: format === "xml" || format === "delimited" ? typeOf(format, options) : "application/octet-stream" };
  }
  switch (format) {
    case "buffer":
      throw invalid(`The payload is ${typeof value}, not a Buffer`);
    case "xml":
      return text(typeof value === "string" ? value : xmlWriter().writeXml(value, options), typeOf(format, options), options.encoding);
    case "delimited":
      return text(typeof value === "string" ? value : inOneGo(delimitedWriter().writeDelimited(value, options)), typeOf(format, options), options.encoding);
    case "auto":
      return typeof value === "string" ? text(value, typeOf("text", DEFAULT_OPTIONS)) : json(value);
    case "text":
      if (typeof value === "object" || value === undefined) throw invalid(`The payload is ${value === null ? "null" : typeof value}, not text`);
      return text(String(value), typeOf(format, options), options.encoding);
  }
}

function typeOf(format: "text" | "xml" | "delimited", { encoding, delimiter }: FormatOptions): string {
  const type = { text: "text/plain", xml: "application/xml", delimited: delimiter === "\t" ? "text/tab-separated-values" : "text/csv" }[format];
  return `${type}; charset=${encoding || "utf-8"}`;
}

function text(value: string, contentType: string, charset?: string): Encoded {
  return { content: encodeText(value, charset), contentType };
}

function json(value: unknown): Encoded {
  return { content: Buffer.from(writeJson(value)), contentType: "application/json" };
}

/* Loaded at the first use, so that users of JSON need not wait for the other parsers. */
/* eslint-disable @typescript-eslint/no-require-imports */

function xmlReader(): typeof import("./xml-reader") {
  return require("./xml-reader") as typeof import("./xml-reader");
}

function xmlWriter(): typeof import("./xml-writer") {
  return require("./xml-writer") as typeof import("./xml-writer");
}

function delimitedReader(): typeof import("./delimited-reader") {
  return require("./delimited-reader") as typeof import("./delimited-reader");
}

function delimitedWriter(): typeof import("./delimited-writer") {
  return require("./delimited-writer") as typeof import("./delimited-writer");
}
