import type { Slices } from "../common/slices";
import { characterAt, invalid, shown } from "./content-error";

/** Bytes that are read in one go where reading is cut into slices: with quotes, a parser takes some 6 ms for them. */
const PIECE = 32 * 1024;
/** Also as Python and iconv-lite call it, which reads what is no UTF-8 as U+FFFD, in silence. */
const UTF8 = /^(utf[-_ ]?8|unicode-?1-?1-?utf-?8)$/i;
/** Half of a pair: no character. */
const HALF = /\p{Surrogate}/u;
/** What iconv-lite knows beside charsets: ways to write bytes as text. */
const NO_CHARSET = /^(base64|hex|binary|internal)$/i;
/** Charsets that can say every character, so that a U+FFFD in them may have been sent. */
const UNICODE = /^(utf|ucs|unicode)/i;
const REPLACEMENT = "\ufffd";

const utf8 = new TextDecoder("utf-8", { fatal: true });
/** A byte order mark that is not at the beginning is a character. */
const utf8Within = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Whether text in UTF-8 is meant, which is what no charset means. */
export function isUtf8(charset: string | undefined): boolean {
  return !charset || UTF8.test(charset);
}

/** Whether text can be read from and written to this charset. */
export function isCharset(name: string): boolean {
  return isUtf8(name) || (!NO_CHARSET.test(name) && iconv().encodingExists(name));
}

/**
 * Bytes as text, without a byte order mark.
 *
 * @param charset default UTF-8
 * @throws ConnectorError `FORMAT_INVALID` when the charset is unknown or the bytes are none of its text
 */
export function decodeText(content: Buffer, charset?: string): string {
  if (!charset || UTF8.test(charset)) return decodeUtf8(content);
  known(charset);
  const text = iconv().decode(content, charset);
  checkDecoded(text, charset, content);
  return text;
}

/**
 * The same in slices, so that the event loop is not kept from other work.
 *
 * @param stopped asked after each slice: nobody wants the text any more
 * @returns the text in pieces, none of which ends between CR and LF, or `undefined` when it was stopped
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

/** Cut between characters: a decoder that goes on from piece to piece takes four times as long. */
function* utf8Pieces(content: Buffer): Generator<string> {
  let at = 0;
  while (at < content.length) {
    let end = at + PIECE;
    for (let back = 0; back < 3 && isWithinCharacter(content[end]); back += 1) end -= 1;
    yield decodeUtf8(content.subarray(at, end), at === 0 ? utf8 : utf8Within);
    at = end;
  }
}

/** @param byte of UTF-8 */
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
 * Text as bytes.
 *
 * @param charset default UTF-8
 * @throws ConnectorError `FORMAT_INVALID` when the charset is unknown or has not all of the characters, and for half of a character
 */
export function encodeText(text: string, charset?: string): Buffer {
  if (!text.isWellFormed()) throw invalid(`The text holds half of a character, ${characterAt(text, text.search(HALF))}, which no charset has`);
  if (!charset || UTF8.test(charset)) return Buffer.from(text);
  known(charset);
  const content = iconv().encode(text, charset);
  // what a charset does not have becomes a question mark in silence
  if (!UNICODE.test(charset) && iconv().decode(content, charset, { stripBOM: false }) !== text) throw invalid(`${missingFrom(charset, text)} is not in ${charset}`);
  return content;
}

/** The charset that a byte order mark tells of. */
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

/** Only who needs another charset than UTF-8 waits for the tables of all. */
function iconv(): typeof import("iconv-lite") {
  loaded ??= require("iconv-lite") as typeof import("iconv-lite"); // eslint-disable-line @typescript-eslint/no-require-imports -- loaded when it is needed
  return loaded;
}
