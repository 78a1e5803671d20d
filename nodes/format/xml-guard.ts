import { ConnectorError } from "../common/errors";
import { characterAt, invalid, shown } from "./content-error";

/** The most characters of XML that are read. The parser takes 0.4 to 1 s for 1 MiB, and the process does nothing else meanwhile. */
const MAX_XML = 4 * 1024 * 1024;

/** The most tags, attributes, references and so on that are read; each `=` in text counts, too. The parser takes up to 20 µs for each. */
const MAX_MARKUP = 200_000;

/** Characters that XML 1.0 does not allow (§2.2), not even as a reference. */
export const UNSPEAKABLE = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|\p{Surrogate}/u;

const NAMED: Readonly<Record<string, string>> = { lt: "<", gt: ">", amp: "&", quot: '"', apos: "'" };

/** All that has rules of its own, and every other `<` and `=`. Alternatives with an end come before those that match where the end is missing. */
const TOKEN = /<!--[^]*?-->|<!\[CDATA\[[^]*?\]\]>|<\?[^]*?\?>|<!DOCTYPE\s[^[\]<>]*>|<[!?]|[<=]|&(?:#?\w{1,32};)?/g;

/**
 * Refuses what the parser would accept or misread: entities that the document defines (they can multiply, or read files), unknown entities, characters that are not
 * allowed, comments without an end. A DOCTYPE that only names a DTD is skipped; nothing is ever fetched.
 *
 * @returns the text without DOCTYPE, comments and processing instructions
 * @throws ConnectorError `FORMAT_INVALID` with line and column, `PAYLOAD_TOO_LARGE`
 */
export function checkXml(text: string): string {
  if (text.length > MAX_XML) throw new ConnectorError("PAYLOAD_TOO_LARGE", `The XML has ${text.length} characters; ${MAX_XML} is the most that is read`);
  const unspeakable = UNSPEAKABLE.exec(text);
  if (unspeakable) throw misplaced(text, unspeakable.index, `the character ${characterAt(text, unspeakable.index)} is not allowed`);
  let markup = 0;
  let within = false;
  let kept = "";
  let from = 0;
  for (const { 0: token, index } of text.matchAll(TOKEN)) {
    markup += 1;
    if (markup > MAX_MARKUP) throw new ConnectorError("PAYLOAD_TOO_LARGE", `The XML has more than ${MAX_MARKUP} tags, attributes and references`);
    if (token === "<") within = true;
    else if (token === "=") continue;
    else if (token.startsWith("&")) checkReference(text, token, index);
    else if (token === "<?") throw misplaced(text, index, "a processing instruction has no end");
    else if (token === "<!") throw misplaced(text, index, within ? "a comment or CDATA section has no end" : "a DOCTYPE with declarations, or a comment without end: neither is read");
    else if (token.startsWith("<!D") && within) throw misplaced(text, index, "a DOCTYPE stands within the document");
    else if (!token.startsWith("<![")) {
      kept += text.slice(from, index);
      from = index + token.length;
    }
  }
  return from === 0 ? text : kept + text.slice(from);
}

/** Replaces the references in text that {@link checkXml} has checked. */
export function decodeEntities(text: string): string {
  if (!text.includes("&")) return text;
  return text.replace(/&(#?\w+);/g, (_reference, name: string) => NAMED[name] ?? String.fromCodePoint(codePoint(name)));
}

function checkReference(text: string, token: string, index: number): void {
  const name = token.slice(1, -1);
  if (Object.hasOwn(NAMED, name)) return;
  if (/^#(\d{1,9}|x[\da-fA-F]{1,7})$/.test(name)) {
    const code = codePoint(name);
    if (code > 0 && code <= 0x10ffff && !UNSPEAKABLE.test(String.fromCodePoint(code))) return;
  }
  throw misplaced(text, index, token === "&" ? "an & that begins no reference" : `the entity ${token} is unknown`);
}

function codePoint(name: string): number {
  return name[1] === "x" ? Number.parseInt(name.slice(2), 16) : Number(name.slice(1));
}

function misplaced(text: string, index: number, what: string): ConnectorError {
  const before = text.slice(0, index).split(/\r\n?|\n/);
  return invalid(`Not XML: line ${before.length}, column ${(before.at(-1) ?? "").length + 1}: ${shown(what)}`);
}
