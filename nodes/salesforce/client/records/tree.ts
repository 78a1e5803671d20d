import { ConnectorError } from "../../../common/errors";
import { isPlain } from "../../../common/is-plain";
import { toRecord } from "./record-input";
import { valueOf } from "./record-batch";

/** Records of one call, with all their children. */
const MAX_TREE = 200;

/** A record as `/composite/tree` takes it. */
export type TreeRecord = Record<string, unknown>;

/**
 * Records with their children for one call. Children stand in a list under the name of the relationship, each with its `attributes.type`;
 * what the roots are is known, and references are given to whoever has none.
 *
 * @throws ConnectorError `INPUT_INVALID`
 */
export function toTree(object: string, data: unknown): TreeRecord[] {
  const roots: unknown[] = Array.isArray(data) ? data : isPlain(data) && Array.isArray(data.records) ? data.records : [data];
  const tree = new Tree();
  const records = roots.map((root) => tree.add(root, object));
  if (tree.size > MAX_TREE) throw new ConnectorError("INPUT_INVALID", `The tree has ${tree.size} records; ${MAX_TREE} is the most of one call`);
  return records;
}

class Tree {
  size = 0;

  add(value: unknown, type?: string): TreeRecord {
    if (!isPlain(value)) throw new ConnectorError("INPUT_INVALID", "A record of the tree is not an object of fields");
    this.size += 1;
    const given = isPlain(value.attributes) ? value.attributes : {};
    const attributes = { type: given.type ?? type, referenceId: given.referenceId ?? `ref${this.size}` };
    if (typeof attributes.type !== "string") throw new ConnectorError("INPUT_INVALID", 'A child of the tree does not say what it is: it needs attributes: { type: "…" }');
    const fields: Record<string, unknown> = {};
    const children: Record<string, { records: TreeRecord[] }> = {};
    for (const [name, content] of Object.entries(value)) {
      const list = childrenOf(content);
      if (list && list.length > 0) children[name] = { records: list.map((child) => this.add(child)) };
      else if (!list) fields[name] = content;
    }
    return { attributes, ...toRecord(fields), ...children };
  }
}

/** The children under a relationship's name, as a list or as the API nests them. */
function childrenOf(value: unknown): unknown[] | undefined {
  if (Array.isArray(value)) return value as unknown[];
  const records = isPlain(value) ? valueOf(value, "records") : undefined;
  return Array.isArray(records) ? records : undefined;
}
