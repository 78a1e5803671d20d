import type { Slices } from "../common/slices";
import { characterAt, invalid, shown } from "./content-error";

/** How many bytes are read in one slice. With quotes in them, the parser takes some 6 ms for that many. */
const PIECE = 32 * 1024;
/** UTF-8 under the names that Python and iconv-lite give it. It is not left to iconv-lite, which turns invalid bytes into U+FFFD without a word. */
const UTF8 = /^(utf[-_ ]?8|unicode-?1-?1-?utf-?8)$/i;
/** Half of a surrogate pair, which is no character. */
const HALF = /\p{Surrogate}/u;
/** Encodings of iconv-lite that are no charsets but ways to write bytes as text. */
const NO_CHARSET = /^(base64|hex|binary|internal)$/i;
/** Charsets that have every character, so that a U+FFFD in decoded text may have been sent as such. */
const UNICODE = /^(utf|ucs|unicode)/i;
const REPLACEMENT = "\ufffd";

const utf8 = new TextDecoder("utf-8", { fatal: true });
/** For all but the first piece of a text: there, a byte order mark is an ordinary character. */
const utf8Within = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Whether the charset is UTF-8, which is also the default when none is named. */
export function isUtf8(charset: string | undefined): boolean {
  return !charset || UTF8.test(charset);
}

/** Whether text can be read and written in this charset. */
export function isCharset(name: string): boolean {
  return isUtf8(name) || (!NO_CHARSET.test(name) && iconv().encodingExists(name));
}

/**
 * Decodes bytes to text, without the byte order mark.
 *
 * @param charset default UTF-8
 * @throws ConnectorError `FORMAT_INVALID` when the charset is unknown or the bytes are not valid in it
 */
export function decodeText(content: Buffer, charset?: string): string {
  if (!charset || UTF8.test(charset)) return decodeUtf8(content);
  known(charset);
  const text = iconv().decode(content, charset);
  checkDecoded(text, charset, content);
  return text;
}

/**
 * Like {@link decodeText}, but in slices, between which the event loop can do other work.
 *
 * @param stopped called after each slice; true ends the work, because nobody wants the text any more
 * @returns the text in pieces, none of which ends between a CR and its LF; `undefined` if it was stopped
 * @throws ConnectorError as {@link decodeText}
 */
export async function decodeTextInSlices(content: Buffer, charset: string | undefined, slices: Slices, stopped: () => boolean): Promise<string[] | undefined> {
  const pieces: string[] = [];
  let held = "";
  for (const text of isUtf8(charset) ? utf8Pieces(content) : textPieces(content, charset as string)) {
    const piece = held + text;
    held = piece.endsWith("\r") ? "\r" : "";
    pieces.push(held ? piece.slice(0, -1) : piece);
    if (slices.over) await slices.next();
    if (stopped()) return undefined;
  }
  if (held) pieces.push(held);
  return pieces;
}

/** Cuts between characters and decodes each piece by itself, which takes a quarter of the time that a streaming decoder needs. */
function* utf8Pieces(content: Buffer): Generator<string> {
  let at = 0;
  while (at < content.length) {
    let end = at + PIECE;
    for (let back = 0; back < 3 && isWithinCharacter(content[end]); back += 1) end -= 1;
    yield decodeUtf8(content.subarray(at, end), at === 0 ? utf8 : utf8Within);
    at = end;
  }
}

/** Whether a byte of UTF-8 continues a character. */
function isWithinCharacter(byte: number | undefined): boolean {
  return byte !== undefined && byte >> 6 === 0b10;
}

function* textPieces(content: Buffer, charset: string): Generator<string> {
  known(charset);
  const decoder = iconv().getDecoder(charset);
  for (let at = 0; at < content.length; at += PIECE) {
    const text = decoder.write(content.subarray(at, at + PIECE));
    checkDecoded(text, charset, content);
    yield text;
  }
  const text = decoder.end() ?? "";
  checkDecoded(text, charset, content);
  yield text;
}

function checkDecoded(text: string, charset: string, { length }: Buffer): void {
  const odd = /^(utf-?16|ucs-?2)/i.test(charset) && length % 2 !== 0;
  if (odd || (!UNICODE.test(charset) && text.includes(REPLACEMENT))) throw invalid(`Not text in ${charset}`);
}

/**
 * Encodes text to bytes.
 *
 * @param charset default UTF-8
 * @throws ConnectorError `FORMAT_INVALID` when the charset is unknown, when it lacks one of the characters, and when the text holds half of a character
 */
export function encodeText(text: string, charset?: string): Buffer {
  if (!text.isWellFormed()) throw invalid(`The text holds half of a character, ${characterAt(text, text.search(HALF))}, which no charset has`);
  if (!charset || UTF8.test(charset)) return Buffer.from(text);
  known(charset);
  const content = iconv().encode(text, charset);
  // iconv-lite writes a question mark, without a word, for a character that the charset lacks
  if (!UNICODE.test(charset) && iconv().decode(content, charset, { stripBOM: false }) !== text) throw invalid(`${missingFrom(charset, text)} is not in ${charset}`);
  return content;
}

/** The charset that a UTF-16 byte order mark stands for. `undefined` without such a mark. */
export function charsetOfMark(content: Buffer): string | undefined {
  if (content[0] === 0xff && content[1] === 0xfe) return "utf-16le";
  if (content[0] === 0xfe && content[1] === 0xff) return "utf-16be";
  return undefined;
}

function decodeUtf8(content: Buffer, decoder = utf8): string {
  try {
    return decoder.decode(content);
  } catch (error) {
    throw invalid("Not UTF-8 text, and no other encoding is named", error);
  }
}

function known(charset: string): void {
  if (!isCharset(charset)) throw invalid(`There is no charset ${shown(charset)}`);
}

function missingFrom(charset: string, text: string): string {
  for (const character of text) {
    if (iconv().decode(iconv().encode(character, charset), charset, { stripBOM: false }) === character) continue;
    return `The character ${characterAt(character, 0)}`;
  }
  return "A character";
}

let loaded: typeof import("iconv-lite") | undefined;

/** Loaded at the first use: its tables take long to load, and most users need UTF-8 only. */
function iconv(): typeof import("iconv-lite") {
  loaded ??= require("iconv-lite") as typeof import("iconv-lite"); // eslint-disable-line @typescript-eslint/no-require-imports -- see above
  return loaded;
}
