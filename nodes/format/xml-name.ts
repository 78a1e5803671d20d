/** How deep elements may be nested, when reading and when writing. */
export const MAX_DEPTH = 100;

/** The property that holds the text of an element which has attributes or elements, too. */
export const TEXT = "#text";

/** How names may begin (XML 1.0 §2.3), without the characters beyond U+FFFF, which the parser does not accept in names. */
const START = ":A-Za-z_\\u00C0-\\u00D6\\u00D8-\\u00F6\\u00F8-\\u02FF\\u0370-\\u037D\\u037F-\\u1FFF\\u200C-\\u200D\\u2070-\\u218F\\u2C00-\\u2FEF\\u3001-\\uD7FF\\uF900-\\uFDCF\\uFDF0-\\uFFFD";
const NAME = new RegExp(`^[${START}][\\u0300-\\u036F${START}\\-.\\d\\u00B7\\u203F-\\u2040]*$`);

/** Whether an element or attribute may have this name. */
export function isXmlName(name: string): boolean {
  return NAME.test(name);
}
