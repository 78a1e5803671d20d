import { ConnectorError, isConnectorError } from "../../../common/errors";
import { type CallSizes, isOverLimit } from "./call-sizes";
import { bodyOf, culprits } from "./culprits";
import { recordError, toApiError, unlessOfRecord } from "../errors";
import type { RestCalls } from "../rest";
import { getsThrough, isServerError, judge, mayBeOfRecords } from "./suspicion";

/** Most records the platform takes in one Collections call. */
export const MAX_RECORDS = 200;

/** Characters of records in one call; the platform takes 50 MB. */
const MAX_CALL = 40_000_000;

/** Calls that may go wrong while what is wrong in one batch is looked for; enough to bisect 200 records down to one bad record. */
const CALL_BUDGET = 20;

const COLLECTIONS = "/composite/sobjects";

/** Field values of one record, without `attributes`. */
export type Fields = Record<string, unknown>;

/** What became of one record. `eventUuid` is what a published platform event will be delivered with. */
export type RecordResult = { ok: true; id: string; created: boolean; eventUuid?: string } | { ok: false; error: ConnectorError };

/** Records to store in one go. */
export interface SaveRequest {
  /** API name of the object all records are of. */
  object: string;
  /** Default: `upsert` with an external id field, else `create`. For `update` every record carries its `Id`. */
  operation?: "create" | "update" | "upsert";
  /** Upsert by this field, which every record carries. */
  externalIdField?: string;
  /** At most {@link MAX_RECORDS}. */
  records: Fields[];
  /** Stores all or none. Default false. */
  allOrNone?: boolean;
  /** E.g. `Sforce-Auto-Assign`. */
  headers?: Record<string, string>;
  /**
   * What has come again and again for these records as if the org were away may be the fault of one of them (an internal error in a trigger, a firewall
   * that minds it), or of their number (no answer in time): look for it by halves. Default false.
   */
  search?: boolean;
  /** What is known of how many records go into one call. */
  sizes?: CallSizes;
}

/**
 * Stores records by the Collections API, each for itself unless `allOrNone`, and says for each what became of it, in order.
 *
 * Some mistakes in one record make the org refuse the whole call (an unknown column, a text where a date belongs): the culprit is then
 * looked for, by what the error says or else by halves, and the others are stored without it. With `allOrNone` it is only named. Records over
 * which the org's automation has run out of what one transaction may use go by smaller calls, too.
 *
 * @throws ConnectorError of scope `system` when no record has a result yet; the org may have acted all the same if
 *   `details.outcomeUnknown`. Later on such an error is the result of the records it befell.
 */
export async function saveRecords(rest: RestCalls, request: SaveRequest): Promise<RecordResult[]> {
  const results: (RecordResult | undefined)[] = request.records.map(() => undefined);
  const { sizes } = request;
  const creates = operationOf(request) === "create";
  /** Once somebody is suspected: whether calls get through that hold no records. */
  let isOpen: boolean | undefined;
  const probe = (): Promise<boolean> => getsThrough(rest, callOf(request));
  let wrong = 0;
  let passed = 0;
  let failedOverLimit = false;
  /** Why nothing more is sent. */
  let away: ConnectorError | undefined;
  const halve = async (indexes: number[]): Promise<void> => {
    const half = Math.ceil(indexes.length / 2);
    await save(indexes.slice(0, half));
    await save(indexes.slice(half));
  };
  const save = async (indexes: number[]): Promise<void> => {
    if (indexes.length === 0) return;
    if (away) return failAll(results, indexes, unsent(away));
    if (indexes.length > 1 && request.allOrNone !== true && sizeOf(request.records, indexes) > MAX_CALL) return halve(indexes);
    if (wrong >= CALL_BUDGET) return failAll(results, indexes.filter((index) => results[index] === undefined), unsure());
    const body = bodyOf(request.object, request.records, indexes, request.allOrNone === true);
    let saved: RecordResult[];
    try {
      saved = await send(rest, request, body.text, indexes.length);
    } catch (thrown) {
      if (!isConnectorError(thrown)) throw thrown;
      wrong += 1;
      const error = unlessOfRecord(thrown, request.object);
      const isSuspect = request.search === true && request.allOrNone !== true && mayBeOfRecords(error, creates);
      const search = isSuspect && (isServerError(error) || (isOpen ??= await probe()));
      if (search && error.details.network === "TIMEOUT") failedOverLimit = true;
      if (search && indexes.length > 1) return halve(indexes);
      if (error.scope === "system" && !search && !results.some((one) => one !== undefined)) throw error;
      if (error.scope === "system" && !search) away = error;
      if (error.scope === "system" || error.code === "ORG_BUSY" || indexes.length === 1) return failAll(results, indexes, error);
      const { guilty, suspects } = culprits(error, body, request.records);
      if (request.allOrNone) return blame(results, indexes, guilty, error);
      if (guilty.length > 0) failAll(results, guilty, error);
      const others = indexes.filter((index) => !guilty.includes(index) && !suspects.includes(index));
      if (guilty.length + suspects.length > 0 && others.length > 0) {
        await save(others);
        return save(suspects);
      }
      return halve(indexes.filter((index) => !guilty.includes(index)));
    }
    const over = request.allOrNone === true ? [] : indexes.filter((_, place) => isOverLimit(saved[place]));
    indexes.forEach((index, place) => (results[index] = saved[place]));
    if (over.length === 0) return void (passed = Math.max(passed, indexes.length));
    wrong += 1;
    failedOverLimit = true;
    for (const index of over) results[index] = mayPass(results[index]);
    if (indexes.length > 1) await halve(over);
  };
  const most = request.allOrNone === true ? Infinity : (sizes?.most(request.object) ?? Infinity);
  const all = request.records.map((_, index) => index);
  for (let from = 0; from < all.length; from += most) await save(all.slice(from, from + most));
  if (failedOverLimit && passed > 0) sizes?.learn(request.object, passed);
  if (request.search) await judge(rest, results, { object: request.object, creates, probe });
  return results.map((result) => result ?? { ok: false, error: unsure() });
}

async function send(rest: RestCalls, request: SaveRequest, text: string, count: number): Promise<RecordResult[]> {
  const { body } = await rest.request<unknown>({ ...callOf(request), body: text, headers: request.headers });
  return readResults(body, count, operationOf(request) === "create");
}

function operationOf({ operation, externalIdField }: SaveRequest): NonNullable<SaveRequest["operation"]> {
  return operation ?? (externalIdField ? "upsert" : "create");
}

function callOf(request: SaveRequest): { method: "POST" | "PATCH"; path: string } {
  const operation = operationOf(request);
  const path = operation === "upsert" ? `${COLLECTIONS}/${encodeURIComponent(request.object)}/${encodeURIComponent(request.externalIdField ?? "Id")}` : COLLECTIONS;
  return { method: operation === "create" ? "POST" : "PATCH", path };
}

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

function readResults(body: unknown, count: number, created: boolean): RecordResult[] {
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

/** Of records whose call comes behind one that found the org away: nothing has become of them. */
function unsent({ code, message, details }: ConnectorError): ConnectorError {
  return new ConnectorError(code, message, { details: { ...details, outcomeUnknown: false } });
}

/** How much a transaction uses differs from time to time. */
function mayPass(result: RecordResult | undefined): RecordResult | undefined {
  if (!result || result.ok) return result;
  const { code, message, details } = result.error;
  return { ok: false, error: new ConnectorError(code, message, { retryable: true, details, cause: result.error }) };
}

function sizeOf(records: Fields[], indexes: number[]): number {
  let size = 0;
  for (const index of indexes) for (const value of Object.values(records[index] ?? {})) if (typeof value === "string") size += value.length;
  return size;
}

/** A call of all or none was refused: those at fault get its words, the others are told that they were not stored. */
function blame(results: (RecordResult | undefined)[], indexes: number[], guilty: number[], error: ConnectorError): void {
  const others = guilty.length === 0 ? [] : indexes.filter((index) => !guilty.includes(index));
  failAll(results, guilty.length === 0 ? indexes : guilty, error);
  failAll(results, others, rolledBack());
}

function rolledBack(): ConnectorError {
  const message = "The record was not stored, because another one of its call was refused and the call was for all or none";
  return new ConnectorError("ORG_REFUSED", message, { details: { statusCode: "ALL_OR_NONE_OPERATION_ROLLED_BACK", fields: [], errors: [] } });
}

function failAll(results: (RecordResult | undefined)[], indexes: number[], error: ConnectorError): void {
  for (const index of indexes) results[index] = { ok: false, error };
}

/** More is wrong than the budget could find: what is left is tried again later, in other company. */
function unsure(): ConnectorError {
  return new ConnectorError("ORG_REFUSED", "The org refused a call with several records, and which of them is at fault was not found yet", { retryable: true });
}
