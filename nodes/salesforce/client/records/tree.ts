import { ConnectorError } from "../../../common/errors";
import { isPlain } from "../../../common/is-plain";
import { valueIn } from "./collections";
import { toRecord } from "./record-input";

/** How many records one call may have, children included. */
const MAX_TREE = 200;

/** A record as `/composite/tree` takes it. */
export type TreeRecord = Record<string, unknown>;

/**
 * Makes the records of one call, with their children. Children are in a list under the name of the relationship, each with its `attributes.type`. The roots
 * need no type, and records without a `referenceId` get one.
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

/** The children under a relationship's name, given as a list or as `{records: […]}`, the form of the API; `undefined` when the value is a field's. */
function childrenOf(value: unknown): unknown[] | undefined {
  if (Array.isArray(value)) return value as unknown[];
  const records = isPlain(value) ? valueIn(value, "records") : undefined;
  return Array.isArray(records) ? records : undefined;
}
