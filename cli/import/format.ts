import iconv from "iconv-lite";
import type { Settings } from "./settings";
import { flagOf } from "./values";

/** How content is read or written. */
export interface FormatPart {
  format: "auto" | "json" | "xml" | "delimited" | "text" | "buffer";
  /** The options that differ from the defaults. */
  options: Record<string, unknown>;
  /** Whether a message that is read holds a list of records. */
  list: boolean;
  /** XML: names of the elements that lead to the record or the records, the outermost first; `undefined` for a name that is not known. */
  path: (string | undefined)[];
  /** Delimited text: its columns, in order. Empty when they are not known. */
  columns: string[];
}

const TYPES: readonly (readonly [RegExp, FormatPart["format"], delimiter?: string])[] = [
  [/tsv|tab/i, "delimited", "\t"],
  [/psv|pipe/i, "delimited", "|"],
  [/csv|delim|separated|dsv|flat/i, "delimited"],
  [/json/i, "json"],
  [/xml|soap/i, "xml"],
  [/^(plain|text|string|text\/plain)$/i, "text"],
  [/^(auto|any|default)$/i, "auto"],
  [/binary|bytes|buffer|octet|raw|none/i, "buffer"],
];

const DELIMITERS: Readonly<Record<string, string>> = {
  comma: ",", semicolon: ";", semi: ";", tab: "\t", tabulator: "\t", pipe: "|", bar: "|", space: " ", blank: " ", colon: ":", caret: "^", tilde: "~", hash: "#", "\\t": "\t", "\\x09": "\t", "\\u0009": "\t", "\\|": "|",
};

/** Returns the properties for a node that reads or writes content. */
export function formatProperties({ format, options }: FormatPart): Record<string, unknown> {
  return { format: format === "auto" ? undefined : format, formatOptions: options };
}

/** Reads the format of a file. @param writing whether the flow writes the content; else it reads it */
export function readFormat(settings: Settings, writing: boolean): FormatPart {
  const { format, delimiter } = readType(settings);
  const part: FormatPart = { format, options: {}, list: false, path: [], columns: [] };
  if (format === "delimited") readDelimited(settings, part, delimiter, writing);
  if (format === "xml") readXml(settings, part, writing);
  if (["delimited", "xml", "text"].includes(format)) readEncoding(settings, part);
  if (!writing) part.list ||= settings.flag("format.records") === true;
  return part;
}

function readType(settings: Settings): { format: FormatPart["format"]; delimiter?: string } {
  const name = settings.text("format.type");
  if (name === undefined) {
    if (settings.has("format.delimiter") || settings.has("format.quote")) return { format: "delimited" };
    return { format: settings.has("format.root") || settings.has("format.row") ? "xml" : "auto" };
  }
  if (/fixed|jsonl|ndjson|json.?lines|yaml|avro|proto|msgpack|edi/i.test(name)) {
    settings.note("format.type", "a format that the nodes do not read or write: the content is left as it is, for a function node");
    return { format: "buffer" };
  }
  const [, format, delimiter] = TYPES.find(([pattern]) => pattern.test(name)) ?? [];
  if (format) return delimiter === undefined ? { format } : { format, delimiter };
  settings.note("format.type", "a format that is not known; left to be told by the content");
  return { format: "auto" };
}

function readDelimited(settings: Settings, part: FormatPart, byType: string | undefined, writing: boolean): void {
  const delimiter = readDelimiter(settings) ?? byType;
  if (delimiter !== undefined) part.options.delimiter = delimiter;
  const quote = settings.verbatim("format.quote")?.trim();
  if (quote !== undefined) {
    const none = quote === "" || flagOf(quote) === false;
    const sign = none ? "" : /^(double|single)/i.test(quote) ? (/^d/i.test(quote) ? '"' : "'") : quote;
    if (sign.length > 1 || (sign !== "" && (delimiter ?? ",").includes(sign))) settings.note("format.quote", "one character is expected, and another than the delimiter; left at its default", "dropped");
    else part.options.quote = sign;
  }
  part.columns = settings.words("format.columns");
  const header = settings.flag("format.header");
  if (part.columns.length > 0) part.options.columns = part.columns;
  part.options.header = header ?? (!writing && part.columns.length === 0);
  part.list = true;
}

function readDelimiter(settings: Settings): string | undefined {
  const written = settings.verbatim("format.delimiter");
  if (written === undefined) return undefined;
  const word = DELIMITERS[written.trim().toLowerCase()];
  const sign = word ?? (written.trim() || written);
  if (sign !== "" && !/[\r\n]/.test(sign) && sign.length <= 10) return sign;
  settings.note("format.delimiter", "one or a few characters without a line break are expected; left at its default", "dropped");
  return undefined;
}

/** Matches names that XML allows, except for some rare characters of Unicode. */
const XML_NAME = /^[\p{L}_][\p{L}\p{N}._:-]*$/u;

function readXml(settings: Settings, part: FormatPart, writing: boolean): void {
  const name = (key: "format.root" | "format.row"): string | undefined => {
    const text = settings.text(key);
    if (text === undefined || XML_NAME.test(text)) return text;
    settings.note(key, "no XML element can be called that; left out", "dropped");
    return undefined;
  };
  const root = name("format.root");
  const row = name("format.row");
  if (root !== undefined) part.options.rootElement = root;
  if (row !== undefined) part.options.rowElement = row;
  const prefix = settings.text("format.attributePrefix");
  if (prefix !== undefined) part.options.attributePrefix = prefix;
  const arrays = settings.words("format.arrays");
  if (writing) return;
  part.path = row === undefined ? [root] : [root, row];
  part.list = row !== undefined;
  part.options.arrays = row === undefined || arrays.includes(row) ? arrays : [...arrays, row];
}

function readEncoding(settings: Settings, part: FormatPart): void {
  const encoding = settings.text("format.encoding");
  if (encoding === undefined) return;
  if (iconv.encodingExists(encoding)) part.options.encoding = encoding;
  else settings.note("format.encoding", "an encoding that is not known; left at UTF-8", "dropped");
}
