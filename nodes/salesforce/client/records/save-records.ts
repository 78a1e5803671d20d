import { chunks, halves } from "../../../common/chunks";
import { ConnectorError, isConnectorError } from "../../../common/errors";
import { type CallSizes, isOverLimit } from "./call-sizes";
import { COLLECTIONS, type Fields, readResults, type RecordResult } from "./collections";
import { type Body, bodyOf, culprits } from "./culprits";
import { unlessOfRecord } from "../errors";
import type { RestCalls } from "../rest";
import { getsThrough, isServerError, judge, mayBeOfRecords } from "../suspicion";

/** How many characters the records of one call may have; the platform takes 50 MB. */
const MAX_CALL = 40_000_000;

/** How many calls may fail while the records at fault in one batch are looked for: enough to find one bad record among 200 by halves. */
const CALL_BUDGET = 20;

/** Records to store. */
export interface SaveRequest {
  /** API name of the object of all records. */
  object: string;
  /** Default: `upsert` with an external id field, else `create`. For `update`, every record must have its `Id`. */
  operation?: "create" | "update" | "upsert";
  /** For `upsert`: the field by which records are found; every record must have it. */
  externalIdField?: string;
  /** At most 200. */
  records: Fields[];
  /** Whether to store all or none. Default false. */
  allOrNone?: boolean;
  /** Headers for the calls, such as `Sforce-Auto-Assign`. */
  headers?: Record<string, string>;
  /**
   * Whether to look for records at fault by halves. To be set when these records have failed again and again as if the org were away: one of them may cause
   * that (an internal error in a trigger, a firewall that refuses it), or their number (no answer in time). Default false.
   */
  search?: boolean;
  /** Remembers how many records one call may have. */
  sizes?: CallSizes;
  /** Whether the call makes records, and so must not be repeated when the org may have carried it out. Default: true for a create. */
  once?: boolean;
}

/**
 * Stores records by the Collections API, each independently of the others unless `allOrNone`.
 *
 * Some mistakes in one record make the org refuse the whole call (an unknown column, a text instead of a date). The record at fault is then found by what the
 * error says, or by halves, and the others are stored without it. With `allOrNone` it is only named. When the org's automation exceeds the limits of a
 * transaction, the records are sent in smaller calls.
 *
 * @returns the result of each record, in order
 * @throws ConnectorError of scope `system` when no record has a result yet; if `details.outcomeUnknown`, the org may have stored records. Once a record has a
 *   result, such an error is instead the result of the records it concerns.
 */
export function saveRecords(rest: RestCalls, request: SaveRequest): Promise<RecordResult[]> {
  return new Saving(rest, request).run();
}

/** One run of {@link saveRecords}. Indexes are those of the records in the request. */
class Saving {
  private readonly results: (RecordResult | undefined)[];
  private readonly together: boolean;
  private readonly creates: boolean;
  private readonly once: boolean;
  /** Whether a call without records gets through to the org; `undefined` before that was tried. */
  private isOpen: boolean | undefined;
  /** How many calls have failed. */
  private wrong = 0;
  /** How many records the largest call had that the org's automation could handle. */
  private passed = 0;
  /** Whether a call with several records was too large. {@link passed} is then the size to keep to, unless a single record was too much ({@link tooMuchAlone}). */
  private tooMany = false;
  private tooMuchAlone = false;
  /** Why no more calls are made. */
  private away: ConnectorError | undefined;

  constructor(
    private readonly rest: RestCalls,
    private readonly request: SaveRequest,
  ) {
    this.results = request.records.map(() => undefined);
    this.together = request.allOrNone === true;
    this.creates = operationOf(request) === "create";
    this.once = request.once ?? this.creates;
  }

  async run(): Promise<RecordResult[]> {
    const { object, records, sizes, search } = this.request;
    const all = records.map((_, index) => index);
    const most = (this.together ? undefined : sizes?.most(object)) ?? Infinity;
    for (const some of chunks(all, most)) await this.save(some);
    if (this.tooMany && !this.tooMuchAlone && this.passed > 0) sizes?.learn(object, this.passed);
    if (search && !this.away) await judge(this.rest, this.results, { object, together: this.together, creates: this.once, probe: () => this.probe() });
    return this.results.map((result) => result ?? { ok: false, error: unsure() });
  }

  private async save(indexes: number[]): Promise<void> {
    const { object, records } = this.request;
    if (indexes.length === 0) return;
    if (this.away) return failAll(this.results, indexes, unsent(this.away));
    if (indexes.length > 1 && !this.together && sizeOf(records, indexes) > MAX_CALL) return this.halve(indexes);
    if (this.wrong >= CALL_BUDGET) return failAll(this.results, indexes.filter((index) => this.results[index] === undefined), unsure());
    const body = bodyOf(object, records, indexes, this.together);
    let saved: RecordResult[];
    try {
      saved = await this.send(body.text, indexes.length);
    } catch (thrown) {
      if (!isConnectorError(thrown)) throw thrown;
      this.wrong += 1;
      const error = unlessOfRecord(thrown, object);
      return error.scope === "system" ? this.notTaken(indexes, error) : this.refused(indexes, body, error);
    }
    await this.answered(indexes, saved);
  }

  private async halve(indexes: number[]): Promise<void> {
    for (const half of halves(indexes)) await this.save(half);
  }

  /** The org has given a result for each record. */
  private async answered(indexes: number[], saved: RecordResult[]): Promise<void> {
    indexes.forEach((index, place) => (this.results[index] = saved[place]));
    const over = this.together ? [] : indexes.filter((index) => isOverLimit(this.results[index]));
    if (over.length === 0) {
      this.passed = Math.max(this.passed, indexes.length);
      return;
    }
    this.wrong += 1;
    this.noteTooMany(indexes);
    for (const index of over) this.results[index] = mayPass(this.results[index]);
    if (indexes.length > 1) await this.halve(over);
  }

  /** The org has refused the whole call because of its content. */
  private async refused(indexes: number[], body: Body, error: ConnectorError): Promise<void> {
    if (error.code === "ORG_BUSY" || indexes.length === 1) return failAll(this.results, indexes, error);
    const { guilty, suspects } = culprits(error, body, this.request.records);
    if (this.together) return blame(this.results, indexes, guilty, error);
    if (guilty.length > 0) failAll(this.results, guilty, error);
    const others = indexes.filter((index) => !guilty.includes(index) && !suspects.includes(index));
    if (guilty.length + suspects.length > 0 && others.length > 0) {
      await this.save(others);
      return this.save(suspects);
    }
    return this.halve(indexes.filter((index) => !guilty.includes(index)));
  }

  /** The org seems to be away. */
  private async notTaken(indexes: number[], error: ConnectorError): Promise<void> {
    if (await this.isSuspect(error)) {
      if (error.details.network === "TIMEOUT") {
        this.wrong += 1; // counts twice: each takes a minute or more, and the broker may take the messages back before the search ends
        this.noteTooMany(indexes);
      }
      if (indexes.length > 1 && !this.together) return this.halve(indexes);
    } else {
      if (!this.results.some((one) => one !== undefined)) throw error;
      this.away = error;
    }
    failAll(this.results, indexes, error);
  }

  private noteTooMany({ length }: number[]): void {
    if (length > 1) this.tooMany = true;
    else this.tooMuchAlone = true;
  }

  /** Whether records at fault are looked for, and this error may come from one of them. */
  private async isSuspect(error: ConnectorError): Promise<boolean> {
    if (!this.request.search || !mayBeOfRecords(error, this.once)) return false;
    return isServerError(error) || (this.isOpen ??= await this.probe());
  }

  private probe(): Promise<boolean> {
    return getsThrough(this.rest, { ...callOf(this.request), body: '{"allOrNone":false,"records":[]}' });
  }

  private async send(text: string, count: number): Promise<RecordResult[]> {
    const { body } = await this.rest.request<unknown>({ ...callOf(this.request), body: text, headers: this.request.headers });
    return readResults(body, count, this.creates);
  }
}

function operationOf({ operation, externalIdField }: SaveRequest): NonNullable<SaveRequest["operation"]> {
  return operation ?? (externalIdField ? "upsert" : "create");
}

function callOf(request: SaveRequest): { method: "POST" | "PATCH"; path: string } {
  const operation = operationOf(request);
  const path = operation === "upsert" ? `${COLLECTIONS}/${encodeURIComponent(request.object)}/${encodeURIComponent(request.externalIdField ?? "Id")}` : COLLECTIONS;
  return { method: operation === "create" ? "POST" : "PATCH", path };
}

/** The error for records that were not sent, as an earlier call found the org away. */
function unsent({ code, message, details }: ConnectorError): ConnectorError {
  return new ConnectorError(code, message, { details: { ...details, outcomeUnknown: false } });
}

/** Makes a result that exceeded a limit one that may be tried again, as what a transaction uses differs from time to time. */
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

/** Results of a refused all-or-none call: records at fault get its error, the others an error that says they were not stored. */
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

/** The error for records left when the search has used up its calls: they are tried again later, perhaps together with others. */
function unsure(): ConnectorError {
  return new ConnectorError("ORG_REFUSED", "The org refused a call with several records, and which of them is at fault was not found yet", { retryable: true });
}
