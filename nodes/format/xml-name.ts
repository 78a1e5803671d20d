/** Elements within elements at most, read and written. */
export const MAX_DEPTH = 100;

/** A property for the text of an element that has attributes or elements as well. */
export const TEXT = "#text";

/** XML 1.0 §2.3, without what stands beyond the first 65,536 characters, which our reader does not take. */
const START = ":A-Za-z_\\u00C0-\\u00D6\\u00D8-\\u00F6\\u00F8-\\u02FF\\u0370-\\u037D\\u037F-\\u1FFF\\u200C-\\u200D\\u2070-\\u218F\\u2C00-\\u2FEF\\u3001-\\uD7FF\\uF900-\\uFDCF\\uFDF0-\\uFFFD";
const NAME = new RegExp(`^[${START}][\\u0300-\\u036F${START}\\-.\\d\\u00B7\\u203F-\\u2040]*$`);

/** Whether an element or attribute may be called so. */
export function isXmlName(name: string): boolean {
  return NAME.test(name);
}
