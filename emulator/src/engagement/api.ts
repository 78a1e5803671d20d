import type { Reply, Request } from "../http";
import { bearerToken } from "../oauth/oauth";
import type { Org } from "../org";
import { BUSINESS_UNIT_ID, type EngagementRecord } from "./engagement";
import { COLLECTIONS, PROSPECT_WRITEABLE } from "./fields";

/** The path of Account Engagement. The real one has its own host. */
export const ENGAGEMENT_PREFIX = "/api/v5/objects/";

const MAX_LIMIT = 1000;
const DEFAULT_LIMIT = 200;

/** A refusal, which is answered as `{ code, message }`. The vendor documents this form. All codes and texts except code 122 are from memory. */
class Refusal extends Error {
  constructor(
    readonly status: number,
    readonly code: number,
    text: string,
  ) {
    super(text);
  }
}

/** The codes of Account Engagement for too many concurrent calls, and for too many calls today. */
const LIMITS = { concurrent: 66, total: 122 };

/**
 * Returns a fault in the form of Account Engagement.
 *
 * @param code a number, or an error code of the REST API. Codes of limits have their own numbers, all others become 1
 */
export function engagementFailure(status: number, code: string, message: string): Reply {
  const limit = code === "REQUEST_LIMIT_EXCEEDED" ? LIMITS[/concurrent/i.test(message) ? "concurrent" : "total"] : undefined;
  return { status, json: { code: limit ?? (Number(code) || 1), message } };
}

/** Answers `/api/v5/objects/…`. */
export function engagement(org: Org, request: Request): Reply {
  try {
    authorise(org, request);
    return route(org, request);
  } catch (error) {
    if (error instanceof Refusal) return { status: error.status, json: { code: error.code, message: error.message } };
    throw error;
  }
}

function authorise(org: Org, { headers }: Request): void {
  const token = bearerToken(headers);
  if (token === undefined || !org.sessions.find(token)) throw new Refusal(401, 184, "access_token is invalid, unknown, or malformed");
  const unit = headers["pardot-business-unit-id"];
  if (unit === undefined) throw new Refusal(400, 181, "The header Pardot-Business-Unit-Id is required");
  if (unit !== BUSINESS_UNIT_ID) throw new Refusal(403, 182, "The business unit is not known, or this user may not work in it");
}

function route(org: Org, request: Request): Reply {
  const [collection = "", id, ...rest] = request.path.slice(ENGAGEMENT_PREFIX.length).split("/");
  const known = Object.hasOwn(COLLECTIONS, collection) ? COLLECTIONS[collection]! : undefined;
  if (!known || rest.length > 0) throw new Refusal(404, 2, "The requested resource does not exist");
  const records = org.declared.engagement.of(collection);
  const isProspect = collection === "prospects";
  if (id === undefined) {
    if (request.method === "GET") return query(request, [...records.values()], known);
    if (request.method !== "POST" || !isProspect) throw notAllowed(request);
    const values = prospectOf(request);
    if (typeof values["email"] !== "string" || !values["email"].includes("@")) throw new Refusal(400, 4, "Invalid prospect email address");
    return { status: 201, json: pick(org.declared.engagement.add(collection, { ...values, isDeleted: false }), fieldsOf(request, known, ["id", "email"])) };
  }
  const record = records.get(Number(id));
  if (!record) throw new Refusal(404, 3, `The object with the id ${id} does not exist`);
  if (request.method === "GET") return { status: 200, json: pick(record, fieldsOf(request, known)) };
  if (!isProspect) throw notAllowed(request);
  if (request.method === "DELETE") {
    records.delete(record.id);
    return { status: 204 };
  }
  if (request.method !== "PATCH") throw notAllowed(request);
  Object.assign(record, prospectOf(request));
  return { status: 200, json: pick(record, fieldsOf(request, known, ["id", "email"])) };
}

/** Answers with a page of records. The token of the next page holds the limit and the last id. */
function query(request: Request, all: EngagementRecord[], known: readonly string[]): Reply {
  const token = request.query.get("nextPageToken");
  const state = token === null ? undefined : readToken(token);
  if (token !== null && !state) throw new Refusal(400, 214, "The nextPageToken is invalid");
  const fields = fieldsOf(request, known);
  const limit = state?.limit ?? Number(request.query.get("limit") ?? DEFAULT_LIMIT);
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_LIMIT) throw new Refusal(400, 9, `The limit must be a whole number from 1 to ${MAX_LIMIT}`);
  const left = all.sort((a, b) => a.id - b.id).filter(({ id }) => id > (state?.after ?? 0));
  const page = left.slice(0, limit);
  const next = left.length > limit ? Buffer.from(JSON.stringify({ after: page.at(-1)!.id, limit })).toString("base64url") : null;
  const address = `${request.origin}${request.path}?fields=${encodeURIComponent(fields.join(","))}&nextPageToken=${next}`;
  return { status: 200, json: { nextPageToken: next, nextPageUrl: next === null ? null : address, values: page.map((record) => pick(record, fields)) } };
}

function readToken(token: string): { after: number; limit: number } | undefined {
  try {
    const { after, limit } = JSON.parse(Buffer.from(token, "base64url").toString("utf8")) as { after: number; limit: number };
    return Number.isInteger(after) && Number.isInteger(limit) ? { after, limit } : undefined;
  } catch {
    return undefined;
  }
}

/** Returns the fields that are asked for. Every request to read must name them; others may leave them out if there is a `fallback`. */
function fieldsOf({ query: parameters }: Request, known: readonly string[], fallback?: string[]): string[] {
  const text = parameters.get("fields");
  if (text === null || text === "") {
    if (fallback) return fallback;
    throw new Refusal(400, 109, "The parameter fields is required");
  }
  const fields = text.split(",").map((field) => field.trim());
  const unknown = fields.find((field) => !known.includes(field));
  if (unknown !== undefined) throw new Refusal(400, 109, `The field ${unknown} is unknown`);
  return fields;
}

const pick = (record: EngagementRecord, fields: readonly string[]): Record<string, unknown> =>
  Object.fromEntries(fields.map((field) => [field, record[field] ?? null]));

function prospectOf({ body, headers }: Request): Record<string, unknown> {
  if (!/^application\/json\b/i.test(headers["content-type"] ?? "")) throw new Refusal(415, 49, "The content type must be application/json");
  let values: unknown;
  try {
    values = JSON.parse(body.toString("utf8"));
  } catch {
    throw new Refusal(400, 49, "The body is no JSON");
  }
  if (typeof values !== "object" || values === null || Array.isArray(values)) throw new Refusal(400, 49, "The body is no JSON object");
  const unknown = Object.keys(values).find((field) => !PROSPECT_WRITEABLE.has(field));
  if (unknown !== undefined) throw new Refusal(400, 109, `The field ${unknown} is unknown or cannot be written`);
  return values as Record<string, unknown>;
}

const notAllowed = ({ method }: Request): Refusal => new Refusal(405, 108, `${method} is not possible here`);
