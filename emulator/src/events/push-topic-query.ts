import type { Condition } from "@jetstreamapp/soql-parser-js";
import { ApiError } from "../api-error";
import type { Org } from "../org";
import type { ObjectSchema } from "../schema/schema";
import { checkNegations, compileWhere, type Predicate } from "../soql/condition";
import { resolvePath, type Path } from "../soql/path";
import { parseText } from "../soql/query";
import { isInTopics } from "./streamable";

/** A compiled query of a PushTopic. */
export interface TopicQuery {
  object: ObjectSchema;
  /** Names of the selected fields, in order. */
  selected: readonly string[];
  /** Names of the fields in WHERE. */
  filtered: ReadonlySet<string>;
  matches: Predicate;
}

/** Parts of SOQL that are not allowed in a PushTopic, with the parser's name and the name in errors. */
const REFUSED = [
  ...([["groupBy", "GROUP BY"], ["having", "HAVING"], ["orderBy", "ORDER BY"], ["limit", "LIMIT"], ["offset", "OFFSET"], ["usingScope", "USING SCOPE"]] as const),
  ...([["withDataCategory", "WITH"], ["withSecurityEnforced", "WITH"], ["withAccessLevel", "WITH"], ["for", "FOR"], ["update", "UPDATE"]] as const),
] as const;

/** Compiles a PushTopic's query. @throws ApiError about the field `Query` for anything other than Id, fields and conditions of one object */
export function compileTopicQuery(org: Org, text: string): TopicQuery {
  const query = parseText(text);
  checkNegations(text, [query.where]);
  const object = query.sObject === undefined ? undefined : org.schema.object(query.sObject);
  if (!object) throw refused(`sObject type '${query.sObject ?? ""}' is not supported.`);
  if (!isInTopics(object)) throw refused(`'${object.name}' is not supported in PushTopic queries`);
  for (const [part, words] of REFUSED) if (query[part] !== undefined) throw refused(`${words} is not supported in PushTopic queries`);

  const fieldAt = (path: string): Path => {
    const found = resolvePath(org, object, path, text, query.sObjectAlias);
    if (found.parents.length > 0) throw refused(`relationships are not supported in PushTopic queries: ${path}`);
    return found;
  };
  const selected = (query.fields ?? []).map((item) => {
    if (item.type === "FieldSubquery") throw refused("relationships are not supported in PushTopic queries");
    if (item.type !== "Field" && item.type !== "FieldRelationship") throw refused("only fields are supported in the SELECT clause of PushTopic queries");
    // If FROM has an alias, the parser calls that prefix an alias, too.
    if ("alias" in item && item.alias !== undefined && !("objectPrefix" in item)) throw refused("aliases of fields are not supported in PushTopic queries");
    const { field } = fieldAt(("rawValue" in item ? item.rawValue : undefined) ?? item.field);
    if (field.type === "base64") throw refused(`${field.name} is not supported in PushTopic queries`);
    return field.name;
  });
  if (!selected.includes("Id")) throw refused("The Id field is required in the SELECT clause");
  const twice = selected.find((name, index) => selected.indexOf(name) !== index);
  if (twice !== undefined) throw refused(`duplicate field selected: ${twice}`);

  const filtered = new Set<string>();
  const resolve = (condition: Condition): Path => {
    if (!("field" in condition) || "fn" in condition) throw refused("functions are not supported in PushTopic queries");
    const path = fieldAt(condition.field);
    filtered.add(path.field.name);
    return path;
  };
  const where = query.where && compileWhere({ org, object, query: text, alias: query.sObjectAlias, resolve }, query.where);
  return { object, selected, filtered, matches: where?.test ?? (() => true) };
}

const refused = (reason: string): ApiError => new ApiError("INVALID_FIELD", reason, ["Query"]);
