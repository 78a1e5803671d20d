import { ConnectorError, isConnectorError } from "../../common/errors";
import { recordError, toApiError } from "./errors";
import type { RestClient } from "./rest";

/** Most records the platform takes in one Collections call. */
export const MAX_RECORDS = 200;

/** Calls spent on finding what is wrong in one batch; enough to bisect 200 records down to one bad record. */
const CALL_BUDGET = 20;

/** Field values of one record, without `attributes`. */
export type Fields = Record<string, unknown>;

/** What became of one record. */
export type RecordResult = { ok: true; id: string; created: boolean } | { ok: false; error: ConnectorError };

/** Records to store in one go. */
export interface SaveRequest {
  /** API name of the object all records are of. */
  object: string;
  /** Upsert by this field, which every record carries; absent: create. */
  externalIdField?: string;
  /** At most {@link MAX_RECORDS}. */
  records: Fields[];
  /** E.g. `Sforce-Auto-Assign`. */
  headers?: Record<string, string>;
  /**
   * A 500 that has come again and again for these records may be the fault of one of them (an internal error in a trigger): look for it
   * by halves. Only for upserts. Default false.
   */
  searchServerErrors?: boolean;
}

/**
 * Stores records by the Collections API, each for itself (`allOrNone: false`), and says for each what became of it, in order.
 *
 * Some mistakes in one record make the org refuse the whole call (an unknown column, a text where a date belongs): the culprit is then
 * looked for, by what the error says or else by halves, and the others are stored without it.
 *
 * @throws ConnectorError of scope `system` when no record has a result yet; the org may have acted all the same if
 *   `details.outcomeUnknown`. Later on such an error is the result of the records it befell.
 */
export async function saveRecords(rest: RestClient, request: SaveRequest): Promise<RecordResult[]> {
  const results: (RecordResult | undefined)[] = request.records.map(() => undefined);
  let calls = 0;
  const halve = async (indexes: number[]): Promise<void> => {
    const half = Math.ceil(indexes.length / 2);
    await save(indexes.slice(0, half));
    await save(indexes.slice(half));
  };
  const save = async (indexes: number[]): Promise<void> => {
    if (indexes.length === 0) return;
    if (calls >= CALL_BUDGET) return failAll(results, indexes, unsure());
    calls += 1;
    const body = bodyOf(request, indexes);
    let saved: RecordResult[];
    try {
      saved = await send(rest, request, body.text, indexes.length);
    } catch (thrown) {
      if (!isConnectorError(thrown)) throw thrown;
      const error = thrown;
      const search = request.searchServerErrors === true && isServerError(error);
      if (search && indexes.length > 1) return halve(indexes);
      if (error.scope === "system" && !search && !results.some((one) => one !== undefined)) throw error;
      if (error.scope === "system" || error.code === "ORG_BUSY" || indexes.length === 1) return failAll(results, indexes, error);
      const { guilty, suspects } = culprits(error, body, request.records);
      if (guilty.length > 0) failAll(results, guilty, error);
      const others = indexes.filter((index) => !guilty.includes(index) && !suspects.includes(index));
      if (guilty.length + suspects.length > 0 && others.length > 0) {
        await save(others);
        return save(suspects);
      }
      return halve(indexes.filter((index) => !guilty.includes(index)));
    }
    indexes.forEach((index, place) => (results[index] = saved[place]));
  };
  await save(request.records.map((_, index) => index));
  if (request.searchServerErrors) judgeServerErrors(results);
  return results.map((result) => result ?? { ok: false, error: unsure() });
}

async function send(rest: RestClient, request: SaveRequest, text: string, count: number): Promise<RecordResult[]> {
  const { object, externalIdField, headers } = request;
  const { body } = await rest.request<unknown>({
    method: externalIdField ? "PATCH" : "POST",
    path: externalIdField ? `/composite/sobjects/${encodeURIComponent(object)}/${encodeURIComponent(externalIdField)}` : "/composite/sobjects",
    body: text,
    headers,
  });
  if (!Array.isArray(body) || body.length !== count) {
    throw new ConnectorError("ORG_UNAVAILABLE", "The org's address answered a Collections call with something else than its results.", {
      details: { outcomeUnknown: true },
    });
  }
  return body.map((one: unknown) => readResult(one, externalIdField === undefined));
}

function readResult(value: unknown, create: boolean): RecordResult {
  const { id, success, created, errors } = (value ?? {}) as Record<string, unknown>;
  if (success === true && typeof id === "string") return { ok: true, id, created: create || created === true };
  const found = Array.isArray(errors) ? errors.flatMap((one: unknown) => toApiError(one) ?? []) : [];
  return { ok: false, error: recordError(found) };
}

interface Body {
  text: string;
  /** For each record in the text: its index in the request and where it ends. */
  ends: { index: number; end: number }[];
}

/** The JSON of a call, in ASCII so that characters and bytes count alike, with the place of each record in it. */
function bodyOf(request: SaveRequest, indexes: number[]): Body {
  let text = '{"allOrNone":false,"records":[';
  const ends: Body["ends"] = [];
  indexes.forEach((index, place) => {
    const record = { attributes: { type: request.object }, ...request.records[index] };
    text += (place > 0 ? "," : "") + JSON.stringify(record).replace(/[\u0080-\uffff]/g, escapeCharacter);
    ends.push({ index, end: text.length });
  });
  return { text: `${text}]}`, ends };
}

function escapeCharacter(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

/**
 * The records that a refusal of the whole call speaks of: by the column it does not know, by the value it cannot read, or by the place
 * in the JSON. `guilty` when there is no doubt, else `suspects`; neither when it says nothing of use.
 */
function culprits(error: ConnectorError, body: Body, records: Fields[]): { guilty: number[]; suspects: number[] } {
  const indexes = body.ends.map(({ index }) => index);
  const column = /No such column '([^']+)'/i.exec(error.message)?.[1]?.toLowerCase();
  if (column) return { guilty: indexes.filter((index) => Object.keys(records[index] ?? {}).some((name) => name.toLowerCase() === column)), suspects: [] };

  const value = /from VALUE_\w+ value (.*?) or request may be missing/is.exec(error.message)?.[1];
  const suspects = value === undefined ? [] : indexes.filter((index) => Object.values(records[index] ?? {}).some((one) => String(one) === value));
  if (suspects.length === 1) return { guilty: suspects, suspects: [] };

  const place = Number(/\[line:\s*1, column:\s*(\d+)\]/.exec(error.message)?.[1]);
  // Some errors give a place within the record; only one that lies behind the first record can be within the call.
  const found = place > (body.ends[0]?.end ?? 0) ? body.ends.find(({ end }) => place <= end) : undefined;
  if (found && (value === undefined || suspects.includes(found.index))) return { guilty: [found.index], suspects: [] };
  return { guilty: [], suspects };
}

/** Whether the org failed in itself, as opposed to being closed (503) or behind a gateway that lost it. */
export function isServerError(error: unknown): boolean {
  return isConnectorError(error) && error.code === "ORG_UNAVAILABLE" && error.details.status === 500;
}

/** After a search: if some records passed, the org works, and a 500 is its record's own; if none did, it is the org's. */
function judgeServerErrors(results: (RecordResult | undefined)[]): void {
  const worked = results.some((result) => result?.ok);
  results.forEach((result, index) => {
    if (!result || result.ok || !isServerError(result.error)) return;
    if (!worked) throw result.error;
    const { message, details } = result.error;
    results[index] = { ok: false, error: new ConnectorError("ORG_BUSY", message, { details, cause: result.error }) };
  });
}

function failAll(results: (RecordResult | undefined)[], indexes: number[], error: ConnectorError): void {
  for (const index of indexes) results[index] = { ok: false, error };
}

/** More is wrong than the budget could find: what is left is tried again later, in other company. */
function unsure(): ConnectorError {
  return new ConnectorError("ORG_REFUSED", "The org refused a call with several records, and which of them is at fault was not found yet.", { retryable: true });
}
