import {
  parseQuery,
  type FieldSubquery,
  type OrderByClause,
  type Query,
  type QueryBase,
  type Subquery,
} from "@jetstreamapp/soql-parser-js";
import { ApiError } from "../api-error";
import type { Org } from "../org";
import { isFilterable } from "../schema/describe";
import type { ObjectSchema } from "../schema/schema";
import type { Field } from "../schema/types";
import type { Row } from "../store/table";
import { checkNegations, compileWhere, type Filter } from "./condition";
import { resolvePath } from "./path";
import { Projection, type RecordJson } from "./projection";
import { malformed, namingAdvice, soqlError } from "./soql-error";

/** The largest OFFSET the API takes. */
const MAX_OFFSET = 2000;

/** What a query found: the records in order, and how each becomes JSON. */
export interface Result {
  totalSize: number;
  /** Empty for `SELECT COUNT()`. */
  rows: Row[];
  toJson(row: Row, base: string): RecordJson;
}

type Order = (a: Row, b: Row) => number;

/** The parts every SELECT has, compiled. */
interface Compiled {
  projection: Projection;
  filter: Filter | undefined;
  order: Order | undefined;
  limit: number;
  offset: number;
}

/**
 * Runs a query. What lies outside the supported part of SOQL is `MALFORMED_QUERY`, never a silently wrong answer.
 *
 * @param includeDeleted `queryAll` instead of `query`
 */
export function runQuery(org: Org, text: string, includeDeleted: boolean): Result {
  const query = parse(text);
  const object = query.sObject === undefined ? undefined : org.schema.object(query.sObject);
  if (!object) {
    const advice = namingAdvice("object", "__c", "entity name");
    throw soqlError("INVALID_TYPE", text, query.sObject ?? 0, `sObject type '${query.sObject}' is not supported. ${advice}`);
  }
  const compiled = compile(org, object, query, text);
  const found = select(org, object, compiled, includeDeleted);
  const counts = compiled.projection.countsOnly;
  return { totalSize: found.length, rows: counts ? [] : found, toJson: (row, base) => compiled.projection.toJson(row, base) };
}

function parse(text: string): Query {
  const query = parseText(text);
  const children = (query.fields ?? []).flatMap((field) => (field.type === "FieldSubquery" ? [field.subquery.where] : []));
  checkNegations(text, [query.where, ...children]);
  return query;
}

function parseText(text: string): Query {
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
  "groupBy",
  "having",
  "withDataCategory",
  "withSecurityEnforced",
  "withAccessLevel",
  "for",
  "update",
] as const;

/** Words the parser takes as an alias and the org does not. */
const RESERVED = new Set([
  ...["ALL", "AND", "ASC", "BY", "DESC", "EXCLUDES", "FIRST", "FOR", "FROM", "GROUP", "HAVING", "IN", "INCLUDES", "LAST", "LIKE", "LIMIT"],
  ...["NOT", "NULL", "NULLS", "OFFSET", "OR", "ORDER", "ROWS", "SCOPE", "SELECT", "USING", "VIEW", "WHERE", "WITH"],
]);

function compile(org: Org, object: ObjectSchema, query: QueryBase, text: string): Compiled {
  for (const clause of UNSUPPORTED) {
    if (query[clause] !== undefined) throw malformed(text, 0, `the clause "${clause}" is not supported by the emulator`);
  }
  const alias = query.sObjectAlias;
  if (alias !== undefined && (!/^[a-z]\w*$/i.test(alias) || RESERVED.has(alias.toUpperCase()))) {
    throw malformed(text, ` ${alias}`, `unexpected token: '${alias}'`);
  }
  const projection = new Projection(org, object, text, alias);
  for (const field of query.fields ?? []) {
    if (field.type === "FieldSubquery") projection.addChildren(...compileChildren(org, object, field, text));
    else projection.add(field);
  }
  const offset = query.offset ?? 0;
  if (offset > MAX_OFFSET) throw new ApiError("NUMBER_OUTSIDE_VALID_RANGE", `Maximum SOQL offset allowed is ${MAX_OFFSET}`);
  return {
    projection,
    filter: query.where && compileWhere({ org, object, query: text, alias }, query.where),
    order: compileOrder(org, object, query.orderBy, text, alias),
    limit: query.limit ?? Infinity,
    offset,
  };
}

/** A child sub-select, one level down: its name in the answer, and the children of a parent in order. */
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

function select(org: Org, object: ObjectSchema, compiled: Compiled, includeDeleted: boolean): Row[] {
  const { filter, order, limit, offset } = compiled;
  const table = org.store.table(object);
  // The indexes hold live records only.
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

function compileOrder(
  org: Org,
  object: ObjectSchema,
  clauses: OrderByClause | OrderByClause[] | undefined,
  text: string,
  alias?: string,
): Order | undefined {
  const orders = [clauses ?? []].flat().map((clause): Order => {
    if (!("field" in clause)) throw malformed(text, 0, "functions in ORDER BY are not supported by the emulator");
    const { field, read } = resolvePath(org, object, clause.field, text, alias);
    if (!isFilterable(field)) throw malformed(text, clause.field, `field '${field.name}' can not be sorted in a query call`);
    const direction = clause.order === "DESC" ? -1 : 1;
    const nulls = clause.nulls === "LAST" ? 1 : -1;
    const key = (row: Row): string | number | boolean | null => {
      const value = read(row);
      return typeof value === "string" ? value.toLowerCase() : value;
    };
    return (a, b) => {
      const [left, right] = [key(a), key(b)];
      if (left === right) return 0;
      if (left === null) return nulls;
      if (right === null) return -nulls;
      return left < right ? -direction : direction;
    };
  });
  if (orders.length === 0) return undefined;
  return (a, b) => orders.reduce((result, order) => result || order(a, b), 0);
}
