import { escapeXml } from "./xml";

/** The result of an operation, or a part of it. For a list, the element is repeated. */
export type XmlValue = string | number | boolean | null | undefined | XmlValue[] | { [name: string]: XmlValue } | RawXml;

/** A value that is XML already. */
export class RawXml {
  constructor(readonly text: string) {}
}

/** Returns an element with this name: nil for null, none for `undefined`, one for each item of a list. */
function toXml(name: string, value: XmlValue): string {
  if (value === undefined) return "";
  if (value === null) return `<${name} xsi:nil="true"/>`;
  if (Array.isArray(value)) return value.map((item) => toXml(name, item)).join("");
  if (value instanceof RawXml) return value.text;
  if (typeof value === "object") return `<${name}>${contentOf(value)}</${name}>`;
  return `<${name}>${escapeXml(value)}</${name}>`;
}

function contentOf(value: { [name: string]: XmlValue }): string {
  return Object.entries(value)
    .map(([key, item]) => toXml(key, item))
    .join("");
}

/** Returns `<result>…</result>`, once for each item of a list. */
export function result(value: XmlValue): string {
  return toXml("result", value);
}
