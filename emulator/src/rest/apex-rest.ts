import { ApiError } from "../api-error";
import type { Reply, Request } from "../http";
import type { Org } from "../org";

/** The path of Apex REST classes. */
export const APEX_PREFIX = "/services/apexrest";

/** Answers an authorised request to `/services/apexrest/…` for the class that is declared for the path. The answer echoes the request. */
export function apexRest(org: Org, request: Request): Reply {
  const path = request.path.slice(APEX_PREFIX.length);
  const found = org.declared.apexRest.find((one) => (one.path.endsWith("*") ? path.startsWith(one.path.slice(0, -1)) : path === one.path));
  if (!found) throw new ApiError("NOT_FOUND", "Could not find a match for URL");
  const { methods = ["GET", "POST"] } = found;
  if (!methods.includes(request.method)) throw new ApiError("METHOD_NOT_ALLOWED", `HTTP Method '${request.method}' not allowed. Allowed are ${methods.join(",")}`);
  if (found.exception !== undefined) throw new ApiError("APEX_ERROR", found.exception, undefined, 500);
  return { status: 200, json: { method: request.method, path, query: Object.fromEntries(request.query), body: bodyOf(request) } };
}

function bodyOf({ body, headers }: Request): unknown {
  if (body.length === 0) return null;
  const text = body.toString("utf8");
  if (!/^application\/json\b/i.test(headers["content-type"] ?? "")) return text;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new ApiError("JSON_PARSER_ERROR", "Unexpected character in the request body");
  }
}
