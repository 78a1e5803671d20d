import { ApiError, notFound } from "../api-error";
import type { Reply } from "../http";
import { explainQuery, runQuery } from "../soql/query";
import { allow, type Call } from "./call";

/** Returns the number of records on a page: 2,000, or what `Sforce-Query-Options: batchSize=` asks for, from 200 to 2,000. */
function pageSize(call: Call): number {
  const match = /\bbatchSize\s*=\s*(\d+)/i.exec(String(call.request.headers["sforce-query-options"] ?? ""));
  return match ? Math.min(2000, Math.max(200, Number(match[1]))) : 2000;
}

/** Answers `/query?q=`, `/query?explain=`, `/queryAll?q=` and `/query/<locator>`. */
export function query(call: Call): Reply {
  allow(call, "GET");
  const [name, locator] = call.segments;
  if (call.segments.length > 2) throw notFound();
  if (locator !== undefined) return { status: 200, json: call.org.cursors.next(locator, call.base) };
  const explain = call.request.query.get("explain");
  if (explain !== null) return { status: 200, json: { plans: explainQuery(call.org, explain), sourceQuery: explain } };
  const text = call.request.query.get("q");
  if (text === null) throw new ApiError("MALFORMED_QUERY", "SOQL statements must be given in the parameter q");
  const result = runQuery(call.org, text, name === "queryAll");
  return { status: 200, json: call.org.cursors.first(result, pageSize(call), call.base) };
}
