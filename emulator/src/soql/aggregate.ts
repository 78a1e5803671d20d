import type { FieldType, FunctionExp, GroupByClause, OrderByClause, QueryBase } from "@jetstreamapp/soql-parser-js";
import { ApiError } from "../api-error";
import type { Org } from "../org";
import { isFilterable } from "../schema/describe";
import type { ObjectSchema } from "../schema/schema";
import type { Field, Scalar } from "../schema/types";
import type { Row } from "../store/table";
import { compileWhere, type Filter } from "./condition";
import { compileOrders, type Order } from "./order";
import { resolvePath, type Path } from "./path";
import type { RecordJson } from "./projection";
import { malformed, soqlError } from "./soql-error";

/** Most groups in an answer, because such an answer has only one page. */
const MAX_GROUPS = 2000;

const NUMBERS: ReadonlySet<string> = new Set(["int", "double", "currency", "percent"]);
const UNORDERED: ReadonlySet<string> = new Set(["boolean", "id", "reference", "multipicklist"]);

/** Computes a value from the records of a group. */
type Reduce = (rows: readonly Row[]) => Scalar;

/** A column that is computed for each group: a grouped field, or a function of the group's records. */
interface Column {
  /** Its key in the row of a group. */
  key: string;
  /** Describes its values, for conditions and order. */
  field: Field;
  reduce: Reduce;
}

/** A compiled query whose rows are groups of records. */
export interface Aggregation {
  /** Returns the groups of records that HAVING selects, in order and within OFFSET and LIMIT. A group is a row without an id. */
  groups(records: readonly Row[]): Row[];
  toJson(group: Row): RecordJson;
}

const FUNCTIONS: ReadonlySet<string> = new Set(["COUNT", "COUNT_DISTINCT", "SUM", "AVG", "MIN", "MAX"]);

/** Whether the rows of a query are groups. Those of `SELECT COUNT()` are not. */
export function isAggregate(query: QueryBase): boolean {
  if (query.groupBy !== undefined || query.having !== undefined) return true;
  return (query.fields ?? []).some((field) => field.type === "FieldFunctionExpression" && field.parameters.length > 0 && FUNCTIONS.has(field.functionName.toUpperCase()));
}

/** Compiles the SELECT list, GROUP BY, HAVING, ORDER BY, LIMIT and OFFSET of an aggregate query. */
export function compileAggregation(org: Org, object: ObjectSchema, query: QueryBase, text: string): Aggregation {
  return new Compiler(org, object, query, text).compile();
}

class Compiler {
  /** Columns by their keys. */
  private readonly columns = new Map<string, Column>();
  private readonly grouped = new Map<string, Path>();
  /** Keys of columns by the names in the answer. */
  private readonly selected = new Map<string, string>();
  private unnamed = 0;

  constructor(
    private readonly org: Org,
    private readonly object: ObjectSchema,
    private readonly query: QueryBase,
    private readonly text: string,
  ) {}

  compile(): Aggregation {
    const { query, text } = this;
    const clauses = [query.groupBy ?? []].flat();
    for (const clause of clauses) this.group(clause);
    for (const item of query.fields ?? []) this.select(item);
    const having = query.having && this.having(query.having);
    const order = this.order([query.orderBy ?? []].flat());
    if (clauses.length === 0 && (query.limit !== undefined || query.offset !== undefined)) {
      throw malformed(text, "LIMIT", "Non-grouped query that uses overall aggregate functions cannot also use LIMIT");
    }
    const [offset, limit] = [query.offset ?? 0, query.limit ?? Infinity];
    return {
      groups: (records) => {
        let groups = this.groupsOf(records, clauses.length > 0);
        if (having) groups = groups.filter((group) => having.test(group));
        if (order) groups.sort(order);
        groups = groups.slice(offset, offset + limit);
        if (groups.length > MAX_GROUPS) {
          const advice = "Aggregate query does not support queryMore(), use LIMIT to restrict the results to a single batch";
          throw new ApiError("EXCEEDED_ID_LIMIT", advice);
        }
        return groups;
      },
      toJson: (group) => {
        const json: RecordJson = { attributes: { type: "AggregateResult" } };
        for (const [name, key] of this.selected) json[name] = group[key] ?? null;
        return json;
      },
    };
  }

  private group(clause: GroupByClause): void {
    if (!("field" in clause)) throw malformed(this.text, "GROUP BY", "functions in GROUP BY are not supported by the emulator");
    const path = this.path(clause.field);
    if (!isFilterable(path.field) || path.field.type === "multipicklist") {
      throw soqlError("INVALID_FIELD", this.text, clause.field, `field '${path.field.name}' can not be grouped in a query call`);
    }
    const key = keyOf(path);
    this.grouped.set(key, path);
    this.columns.set(key, { key, field: path.field, reduce: (rows) => path.read(rows[0]!) });
  }

  private select(item: FieldType): void {
    if (item.type === "FieldFunctionExpression") {
      const { key } = this.functionColumn(item.functionName, item.parameters, item.rawValue ?? item.functionName);
      return this.name(item.alias ?? `expr${this.unnamed++}`, key);
    }
    if (item.type === "FieldSubquery" || item.type === "FieldTypeof") throw malformed(this.text, 0, "only fields and functions can be selected from groups");
    const raw = ("rawValue" in item ? item.rawValue : undefined) ?? item.field;
    const path = this.path(raw);
    const key = keyOf(path);
    if (!this.grouped.has(key)) throw malformed(this.text, raw, `Field must be grouped or aggregated: ${raw}`);
    const alias = "alias" in item && !("objectPrefix" in item) ? item.alias : undefined;
    this.name(alias ?? path.field.name, key);
  }

  private name(name: string, key: string): void {
    if ([...this.selected.keys()].some((other) => other.toLowerCase() === name.toLowerCase())) {
      throw malformed(this.text, name, `duplicate alias: ${name}`);
    }
    this.selected.set(name, key);
  }

  /** Returns the column of a function such as `MAX(Amount)`. It is always the same one, however often the query contains it. */
  private functionColumn(name: string, parameters: readonly unknown[], raw: string): Column {
    const [parameter] = parameters;
    if (parameters.length !== 1 || typeof parameter !== "string" || !FUNCTIONS.has(name.toUpperCase())) {
      throw malformed(this.text, raw, `${raw} is not supported by the emulator`);
    }
    const path = this.path(parameter);
    const key = `${name.toUpperCase()}(${keyOf(path)})`;
    const known = this.columns.get(key);
    if (known) return known;
    const { field, reduce } = this.reducer(name.toUpperCase(), path, raw);
    const column = { key, field: { ...field, indexed: false }, reduce };
    this.columns.set(key, column);
    return column;
  }

  private reducer(name: string, path: Path, raw: string): { field: Field; reduce: Reduce } {
    const { field, read } = path;
    if (!isFilterable(field)) throw malformed(this.text, raw, `field ${field.name} does not support aggregate operator ${name}`);
    const values = (rows: readonly Row[]): NonNullable<Scalar>[] => rows.flatMap((row) => read(row) ?? []);
    switch (name) {
      case "COUNT":
        return { field: number(name), reduce: (rows) => values(rows).length };
      case "COUNT_DISTINCT":
        return { field: number(name), reduce: (rows) => new Set(values(rows).map((value) => same(field, value))).size };
      case "SUM":
      case "AVG": {
        if (!NUMBERS.has(field.type)) break;
        const sum = (found: NonNullable<Scalar>[]): number => found.reduce<number>((total, value) => total + Number(value), 0);
        const total = (rows: readonly Row[]): Scalar => {
          const found = values(rows);
          if (found.length === 0) return null;
          return name === "SUM" ? sum(found) : sum(found) / found.length;
        };
        return { field: number(name), reduce: total };
      }
      case "MIN":
      case "MAX": {
        if (UNORDERED.has(field.type)) break;
        const sign = name === "MIN" ? 1 : -1;
        const before = (a: NonNullable<Scalar>, b: NonNullable<Scalar>): boolean => (same(field, a) < same(field, b) ? sign > 0 : sign < 0);
        return { field, reduce: (rows) => values(rows).reduce<Scalar>((best, value) => (best === null || before(value, best) ? value : best), null) };
      }
    }
    throw malformed(this.text, raw, `field ${field.name} does not support aggregate operator ${name}`);
  }

  private having(where: NonNullable<QueryBase["having"]>): Filter {
    const scope = { org: this.org, object: this.object, query: this.text, alias: this.query.sObjectAlias };
    return compileWhere({ ...scope, resolve: (item) => this.columnPath(item) }, where);
  }

  private order(clauses: readonly OrderByClause[]): Order | undefined {
    return compileOrders(clauses, this.text, (item) => this.columnPath(item));
  }

  /** Returns what an item of HAVING or ORDER BY names: a grouped field, a function, or the alias of one. */
  private columnPath(item: object): Path {
    const { field, fn } = item as { field?: string; fn?: FunctionExp };
    const column = fn ? this.functionColumn(fn.functionName ?? "", fn.parameters ?? [], fn.rawValue ?? "") : this.ofName(field ?? "");
    return { field: { ...column.field, indexed: false }, parents: [], read: (group) => group[column.key] ?? null };
  }

  private ofName(name: string): Column {
    const alias = [...this.selected].find(([selected]) => selected.toLowerCase() === name.toLowerCase())?.[1];
    const column = this.columns.get(alias ?? keyOf(this.path(name)));
    if (!column) throw malformed(this.text, name, `Field must be grouped or aggregated: ${name}`);
    return column;
  }

  private groupsOf(records: readonly Row[], byFields: boolean): Row[] {
    const members = new Map<string, Row[]>();
    // Without GROUP BY, all records are one group, even if there are none.
    if (!byFields) members.set("", [...records]);
    else
      for (const row of records) {
        const key = JSON.stringify([...this.grouped.values()].map(({ field, read }) => same(field, read(row))));
        const rows = members.get(key);
        if (rows) rows.push(row);
        else members.set(key, [row]);
      }
    return [...members.values()].map((rows) => {
      const group: Row = { Id: "", IsDeleted: false };
      for (const { key, reduce } of this.columns.values()) group[key] = reduce(rows);
      return group;
    });
  }

  private path(text: string): Path {
    return resolvePath(this.org, this.object, text, this.text, this.query.sObjectAlias);
  }
}

/** Returns a value in the form in which values are compared: in most texts, case does not matter. */
function same<T extends Scalar>(field: Field, value: T): T | string {
  return typeof value === "string" && !field.caseSensitive && field.type !== "id" && field.type !== "reference" ? value.toLowerCase() : value;
}

const keyOf = ({ field, parents }: Path): string => [...parents, field].map(({ name }) => name).join(".");

/** Returns a field that describes the values of a function with numbers as its result. */
function number(name: string): Field {
  return {
    name, type: "double", label: name, length: 0, precision: 18, scale: 2, required: false, createable: false, updateable: false, externalId: false,
    unique: false, caseSensitive: false, defaultValue: null, picklistValues: [], restrictedPicklist: false, referenceTo: [], relationshipName: null,
    childRelationshipName: null, custom: false, indexed: false, defaultedOnCreate: false,
  };
}
