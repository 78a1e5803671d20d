/** How content is read and written. Each format ignores the options that it has no use for. */
export interface FormatOptions {
  /** Delimited text: what stands between two fields, one or more characters. Default `,`. */
  delimiter: string;
  /** Delimited text: the character around fields that hold a delimiter, a quote or a line break; empty for none. Default `"`. */
  quote: string;
  /** Delimited text: whether the first line holds the names of the columns. Default true. */
  header: boolean;
  /** Delimited text: the columns, in order. Default: none, which means those of the header or, when writing, those of the objects. */
  columns: readonly string[];
  /**
   * Text, XML and delimited text: a charset, such as `windows-1252`. It is used even if the content names another one. Default: empty, which means the charset that
   * the content names, or else UTF-8.
   */
  encoding: string;
  /** XML, when writing: name of the root element if the payload does not give one. Default `root`. */
  rootElement: string;
  /** XML, when writing: name of the elements of a list that has no name. Default `row`. */
  rowElement: string;
  /** XML: the beginning of the names of properties that are attributes. Default `@`. */
  attributePrefix: string;
  /** XML, when reading: names of elements, or paths such as `orders/order`, that become a list even if there is only one. Default: none. */
  arrays: readonly string[];
}

/** The {@link FormatOptions} of a new node. */
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
