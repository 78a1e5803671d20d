import { XMLParser, XMLValidator } from "fast-xml-parser";

/** An element of a request, without namespaces. */
export interface XmlElement {
  /** Local name. */
  name: string;
  /** Attributes by local name. The values are as written. */
  attributes: Record<string, string>;
  /** The text directly in the element, not trimmed. */
  text: string;
  children: XmlElement[];
}

type Ordered = Record<string, unknown>;

const ATTRIBUTES = ":@";
const TEXT = "#text";

const parser = new XMLParser({
  preserveOrder: true,
  ignoreAttributes: false,
  attributeNamePrefix: "",
  removeNSPrefix: true,
  parseTagValue: false,
  parseAttributeValue: false,
  trimValues: false,
  ignoreDeclaration: true,
  htmlEntities: true, // without this, it does not read &#38; either
});

/** Returns the root element of a document; `undefined` if the document is not well-formed, cannot be parsed, or has a document type, which the org refuses, too. */
export function parseXml(text: string): XmlElement | undefined {
  if (/<!DOCTYPE/i.test(text) || XMLValidator.validate(text) !== true) return undefined;
  try {
    return elements(parser.parse(text) as Ordered[])[0];
  } catch {
    // The document is nested too deep, or has a name that the parser does not accept as a property.
    return undefined;
  }
}

/** Returns the first child with this name. */
export function child(element: XmlElement | undefined, name: string): XmlElement | undefined {
  return element?.children.find((one) => one.name === name);
}

/** Returns the trimmed text of the first child with this name; `undefined` if there is none or it is nil. */
export function childText(element: XmlElement | undefined, name: string): string | undefined {
  const found = child(element, name);
  return found && found.attributes["nil"] !== "true" ? found.text.trim() : undefined;
}

/** Escapes a value for the content of an element or for a quoted attribute. */
export function escapeXml(value: string | number | boolean): string {
  return String(value).replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** Returns `<name>value</name>`, or a nil element for null and `undefined`. */
export function tag(name: string, value: string | number | boolean | null | undefined): string {
  return value === null || value === undefined ? `<${name} xsi:nil="true"/>` : `<${name}>${escapeXml(value)}</${name}>`;
}

function elements(nodes: Ordered[]): XmlElement[] {
  return nodes.flatMap((node) => {
    const name = Object.keys(node).find((key) => key !== ATTRIBUTES && key !== TEXT && !key.startsWith("?"));
    if (name === undefined) return [];
    const content = node[name] as Ordered[];
    const text = content.map((one) => (one[TEXT] === undefined ? "" : String(one[TEXT]))).join("");
    return [{ name, attributes: (node[ATTRIBUTES] ?? {}) as Record<string, string>, text, children: elements(content) }];
  });
}
