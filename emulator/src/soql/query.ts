import {
  parseQuery,
  type FieldSubquery,
  type Query,
  type QueryBase,
  type Subquery,
} from "@jetstreamapp/soql-parser-js";
import { ApiError } from "../api-error";
import type { Org } from "../org";
import type { ObjectSchema } from "../schema/schema";
import type { Field } from "../schema/types";
import type { Row } from "../store/table";
import { compileAggregation, isAggregate } from "./aggregate";
import { checkNegations, compileWhere, type Filter } from "./condition";
import { compileOrders, type Order } from "./order";
import { resolvePath } from "./path";
import { Projection, type RecordJson } from "./projection";
import { checkRestrictions } from "./restrictions";
import { malformed, namingAdvice, soqlError } from "./soql-error";

/** The largest OFFSET that the API accepts. */
const MAX_OFFSET = 2000;

/** The result of a query: the records in order, and a function that turns each into JSON. */
export interface Result {
  totalSize: number;
  /** Empty for `SELECT COUNT()`. For an aggregate query, these are groups: rows without an id. */
  rows: Row[];
  toJson(row: Row, base: string): RecordJson;
}

/** The records that a SELECT finds, and their order. */
interface Selection {
  filter: Filter | undefined;
  order: Order | undefined;
  limit: number;
  offset: number;
}

/** A compiled SELECT. */
interface Compiled extends Selection {
  projection: Projection;
}

/**
 * Runs a query. SOQL that is not supported is refused with `MALFORMED_QUERY`, so that no answer is silently wrong.
 *
 * @param includeDeleted whether it is a `queryAll`
 * @param also another condition on the records, for a search
 */
export function runQuery(org: Org, text: string, includeDeleted: boolean, also?: (row: Row, object: ObjectSchema) => boolean): Result {
  const { query, object } = parse(org, text);
  if (isAggregate(query)) {
    if (also) throw malformed(text, 0, "a search does not group what it finds");
    return runAggregate(org, object, query, text, includeDeleted);
  }
  const compiled = compile(org, object, query, text);
  if (also) compiled.filter = both(compiled.filter, (row) => also(row, object));
  const found = select(org, object, compiled, includeDeleted);
  const counts = compiled.projection.countsOnly;
  return { totalSize: found.length, rows: counts ? [] : found, toJson: (row, base) => compiled.projection.toJson(row, base) };
}

/** Returns the plans for a query: by an index if there is one, and through all records. */
export function explainQuery(org: Org, text: string): Plan[] {
  const { query, object } = parse(org, text);
  if (isAggregate(query)) compileAggregation(org, object, query, text);
  const { filter } = isAggregate(query) ? scan(org, object, query, text) : compile(org, object, query, text);
  const all = org.store.table(object).size;
  const found = filter?.candidates?.().length;
  const common = { fields: [], notes: [], sobjectCardinality: all, sobjectType: object.name };
  const plans: Plan[] = [{ ...common, cardinality: all, leadingOperationType: "TableScan", relativeCost: 1 }];
  if (found !== undefined) plans.unshift({ ...common, cardinality: found, leadingOperationType: "Index", relativeCost: all === 0 ? 0 : found / all });
  return plans;
}

/** A way to run a query. `explain` lists them, the cheapest first. */
export interface Plan {
  cardinality: number;
  fields: string[];
  leadingOperationType: "Index" | "TableScan";
  notes: unknown[];
  relativeCost: number;
  sobjectCardinality: number;
  sobjectType: string;
}

function runAggregate(org: Org, object: ObjectSchema, query: Query, text: string, includeDeleted: boolean): Result {
  const aggregation = compileAggregation(org, object, query, text);
  const groups = aggregation.groups(select(org, object, scan(org, object, query, text), includeDeleted));
  return { totalSize: groups.length, rows: groups, toJson: (group) => aggregation.toJson(group) };
}

/** Returns the records that are grouped, which are all that WHERE selects. */
function scan(org: Org, object: ObjectSchema, query: Query, text: string): Selection {
  refuseUnsupported(query, text);
  const filter = query.where && compileWhere({ org, object, query: text, alias: query.sObjectAlias }, query.where);
  return { filter, order: undefined, limit: Infinity, offset: 0 };
}

function both(filter: Filter | undefined, also: (row: Row) => boolean): Filter {
  if (!filter) return { test: also };
  return { ...filter, test: (row) => filter.test(row) && also(row) };
}

function parse(org: Org, text: string): { query: Query; object: ObjectSchema } {
  const query = parseText(text);
  const children = (query.fields ?? []).flatMap((field) => (field.type === "FieldSubquery" ? [field.subquery.where] : []));
  checkNegations(text, [query.where, query.having, ...children]);
  const object = query.sObject === undefined ? undefined : org.schema.object(query.sObject);
  if (!object) {
    const advice = namingAdvice("object", "__c", "entity name");
    throw soqlError("INVALID_TYPE", text, query.sObject ?? 0, `sObject type '${query.sObject}' is not supported. ${advice}`);
  }
  if (object.platformEvent) throw new ApiError("INVALID_TYPE_FOR_OPERATION", `entity type ${object.name} does not support query`);
  checkRestrictions(object, query.where);
  return { query, object };
}

/** Parses a query. @throws ApiError `MALFORMED_QUERY` */
export function parseText(text: string): Query {
  try {
    return parseQuery(text);
  } catch (error) {
    const token = (error as { token?: { image?: string; startOffset?: number } }).token;
    const offset = token?.startOffset;
    const reason = token?.image ? `unexpected token: '${token.image}'` : "unexpected token: '<EOF>'";
    throw malformed(text, offset === undefined || Number.isNaN(offset) ? text.length : offset, reason);
  }
}

const UNSUPPORTED = [
  "usingScope",
  "withDataCategory",
  "withSecurityEnforced",
  "withAccessLevel",
  "for",
  "update",
] as const;

/** Words that the parser accepts as an alias but the org does not. */
const RESERVED = new Set([
  ...["ALL", "AND", "ASC", "BY", "DESC", "EXCLUDES", "FIRST", "FOR", "FROM", "GROUP", "HAVING", "IN", "INCLUDES", "LAST", "LIKE", "LIMIT"],
  ...["NOT", "NULL", "NULLS", "OFFSET", "OR", "ORDER", "ROWS", "SCOPE", "SELECT", "USING", "VIEW", "WHERE", "WITH"],
]);

function refuseUnsupported(query: QueryBase, text: string): void {
  for (const clause of UNSUPPORTED) {
    if (query[clause] !== undefined) throw malformed(text, 0, `the clause "${clause}" is not supported by the emulator`);
  }
  const alias = query.sObjectAlias;
  if (alias !== undefined && (!/^[a-z]\w*$/i.test(alias) || RESERVED.has(alias.toUpperCase()))) {
    throw malformed(text, ` ${alias}`, `unexpected token: '${alias}'`);
  }
  if ((query.offset ?? 0) > MAX_OFFSET) throw new ApiError("NUMBER_OUTSIDE_VALID_RANGE", `Maximum SOQL offset allowed is ${MAX_OFFSET}`);
}

function compile(org: Org, object: ObjectSchema, query: QueryBase, text: string): Compiled {
  refuseUnsupported(query, text);
  const alias = query.sObjectAlias;
  if (query.groupBy !== undefined || query.having !== undefined) throw malformed(text, "GROUP BY", "sub-selects cannot be grouped");
  const projection = new Projection(org, object, text, alias);
  for (const field of query.fields ?? []) {
    if (field.type === "FieldSubquery") projection.addChildren(...compileChildren(org, object, field, text));
    else projection.add(field);
  }
  return {
    projection,
    filter: query.where && compileWhere({ org, object, query: text, alias }, query.where),
    order: compileOrders([query.orderBy ?? []].flat(), text, (clause) => {
      if (!("field" in clause)) throw malformed(text, "ORDER BY", "functions in ORDER BY are not supported by the emulator");
      return resolvePath(org, object, clause.field, text, alias);
    }),
    limit: query.limit ?? Infinity,
    offset: query.offset ?? 0,
  };
}

/** Compiles a sub-select of children. @returns its name in the answer, a function that returns the children of a parent in order, and their projection */
function compileChildren(
  org: Org,
  parent: ObjectSchema,
  { subquery }: FieldSubquery,
  text: string,
): [string, (row: Row) => Row[], Projection] {
  const child = org.schema.child(parent, subquery.relationshipName);
  if (!child) {
    const advice = namingAdvice("relationship", "__r");
    const reason = `Didn't understand relationship '${subquery.relationshipName}' in FROM part of query call. ${advice}`;
    throw soqlError("INVALID_TYPE", text, subquery.relationshipName, reason);
  }
  if (hasChildren(subquery))
    throw malformed(text, subquery.relationshipName, "sub-selects deeper than one level are not supported by the emulator");
  const compiled = compile(org, child.object, subquery, text);
  let groups: Map<string, Row[]> | undefined;
  const childrenOf = (row: Row): Row[] => {
    groups ??= groupByParent(org, child.object, child.field, compiled);
    return (groups.get(row.Id) ?? []).slice(compiled.offset, compiled.offset + compiled.limit);
  };
  return [child.field.childRelationshipName!, childrenOf, compiled.projection];
}

const hasChildren = (query: Subquery): boolean => (query.fields ?? []).some((field) => field.type === "FieldSubquery");

function groupByParent(org: Org, object: ObjectSchema, field: Field, compiled: Compiled): Map<string, Row[]> {
  const groups = new Map<string, Row[]>();
  for (const row of select(org, object, { ...compiled, limit: Infinity, offset: 0 }, false)) {
    const parentId = String(row[field.name] ?? "");
    const group = groups.get(parentId);
    if (group) group.push(row);
    else groups.set(parentId, [row]);
  }
  return groups;
}

function select(org: Org, object: ObjectSchema, compiled: Selection, includeDeleted: boolean): Row[] {
  const { filter, order, limit, offset } = compiled;
  const table = org.store.table(object);
  // The indexes contain only live records.
  const source: Iterable<Row> = (includeDeleted ? undefined : filter?.candidates?.()) ?? table.all();
  const end = offset + limit;
  const found: Row[] = [];
  for (const row of source) {
    if (!order && found.length >= end) break;
    if ((includeDeleted || !row.IsDeleted) && (!filter || filter.test(row))) found.push(row);
  }
  if (order) found.sort(order);
  return offset === 0 && found.length <= limit ? found : found.slice(offset, end);
}
