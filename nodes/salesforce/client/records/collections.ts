import { ConnectorError } from "../../../common/errors";
import { recordError, toApiError } from "../errors";
import type { RestCalls } from "../rest";

/** Most records the platform takes in one Collections call. */
export const MAX_RECORDS = 200;

/** Path of the Collections API. */
export const COLLECTIONS = "/composite/sobjects";

/** Field values of one record, without `attributes`. */
export type Fields = Record<string, unknown>;

/** What became of one record. `eventUuid` is what a published platform event will be delivered with. */
export type RecordResult = { ok: true; id: string; created: boolean; eventUuid?: string } | { ok: false; error: ConnectorError };

/** Records to delete in one go. */
export interface DeleteRequest {
  /** Record ids, of any objects; at most {@link MAX_RECORDS}. */
  ids: string[];
  /** Deletes all or none. Default false. */
  allOrNone?: boolean;
  headers?: Record<string, string>;
}

/**
 * Deletes records by the Collections API and says for each what became of it, in order.
 *
 * @throws ConnectorError when the call failed as a whole
 */
export async function deleteRecords(rest: RestCalls, { ids, allOrNone = false, headers }: DeleteRequest): Promise<RecordResult[]> {
  const path = `${COLLECTIONS}?ids=${ids.map(encodeURIComponent).join(",")}&allOrNone=${allOrNone}`;
  const { body } = await rest.request<unknown>({ method: "DELETE", path, headers });
  return readResults(body, ids.length, false);
}

/** Records to read in one go. */
export interface RetrieveRequest {
  object: string;
  /** At most {@link MAX_RECORDS}. */
  ids: string[];
  /** API names of the fields wanted. */
  fields: string[];
}

/**
 * Reads records by their ids, in order; `null` for one that is not there.
 *
 * @throws ConnectorError when the call failed as a whole, as it does for an unknown field
 */
export async function retrieveRecords(rest: RestCalls, { object, ids, fields }: RetrieveRequest): Promise<(Fields | null)[]> {
  const path = `${COLLECTIONS}/${encodeURIComponent(object)}`;
  const { body } = await rest.request<unknown>({ method: "POST", path, body: { ids, fields } });
  return listOf(body, ids.length).map((one) => one as Fields | null);
}

/** What became of each record, from the body of an answer. @param created what is stored was made */
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
