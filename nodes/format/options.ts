/** How a payload is read from or written to the formats that have a choice. What a format does not use is ignored. */
export interface FormatOptions {
  /** Delimited text: what stands between two fields, one or more characters. Default `,`. */
  delimiter: string;
  /** Delimited text: the character around fields that hold a delimiter, a quote or a line break; empty for none. Default `"`. */
  quote: string;
  /** Delimited text: whether the first line holds the names of the columns. Default true. */
  header: boolean;
  /** Delimited text: the columns, in order. Default none: those of the header or, when writing, of the objects. */
  columns: readonly string[];
  /**
   * Text, XML and delimited text: a charset, as `windows-1252`. It holds whatever the content says of itself. Default empty: what the
   * content says, else UTF-8.
   */
  encoding: string;
  /** XML, written: name of the root when the payload does not give one. Default `root`. */
  rootElement: string;
  /** XML, written: name of the elements of a list that has no name of its own. Default `row`. */
  rowElement: string;
  /** XML: what a property's name begins with when it is an attribute. Default `@`. */
  attributePrefix: string;
  /** XML, read: elements that are lists even when there is one of them only: their names, or paths as `orders/order`. Default none. */
  arrays: readonly string[];
}

/** {@link FormatOptions} of a node where nothing was changed. */
export const DEFAULT_OPTIONS: FormatOptions = {
  delimiter: ",",
  quote: '"',
  header: true,
  columns: [],
  encoding: "",
  rootElement: "root",
  rowElement: "row",
  attributePrefix: "@",
  arrays: [],
};
