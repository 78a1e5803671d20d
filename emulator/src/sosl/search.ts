import { ApiError } from "../api-error";
import type { Org } from "../org";
import type { ObjectSchema } from "../schema/schema";
import type { Field } from "../schema/types";
import type { RecordJson } from "../soql/projection";
import { runQuery } from "../soql/query";
import type { Row } from "../store/table";
import { compileFind, malformedSearch, wordsOf } from "./find-clause";

/** The fields in which a search looks. */
export type SearchGroup = "ALL" | "NAME" | "EMAIL" | "PHONE";

/** An object of RETURNING. */
export interface Returning {
  object: string;
  /** A SELECT list. */
  fields: string;
  /** WHERE, ORDER BY, LIMIT and OFFSET as in SOQL. May be empty. */
  rest: string;
}

/** A parsed search. */
export interface Search {
  /** The text between the braces of FIND, with its escapes. */
  find: string;
  group: SearchGroup;
  /** If empty, the search returns the ids of records of all objects. */
  returning: Returning[];
  limit: number;
}

/** Most records in an answer. */
export const MAX_RESULTS = 2000;

const TEXT: ReadonlySet<Field["type"]> = new Set<Field["type"]>(["string", "textarea", "email", "phone", "url"]);
const NAMES = new Set(["Name", "FirstName", "LastName", "CaseNumber"]);

/** Runs a search. @param base the API path with its version, for the `url` attributes */
export function runSearch(org: Org, { find, group, returning, limit }: Search, base: string): RecordJson[] {
  const test = compileFind(find);
  const objects = org.schema.objects.filter((object) => !object.platformEvent && object.name !== "ContentDocumentLink");
  const wanted = returning.length > 0 ? returning : objects.map((object): Returning => ({ object: object.name, fields: "Id", rest: "" }));
  const records: RecordJson[] = [];
  for (const item of wanted) {
    const soql = `SELECT ${item.fields} FROM ${item.object}${item.rest ? ` ${item.rest}` : ""}`;
    const { rows, toJson } = query(org, soql, (row, object) => searchedFields(object, group).some((name) => test(wordsOf(String(row[name] ?? "")))));
    for (const row of rows.slice(0, limit - records.length)) records.push(toJson(row, base));
  }
  return records;
}

/** Runs the query for an object of a search. Errors of syntax become those of a search; errors for unknown names stay as in SOQL. */
function query(org: Org, soql: string, also: (row: Row, object: ObjectSchema) => boolean): ReturnType<typeof runQuery> {
  try {
    return runQuery(org, soql, false, also);
  } catch (error) {
    if (error instanceof ApiError && error.items[0]?.errorCode === "MALFORMED_QUERY") throw malformedSearch(error.items[0].message);
    throw error;
  }
}

function searchedFields(object: ObjectSchema, group: SearchGroup): string[] {
  return object.fields.filter((field) => isSearched(field, group)).map(({ name }) => name);
}

function isSearched(field: Field, group: SearchGroup): boolean {
  if (group === "ALL") return TEXT.has(field.type);
  if (group === "NAME") return NAMES.has(field.name);
  return field.type === (group === "EMAIL" ? "email" : "phone");
}
