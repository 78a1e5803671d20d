import { isPlain } from "../common/is-plain";
import { characterAt, invalid, shown } from "./content-error";
import type { FormatOptions } from "./options";
import { valueText } from "./value-text";
import { UNSPEAKABLE } from "./xml-guard";
import { isXmlName, MAX_DEPTH, TEXT } from "./xml-name";

/** The {@link FormatOptions} that matter when XML is written. */
export type XmlWriting = Pick<FormatOptions, "rootElement" | "rowElement" | "attributePrefix" | "encoding">;

/**
 * Writes a value as XML, the inverse of `readXml`. If it is an object with exactly one property, and that is not a list, the property is the root element; everything
 * else is put into `rootElement`. A list repeats its element; one without a name, at the top or within a list, repeats `rowElement`. Properties that begin with
 * `attributePrefix` are attributes, `#text` is text. Null becomes an empty element, undefined none, a date ISO 8601, bytes base64.
 *
 * @throws ConnectorError `FORMAT_INVALID`, naming the element, for a name that no element can have and for characters that XML does not allow
 */
export function writeXml(value: unknown, options: XmlWriting): string {
  const parts = [`<?xml version="1.0" encoding="${options.encoding || "UTF-8"}"?>\n`];
  new XmlWriter(options, parts).document(value);
  return parts.join("");
}

class XmlWriter {
  /** Names that were checked already, since rows repeat theirs. */
  private readonly known = new Set<string>();

  constructor(
    private readonly options: XmlWriting,
    private readonly parts: string[],
  ) {}

  document(given: unknown): void {
    const value = plain(given);
    const properties = isPlain(value) ? Object.entries(value).filter(([, part]) => part !== undefined) : [];
    const [only] = properties;
    const root = properties.length === 1 && only && !this.isAttribute(only[0]) && only[0] !== TEXT && !Array.isArray(plain(only[1])) ? only : undefined;
    if (root) this.element(root[0], root[1], 0);
    else this.element(this.options.rootElement, Array.isArray(value) ? { [this.options.rowElement]: value } : value, 0);
  }

  /** Writes an element, or one for each item of a list. */
  private elements(name: string, given: unknown, depth: number): void {
    const value = plain(given);
    if (!Array.isArray(value)) this.element(name, value, depth);
    else for (const item of value) this.element(name, Array.isArray(item) ? { [this.options.rowElement]: item } : item, depth);
  }

  private element(name: string, given: unknown, depth: number): void {
    if (depth >= MAX_DEPTH) throw invalid(`The payload is nested deeper than ${MAX_DEPTH}, or holds itself, and cannot be written as XML`);
    this.checkName(name);
    const value = plain(given);
    this.parts.push("<", name);
    if (isPlain(value)) return this.content(name, value, depth);
    const text = this.text(name, value);
    if (text === "") this.parts.push("/>");
    else this.parts.push(">", text, "</", name, ">");
  }

  private content(name: string, value: Record<string, unknown>, depth: number): void {
    const inner: [string, unknown][] = [];
    for (const [key, part] of Object.entries(value)) {
      if (part === undefined) continue;
      if (this.isAttribute(key)) this.attribute(key.slice(this.options.attributePrefix.length), plain(part));
      else inner.push([key, part]);
    }
    const begun = this.parts.push(">");
    for (const [key, part] of inner) {
      if (key !== TEXT) this.elements(key, part, depth + 1);
      else if (part !== "") this.parts.push(this.text(name, plain(part)));
    }
    if (this.parts.length > begun) this.parts.push("</", name, ">");
    else this.parts[begun - 1] = "/>";
  }

  private attribute(name: string, value: unknown): void {
    this.checkName(name);
    const text = this.text(name, value).replace(/["\t\n]/g, (character) => (character === '"' ? "&quot;" : `&#${character.charCodeAt(0)};`));
    this.parts.push(" ", name, '="', text, '"');
  }

  /** @param name of the element or attribute, for errors */
  private text(name: string, value: unknown): string {
    const text = valueText(value);
    if (text === undefined) throw invalid(`${shown(name)} holds an object or a list, where XML can only have text`);
    const bad = UNSPEAKABLE.exec(text);
    if (bad) throw invalid(`${shown(name)} holds the character ${characterAt(text, bad.index)}, which XML cannot carry`);
    // a bare carriage return would be read as a line feed
    return /[<>&\r]/.test(text) ? text.replace(/[<>&\r]/g, (character) => ESCAPES[character] ?? character) : text;
  }

  private isAttribute(key: string): boolean {
    const { attributePrefix } = this.options;
    return key.length > attributePrefix.length && key.startsWith(attributePrefix);
  }

  private checkName(name: string): void {
    if (this.known.has(name)) return;
    if (!isXmlName(name)) throw invalid(`No XML element or attribute can be called ${name === "" ? "by an empty name" : JSON.stringify(shown(name))}`);
    this.known.add(name);
  }
}

const ESCAPES: Readonly<Record<string, string>> = { "<": "&lt;", ">": "&gt;", "&": "&amp;", "\r": "&#13;" };

/** The plain value of an object that has a `toJSON`, as JSON would ask for it. */
function plain(value: unknown): unknown {
  if (typeof value !== "object" || value === null || value instanceof Uint8Array || value instanceof Date) return value;
  const { toJSON } = value as { toJSON?: unknown };
  return typeof toJSON === "function" ? (toJSON.call(value) as unknown) : value;
}
