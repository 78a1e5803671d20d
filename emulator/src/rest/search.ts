import { ApiError } from "../api-error";
import type { Reply } from "../http";
import { parseSearch } from "../sosl/parse";
import { MAX_RESULTS, runSearch, type Returning, type Search, type SearchGroup } from "../sosl/search";
import { allow, type Call } from "./call";
import { jsonObject, refuseUnknown } from "./json-body";

/** Answers `/search?q=FIND {…} …`. */
export function search(call: Call): Reply {
  allow(call, "GET");
  const text = call.request.query.get("q");
  if (text === null) throw new ApiError("MALFORMED_SEARCH", "SOSL statements must be given in the parameter q");
  return reply(call, parseSearch(text));
}

const PARAMETERS = ["q", "fields", "sobjects", "in", "overallLimit", "defaultLimit"];
const OBJECT_PARAMETERS = ["name", "fields", "where", "orderBy", "limit"];

/** Answers `/parameterizedSearch`: a search whose parts are given as JSON or in the address. */
export function parameterizedSearch(call: Call): Reply {
  allow(call, "GET", "POST");
  const body = call.request.method === "POST" ? jsonObject(call.request) : fromAddress(call.request.query);
  refuseUnknown(body, PARAMETERS);
  const { q, fields, sobjects = [], in: group = "ALL", overallLimit, defaultLimit } = body;
  if (typeof q !== "string" || q === "") throw new ApiError("MALFORMED_SEARCH", "The q parameter is required");
  const groupName = String(group).toUpperCase();
  if (!["ALL", "NAME", "EMAIL", "PHONE"].includes(groupName)) throw new ApiError("INVALID_INPUT", `in=${groupName} is not supported by the emulator`);
  if (!Array.isArray(sobjects)) throw new ApiError("JSON_PARSER_ERROR", "sobjects must be a list");
  return reply(call, {
    find: q,
    group: groupName as SearchGroup,
    returning: sobjects.map((object: unknown) => toReturning(object, fields, defaultLimit)),
    limit: Math.min(whole(overallLimit, "overallLimit") ?? MAX_RESULTS, MAX_RESULTS),
  });
}

function fromAddress(query: URLSearchParams): Record<string, unknown> {
  const body: Record<string, unknown> = {};
  const objects = query.getAll("sobject").map((name): Record<string, unknown> => ({ name }));
  for (const [key, value] of query) {
    const [object, property] = key.split(".");
    const found = property === undefined ? undefined : objects.find(({ name }) => name === object);
    if (found) found[property!] = property === "fields" ? value.split(",") : value;
    else if (key === "fields") body[key] = value.split(",");
    else if (key !== "sobject") body[key] = value;
  }
  return { ...body, sobjects: objects };
}

function toReturning(value: unknown, fields: unknown, limit: unknown): Returning {
  if (typeof value !== "object" || value === null) throw new ApiError("JSON_PARSER_ERROR", "each of sobjects must be an object");
  refuseUnknown(value, OBJECT_PARAMETERS);
  const { name, fields: own = fields ?? ["Id"], where, orderBy, limit: most = limit } = value as Record<string, unknown>;
  if (typeof name !== "string" || !/^\w+$/.test(name)) throw new ApiError("INVALID_INPUT", "each of sobjects needs a name");
  if (!Array.isArray(own) || !own.every((field) => typeof field === "string" && /^[\w.\s]+$/.test(field))) {
    throw new ApiError("INVALID_INPUT", `fields of ${name} must be a list of names`);
  }
  const count = whole(most, "limit");
  const rest = [where === undefined ? [] : `WHERE ${String(where)}`, orderBy === undefined ? [] : `ORDER BY ${String(orderBy)}`, count === undefined ? [] : `LIMIT ${count}`];
  return { object: name, fields: own.join(", "), rest: rest.flat().join(" ") };
}

function whole(value: unknown, name: string): number | undefined {
  if (value === undefined) return undefined;
  const number = Number(value);
  if (!Number.isInteger(number) || number < 1) throw new ApiError("INVALID_INPUT", `${name} must be a whole number above 0`);
  return number;
}

function reply(call: Call, found: Search): Reply {
  const records = runSearch(call.org, found, call.base);
  // Up to v36, the answer was the list itself.
  return { status: 200, json: call.version < 37 ? records : { searchRecords: records } };
}
