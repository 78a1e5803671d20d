import type { Key } from "./key-table";

const NOT_BY_THE_FORMAT = "values are carried over as they are: convert them in the statement, or with a change node";

/** The keys of the section *format*. */
export const FORMAT_KEYS = {
  "format.type": {
    aliases: ["format", "name", "kind", "syntax", "style", "messageFormat", "contentFormat"],
    means: "`delimited` (`csv`, `tsv`), `json`, `xml` or `text`",
    lands: "Content of amqp in, get or out",
  },
  "format.delimiter": {
    aliases: ["separator", "fieldDelimiter", "fieldSeparator", "columnDelimiter", "columnSeparator", "sep", "delim"],
    means: "what stands between two fields: the character, `\\t`, or `comma`, `semicolon`, `tab`, `pipe`, `space`",
    lands: "Content: Delimiter",
  },
  "format.quote": { aliases: ["quoteChar", "quoteCharacter", "textQualifier", "enclosure", "quotation"], means: "what stands around a field; blank for nothing", lands: "Content: Quote" },
  "format.header": {
    aliases: ["hasHeader", "headers", "headerLine", "headerRow", "includeHeader", "withHeader", "firstLineIsHeader", "firstRowIsHeader"],
    means: "the first line names the columns",
    lands: "Content: Header",
  },
  "format.columns": { aliases: ["fields", "columnNames", "fieldNames", "fieldOrder", "order"], means: "names of the columns, in order", lands: "Content: Columns" },
  "format.encoding": { aliases: ["charset", "characterSet", "characterEncoding", "codepage"], means: "character encoding", lands: "Content: Encoding" },
  "format.root": {
    aliases: ["rootElement", "rootName", "rootTag", "rootNode", "documentElement"],
    means: "outermost XML element",
    lands: "Content: Root",
  },
  "format.row": {
    aliases: ["rowElement", "rowName", "rowTag", "record", "recordElement", "recordName", "recordTag", "item", "itemElement", "element"],
    means: "XML element of one row",
    lands: "Content: Rows",
  },
  "format.attributePrefix": { aliases: ["attribute", "attributes", "attrPrefix"], means: "what stands before the name of an XML attribute", lands: "Content: Attributes" },
  "format.arrays": { aliases: ["lists", "arrayElements", "forceArray", "repeated"], means: "XML elements that are lists even when there is one", lands: "Content: Always lists" },
  "format.records": {
    aliases: ["multiple", "multi", "list", "isArray", "array", "recordsPerMessage", "multipleRecords"],
    means: "a message holds a list of records, each of which is written",
    lands: "sql write: For each, or a split node before it",
  },
  "format.contentType": { aliases: ["mimeType", "mime"], means: "content type of what is sent", lands: "amqp out: Properties" },
  "format.escape": { aliases: ["escapeChar", "escapeCharacter"], means: "character before a quote within a field", lands: "a quote within a field is doubled", dropped: true },
  "format.lineSeparator": {
    aliases: ["lineDelimiter", "lineEnding", "lineTerminator", "recordDelimiter", "recordSeparator", "rowDelimiter", "rowSeparator", "newline", "eol"],
    means: "what stands between two lines",
    lands: "every kind of line break is read; a line feed is written",
    dropped: true,
  },
  "format.pretty": { aliases: ["indent", "indentation", "prettyPrint", "declaration", "xmlDeclaration", "standalone", "trim", "skipEmptyLines"], means: "looks of the text", lands: "it makes no difference to who reads it", dropped: true },
  "format.dateFormat": {
    aliases: ["datePattern", "timestampFormat", "timestampPattern", "timeFormat", "numberFormat", "numberPattern", "decimalSeparator", "locale", "nullValue", "nullString", "booleanFormat"],
    means: "how dates, numbers and missing values are written",
    lands: NOT_BY_THE_FORMAT,
    dropped: true,
  },
  "format.namespace": {
    aliases: ["namespaces", "xmlns", "xpath", "xslt", "stylesheet", "xsd", "schema", "schemaFile", "validate", "jsonPath", "path"],
    means: "namespaces, paths, schemas and transformations",
    lands: "use a change or function node with the message as it was read",
    object: true,
    dropped: true,
  },
} as const satisfies Record<string, Key>;
