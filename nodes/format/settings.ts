import { textIn, withValue } from "../common/environment";
import { ConnectorError } from "../common/errors";
import { oneOf } from "../common/one-of";
import { isCharset } from "./charset";
import { FORMATS, type Format } from "./format";
import { DEFAULT_OPTIONS, type FormatOptions } from "./options";
import { isXmlName } from "./xml-name";

/** What the editor saves about a format. Booleans are text if they come from an environment variable. */
export interface FormatDef {
  format?: string;
  formatOptions?: {
    delimiter?: string;
    quote?: string;
    header?: boolean | string;
    columns?: string[];
    encoding?: string;
    rootElement?: string;
    rowElement?: string;
    attributePrefix?: string;
    arrays?: string[];
  };
}

/** A format and its options, checked, with all defaults filled in. */
export interface FormatSettings {
  format: Format;
  formatOptions: FormatOptions;
}

/**
 * Reads how a node reads or writes content. Options that none of its formats uses are not checked.
 *
 * @param other formats that have the same options
 * @throws ConnectorError `NOT_CONFIGURED`
 */
export function readFormat(def: FormatDef, ...other: Format[]): FormatSettings {
  const format = readFormatName(def.format);
  const used = new Set<Format>([format, ...other]);
  const saved = def.formatOptions ?? {};
  const options = { ...DEFAULT_OPTIONS };
  if (used.has("delimited")) readDelimitedOptions(saved, options);
  if (used.has("xml")) readXmlOptions(saved, options);
  if (used.has("xml") || used.has("delimited") || used.has("text")) {
    options.encoding = textIn(saved.encoding);
    if (!isCharset(options.encoding)) throw wrong(`There is no encoding ${options.encoding}`);
  }
  return { format, formatOptions: options };
}

/** Reads the name of a format in a saved flow; blank means `auto`. @throws ConnectorError `NOT_CONFIGURED` for an unknown name */
export function readFormatName(value: string | undefined, label = "Content"): Format {
  return oneOf(value, label, FORMATS, "auto");
}

function readDelimitedOptions(saved: NonNullable<FormatDef["formatOptions"]>, options: FormatOptions): void {
  const { delimiter = DEFAULT_OPTIONS.delimiter, quote = DEFAULT_OPTIONS.quote, header = DEFAULT_OPTIONS.header } = saved;
  // in a form, the tab key leaves the field
  options.delimiter = withValue(delimiter).replaceAll("\\t", "\t");
  options.quote = withValue(quote);
  options.header = header === true || header === "true";
  options.columns = names(saved.columns);
  if (options.delimiter === "" || /[\r\n]/.test(options.delimiter)) throw wrong("The delimiter must be one or more characters, and no line break");
  if (options.quote.length > 1 || /[\r\n]/.test(options.quote)) throw wrong("The quote must be one character, or none");
  if (options.quote !== "" && options.delimiter.includes(options.quote)) throw wrong("The quote must not stand in the delimiter");
  const twice = options.columns.find((name, index) => options.columns.indexOf(name) !== index);
  if (twice !== undefined) throw wrong(`The column ${twice} is named twice`);
}

function readXmlOptions(saved: NonNullable<FormatDef["formatOptions"]>, options: FormatOptions): void {
  options.rootElement = textIn(saved.rootElement) || DEFAULT_OPTIONS.rootElement;
  options.rowElement = textIn(saved.rowElement) || DEFAULT_OPTIONS.rowElement;
  options.attributePrefix = withValue(saved.attributePrefix) || DEFAULT_OPTIONS.attributePrefix;
  options.arrays = names(saved.arrays);
  for (const name of [options.rootElement, options.rowElement]) if (!isXmlName(name)) throw wrong(`No XML element can be called ${name}`);
}

function names(list: string[] | undefined): string[] {
  return (Array.isArray(list) ? list : []).map(textIn).filter(Boolean);
}

function wrong(text: string): ConnectorError {
  return new ConnectorError("NOT_CONFIGURED", text);
}
