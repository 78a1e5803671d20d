import type { FieldFunctionExpression, FieldSubquery, FieldType } from "@jetstreamapp/soql-parser-js";
import type { Org } from "../org";
import type { ObjectSchema } from "../schema/schema";
import type { Field, Scalar } from "../schema/types";
import type { Row } from "../store/table";
import { parentRow, resolvePath } from "./path";
import { malformed } from "./soql-error";

/** A record as the API writes it. */
export type RecordJson = Record<string, unknown>;

/** A node in the tree of an answer: a field, a parent with its own fields, or a list of children. */
type Leaf =
  | { kind: "field"; name: string }
  | { kind: "parent"; reference: Field; shape: Shape }
  | { kind: "children"; of: (row: Row) => Row[]; projection: Projection };

type Shape = Map<string, Leaf>;

/** The SELECT list: the fields of an answer, spelled as they were declared. Parents are nested. */
export class Projection {
  private readonly shape: Shape = new Map();
  /** Whether it is `SELECT COUNT()`, so that the answer has no records but only their number. */
  countsOnly = false;

  constructor(
    private readonly org: Org,
    private readonly object: ObjectSchema,
    private readonly query: string,
    private readonly alias?: string,
  ) {}

  /** Adds an item of the SELECT list. */
  add(item: Exclude<FieldType, FieldSubquery>): void {
    if (item.type === "FieldFunctionExpression") return this.addFunction(item);
    if (item.type === "FieldTypeof") throw malformed(this.query, "TYPEOF", "TYPEOF is not supported by the emulator");
    if (this.countsOnly) throw malformed(this.query, 0, "COUNT() stands alone");
    const raw = ("rawValue" in item ? item.rawValue : undefined) ?? item.field;
    // The parser also calls the prefix of a field an alias if FROM has one. A real alias of a field has no prefix.
    if ("alias" in item && item.alias !== undefined && !("objectPrefix" in item)) {
      throw malformed(this.query, raw, "only aggregate expressions use field aliasing");
    }
    this.addPath(raw);
  }

  /** Adds a field by its path. */
  addPath(text: string): void {
    const { field, parents } = resolvePath(this.org, this.object, text, this.query, this.alias);
    let shape = this.shape;
    for (const reference of parents) {
      const name = reference.relationshipName!;
      let leaf = shape.get(name);
      if (leaf?.kind !== "parent") {
        leaf = { kind: "parent", reference, shape: new Map() };
        shape.set(name, leaf);
      }
      shape = leaf.shape;
    }
    if (shape.has(field.name)) throw malformed(this.query, text, `duplicate field selected: ${text}`);
    shape.set(field.name, { kind: "field", name: field.name });
  }

  /** Adds a sub-select of children. */
  addChildren(name: string, of: (row: Row) => Row[], projection: Projection): void {
    if (projection.countsOnly) throw malformed(this.query, name, "COUNT() cannot stand in a sub-select");
    if (this.shape.has(name)) throw malformed(this.query, name, `Cannot follow the same aggregate relationship twice: ${name}`);
    this.shape.set(name, { kind: "children", of, projection });
  }

  /** Returns the JSON of a record. @param base the API path with its version, for the `url` attributes */
  toJson(row: Row, base: string): RecordJson {
    return this.write(row, this.object, this.shape, base);
  }

  private addFunction({ functionName, parameters, alias, rawValue = functionName }: FieldFunctionExpression): void {
    const isCount = functionName.toUpperCase() === "COUNT" && parameters.length === 0 && alias === undefined;
    if (!isCount || this.shape.size > 0 || this.countsOnly) {
      throw malformed(this.query, rawValue, `${rawValue} is not supported by the emulator`);
    }
    this.countsOnly = true;
  }

  private write(row: Row, object: ObjectSchema, shape: Shape, base: string): RecordJson {
    const json: RecordJson = { attributes: attributes(object, row.Id, base) };
    for (const [name, leaf] of shape) {
      if (leaf.kind === "field") json[name] = valueOf(row, object.field(leaf.name), leaf.name, json["attributes"] as { url: string });
      else if (leaf.kind === "parent") json[name] = this.writeParent(row, leaf.reference, leaf.shape, base);
      else json[name] = writeChildren(leaf.of(row), leaf.projection, base);
    }
    return json;
  }

  private writeParent(row: Row, reference: Field, shape: Shape, base: string): RecordJson | null {
    const parent = parentRow(this.org, row, [reference]);
    if (!parent) return null;
    return this.write(parent, this.org.store.tableOf(parent.Id)!.schema, shape, base);
  }
}

/** Returns the value of a field as it is in JSON. For a file, that is its address. */
function valueOf(row: Row, field: Field | undefined, name: string, { url }: { url: string }): Scalar {
  const value = row[name] ?? null;
  return field?.type === "base64" && value !== null ? `${url}/${name}` : value;
}

function writeChildren(rows: Row[], projection: Projection, base: string): RecordJson | null {
  if (rows.length === 0) return null;
  return { totalSize: rows.length, done: true, records: rows.map((row) => projection.toJson(row, base)) };
}

/** Returns the `attributes` of a record in an answer. */
function attributes(object: ObjectSchema, id: string, base: string): { type: string; url: string } {
  return { type: object.name, url: `${base}/sobjects/${object.name}/${id}` };
}
