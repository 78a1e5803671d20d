import { XMLParser, XMLValidator } from "fast-xml-parser";

/** An element of a request, without namespaces. */
export interface XmlElement {
  /** Local name. */
  name: string;
  /** By local name; values as written. */
  attributes: Record<string, string>;
  /** The text directly in it, untrimmed. */
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
  htmlEntities: true, // also what makes it read &#38;
});

/** The root element of a document, or undefined when it is not well-formed or goes beyond what the parser bears. A document type is refused, as the org does. */
export function parseXml(text: string): XmlElement | undefined {
  if (/<!DOCTYPE/i.test(text) || XMLValidator.validate(text) !== true) return undefined;
  try {
    return elements(parser.parse(text) as Ordered[])[0];
  } catch {
    // Nested too deep, or a name the parser will not make a property of.
    return undefined;
  }
}

/** The first child of that name. */
export function child(element: XmlElement | undefined, name: string): XmlElement | undefined {
  return element?.children.find((one) => one.name === name);
}

/** The trimmed text of the first child of that name; undefined when there is none, or it says `xsi:nil`. */
export function childText(element: XmlElement | undefined, name: string): string | undefined {
  const found = child(element, name);
  return found && found.attributes["nil"] !== "true" ? found.text.trim() : undefined;
}

/** `value` as content of an element or a quoted attribute. */
export function escapeXml(value: string | number | boolean): string {
  return String(value).replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** `<name>value</name>`, or nil for null. */
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
