import { XMLParser, XMLValidator } from "fast-xml-parser";
import { type ConnectorError, errorText } from "../common/errors";
import { invalid, shown } from "./content-error";
import type { FormatOptions } from "./options";
import { checkXml, decodeEntities } from "./xml-guard";
import { MAX_DEPTH, TEXT } from "./xml-name";

/** The {@link FormatOptions} that matter when XML is read. */
export type XmlReading = Pick<FormatOptions, "attributePrefix" | "arrays">;

const CDATA = "#cdata";
const ATTRIBUTES = ":@";
/** Put before the names of attributes in the parser's tree, so that none of them is a name that the parser refuses as dangerous. */
const MARK = "@";

/** How a document must end, from its last `<`: with one tag and nothing behind it. */
const LAST_TAG = /^<(?:[^"'<>]|"[^"]*"|'[^']*')*>\s*$/;

/** An element, a text or a CDATA section of the parser's tree: its content under its name. */
type TreeNode = Record<string, TreeNode[] | string | Record<string, string>>;

const parser = (): XMLParser =>
  new XMLParser({
    preserveOrder: true,
    ignoreAttributes: false,
    attributeNamePrefix: MARK,
    textNodeName: TEXT,
    cdataPropName: CDATA,
    parseTagValue: false,
    parseAttributeValue: false,
    trimValues: false,
    processEntities: false, // checkXml has checked them; decodeEntities replaces them, and not in CDATA
    maxNestedTags: MAX_DEPTH,
    jPath: false,
    onDangerousProperty: (name) => name,
  });

/**
 * Reads XML to an object with one property, the root element. An element that has neither attributes nor elements becomes its text. Any other becomes an object of
 * its attributes, its elements (several of the same name become a list), and its text as {@link TEXT}. All values are text. Blank text between elements, comments and
 * processing instructions are skipped.
 *
 * @throws ConnectorError `FORMAT_INVALID` with line and column; `PAYLOAD_TOO_LARGE` for what would keep the parser busy for too long
 */
export function readXml(text: string, options: XmlReading): unknown {
  const source = checkXml(text);
  const checked = XMLValidator.validate(text);
  if (checked !== true) throw invalid(`Not XML: line ${checked.err.line}, column ${checked.err.col ?? 1}: ${shown(checked.err.msg)}`);
  let tree: TreeNode[];
  try {
    tree = parser().parse(source) as TreeNode[];
  } catch (error) {
    throw invalid(`Not XML that is read here: ${explain(error)}`, error);
  }
  const value = new TreeReader(options).read(tree);
  // neither the validator nor the parser objects to text behind a root that is an empty element
  if (!LAST_TAG.test(source.slice(source.lastIndexOf("<")))) throw oneRoot();
  return value;
}

function explain(error: unknown): string {
  const text = errorText(error);
  const reserved = /Invalid name: "(\w+)"/.exec(text)?.[1];
  if (reserved) return `no element may be called ${reserved}`;
  if (/nested/.test(text)) return `elements are nested deeper than ${MAX_DEPTH}`;
  return shown(text);
}

/** Makes a value of the parser's tree. */
class TreeReader {
  private readonly lists: ReadonlySet<string>;

  constructor(private readonly options: XmlReading) {
    this.lists = new Set(options.arrays);
  }

  read(tree: TreeNode[]): Record<string, unknown> {
    const roots = tree.filter((node) => nameOf(node) !== TEXT || String(node[TEXT]).trim() !== "");
    const [root] = roots;
    const name = root && nameOf(root);
    if (!root || !name || roots.length !== 1 || name === TEXT || name === CDATA) throw oneRoot();
    const result = {};
    this.add(result, name, this.value(root, name, name), name);
    return result;
  }

  private value(node: TreeNode, name: string, path: string): unknown {
    const attributes = Object.entries((node[ATTRIBUTES] ?? {}) as Record<string, string>);
    const result: Record<string, unknown> = {};
    for (const [marked, value] of attributes) this.attribute(result, marked.slice(MARK.length), value);
    let text = "";
    let elements = 0;
    for (const child of node[name] as TreeNode[]) {
      const childName = nameOf(child);
      if (childName === TEXT) text += decodeEntities(String(child[TEXT]));
      else if (childName === CDATA) text += ((child[CDATA] as TreeNode[])[0]?.[TEXT] ?? "") as string;
      else {
        elements += 1;
        const childPath = `${path}/${childName}`;
        this.add(result, childName, this.value(child, childName, childPath), childPath);
      }
    }
    if (elements === 0 && attributes.length === 0) return text;
    if (elements === 0 ? text !== "" : text.trim() !== "") result[TEXT] = text;
    return result;
  }

  private attribute(target: Record<string, unknown>, name: string, raw: string): void {
    if (raw.includes("<")) throw invalid(`Not XML: the attribute ${shown(name)} holds a <`);
    // in an attribute, a line break that is not written as a reference counts as a blank (XML 1.0 §3.3.3)
    target[checkedKey(this.options.attributePrefix + name)] = decodeEntities(raw.replace(/[\t\n\r]/g, " "));
  }

  private add(target: Record<string, unknown>, name: string, value: unknown, path: string): void {
    const key = checkedKey(name);
    const present = Object.hasOwn(target, key) ? target[key] : undefined;
    if (Array.isArray(present)) present.push(value);
    else if (present !== undefined) target[key] = [present, value];
    else target[key] = this.lists.has(name) || this.lists.has(path) ? [value] : value;
  }
}

function oneRoot(): ConnectorError {
  return invalid("Not XML: there is not exactly one root element, and nothing else beside it");
}

function nameOf(node: TreeNode): string {
  for (const name in node) if (name !== ATTRIBUTES) return name;
  return "";
}

/** Refuses the name that, assigned to an object, would change the object's prototype. */
function checkedKey(name: string): string {
  if (name === "__proto__") throw invalid("No element or attribute may be called __proto__");
  return name;
}
