import { ConnectorError } from "../../../common/errors";
import { recordError, toApiError } from "../errors";
import type { RestCalls } from "../rest";

/** How many records the platform takes in one Collections call. */
export const MAX_RECORDS = 200;

/** Path of the Collections API. */
export const COLLECTIONS = "/composite/sobjects";

/** Field values of one record, without `attributes`. */
export type Fields = Record<string, unknown>;

/** Returns the value of a field, whose name may differ from the org's in upper and lower case. */
export function valueIn(record: Fields | undefined, field: string): unknown {
  if (record && Object.hasOwn(record, field)) return record[field];
  const wanted = field.toLowerCase();
  return Object.entries(record ?? {}).find(([name]) => name.toLowerCase() === wanted)?.[1];
}

/** Whether a record has the field, in upper or lower case. */
export function hasField(record: Fields | undefined, field: string): boolean {
  const wanted = field.toLowerCase();
  return Object.keys(record ?? {}).some((name) => name.toLowerCase() === wanted);
}

/** Result of one record. `eventUuid`: for a published platform event, the id that subscribers get with it. */
export type RecordResult = { ok: true; id: string; created: boolean; eventUuid?: string } | { ok: false; error: ConnectorError };

/** Records to delete in one call. */
export interface DeleteRequest {
  /** Record ids, of any objects; at most {@link MAX_RECORDS}. */
  ids: string[];
  /** Whether to delete all or none. Default false. */
  allOrNone?: boolean;
  headers?: Record<string, string>;
}

/**
 * Deletes records by the Collections API.
 *
 * @returns the result of each, in order
 * @throws ConnectorError when the call failed as a whole
 */
export async function deleteRecords(rest: RestCalls, { ids, allOrNone = false, headers }: DeleteRequest): Promise<RecordResult[]> {
  const path = `${COLLECTIONS}?ids=${ids.map(encodeURIComponent).join(",")}&allOrNone=${allOrNone}`;
  const { body } = await rest.request<unknown>({ method: "DELETE", path, headers });
  return readResults(body, ids.length, false);
}

/** Records to read in one call. */
export interface RetrieveRequest {
  object: string;
  /** At most {@link MAX_RECORDS}. */
  ids: string[];
  /** API names of the fields to read. */
  fields: string[];
}

/**
 * Reads records by their ids, in order; `null` for one that does not exist.
 *
 * @throws ConnectorError when the call failed as a whole, as with an unknown field
 */
export async function retrieveRecords(rest: RestCalls, { object, ids, fields }: RetrieveRequest): Promise<(Fields | null)[]> {
  const path = `${COLLECTIONS}/${encodeURIComponent(object)}`;
  const { body } = await rest.request<unknown>({ method: "POST", path, body: { ids, fields } });
  return listOf(body, ids.length).map((one) => one as Fields | null);
}

/** The result of each record, from the body of an answer. @param created whether the call creates records, so that each stored one is new */
export function readResults(body: unknown, count: number, created: boolean): RecordResult[] {
  return listOf(body, count).map((one) => readResult(one, created));
}

function listOf(body: unknown, count: number): unknown[] {
  if (Array.isArray(body) && body.length === count) return body;
  throw new ConnectorError("ORG_UNAVAILABLE", "The org's address answered a Collections call with something else than its results", {
    details: { outcomeUnknown: true },
  });
}

function readResult(value: unknown, create: boolean): RecordResult {
  const { id, success, created, errors } = (value ?? {}) as Record<string, unknown>;
  const found = Array.isArray(errors) ? errors.flatMap((one: unknown) => toApiError(one) ?? []) : [];
  if (success === true && typeof id === "string") {
    const enqueued = found.find(({ code }) => code === "OPERATION_ENQUEUED");
    return { ok: true, id, created: create || created === true, ...(enqueued ? { eventUuid: enqueued.message } : {}) };
  }
  return { ok: false, error: recordError(found) };
}
