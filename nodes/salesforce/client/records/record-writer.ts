import { halves } from "../../../common/chunks";
import { ConnectorError, isConnectorError, toConnectorError } from "../../../common/errors";
import { CallSizes, isOverLimit } from "./call-sizes";
import { COLLECTIONS, type DeleteRequest, deleteRecords, type Fields, type RecordResult } from "./collections";
import { isLostAnswer, lostAnswer } from "./lost-answer";
import { retryLocked } from "./retry-locked";
import type { RestCalls } from "../rest";
import { saveRecords, type SaveRequest } from "./save-records";
import { getsThrough, isOwnFault, judge, mayBeOfRecords, Suspicion } from "../suspicion";

/** Calls of one delete that may go wrong over their size. */
const MOST_WRONG = 20;
/** Deletes nothing. */
const NO_RECORDS = { method: "DELETE", path: `${COLLECTIONS}?ids=&allOrNone=false` } as const;

/** The state of a delete whose ids are sent in parts. */
interface DeleteLook {
  /** Calls that may still go wrong. */
  left: number;
  /** Somebody is looked for: whether calls get through that hold no records. */
  probe?: () => Promise<boolean>;
}

/** Records of one call, as {@link SaveRequest}. */
export type WriteRequest = Omit<SaveRequest, "operation" | "search" | "sizes" | "once">;

/** Settings of a {@link RecordWriter}. */
export interface RecordWriterOptions {
  /** What a record is called in errors. Default `record`. */
  what?: string;
}

/**
 * Writes batches of records to one org, and gives each record its own result. When the org is away and the call can be repeated, rejects with the error of
 * scope `system`, and the caller gives the same batch again. A call that must not be repeated (a create whose answer was lost) fails its records instead.
 */
export class RecordWriter {
  private readonly suspicion = new Suspicion();
  /** Items that were deleted, or whose delete may have been carried out. If the record is gone at the next try, this deleted it. */
  private readonly deleted = new WeakSet<object>();
  private readonly sizes = new CallSizes();

  constructor(
    private readonly rest: RestCalls,
    private readonly options: RecordWriterOptions = {},
  ) {}

  /**
   * Updates records by the `Id` that each has.
   *
   * @param items one for each record, the same objects at every try
   * @throws ConnectorError of scope `system` when all may be sent again
   */
  update(request: WriteRequest, items: readonly object[]): Promise<RecordResult[]> {
    return this.repeatable({ ...request, operation: "update", externalIdField: undefined }, items);
  }

  /** Updates or creates records by their external id, which must be different for each; otherwise as {@link update}. */
  async upsert(request: WriteRequest & { externalIdField: string }, items: readonly object[]): Promise<RecordResult[]> {
    const results = await this.repeatable({ ...request, operation: "upsert" }, items);
    return results.map((result) => (result.ok ? result : { ok: false, error: sharedExternalId(result.error, request.externalIdField) }));
  }

  /**
   * Creates records. They are never sent again on the spot when the org may have acted, because that would make second ones: such a record
   * fails by itself, and its source decides. Locked records, which surely made nothing, are.
   *
   * @param items as for {@link update}; default: the records
   * @throws ConnectorError of scope `system` when none was stored and all may be sent again
   */
  create(request: WriteRequest, items: readonly object[] = request.records): Promise<RecordResult[]> {
    return this.once({ ...request, operation: "create", externalIdField: undefined }, items);
  }

  /** Upserts records by `Id` of which some have none: these are made, so otherwise as {@link create}. */
  upsertOnce(request: WriteRequest, items: readonly object[]): Promise<RecordResult[]> {
    return this.once({ ...request, operation: "upsert", externalIdField: "Id" }, items);
  }

  private async once(request: SaveRequest, items: readonly object[]): Promise<RecordResult[]> {
    const results = await this.sendOnce(request, items);
    if (request.allOrNone) return results;
    const again = (places: number[]): Promise<RecordResult[]> =>
      this.sendOnce({ ...request, records: places.map((index) => request.records[index] as Fields) }, places.map((index) => items[index] as object));
    return retryLocked(results, again);
  }

  /**
   * Deletes records by id; otherwise as {@link update}.
   *
   * @param items one for each id, the same objects at every try
   */
  delete(request: DeleteRequest, items: readonly object[]): Promise<RecordResult[]> {
    return this.suspecting(request, items, async ({ search = false }) => {
      let isOpen: Promise<boolean> | undefined;
      const probe = (): Promise<boolean> => (isOpen ??= getsThrough(this.rest, NO_RECORDS));
      const results = await this.deleteSome(request, items, { left: MOST_WRONG, probe: search ? probe : undefined });
      if (search) await judge(this.rest, results, { together: request.allOrNone === true, creates: false, probe });
      return unlessAway(results);
    });
  }

  /** What the org's automation cannot do with at once, a proxy not take in one address, or what may be the fault of one of them goes by halves, as in {@link saveRecords}. */
  private async deleteSome(request: DeleteRequest, items: readonly object[], look: DeleteLook): Promise<RecordResult[]> {
    let parts: number[][] | undefined;
    const results = await this.deleteOnce(request, items).catch(async (error: unknown): Promise<RecordResult[]> => {
      parts = isConnectorError(error) ? await partsAfter(error, request, look) : undefined;
      if (!isConnectorError(error) || !parts) throw error;
      if (error.details.network === "TIMEOUT") look.left -= 1; // twice what another costs
      return items.map(() => ({ ok: false, error }));
    });
    parts ??= halves(results.flatMap((result, index) => (isOverLimit(result) ? index : [])));
    if (request.allOrNone || parts.length === 0 || results.length === 1 || look.left <= 0) return results;
    look.left -= 1;
    for (const places of parts) {
      const ids = places.map((place) => request.ids[place] as string);
      const again = await this.deleteSome({ ...request, ids }, places.map((place) => items[place] as object), look).catch((error: unknown): RecordResult[] => {
        return places.map(() => ({ ok: false, error: toConnectorError(error) })); // of others it is known what became of them
      });
      again.forEach((result, index) => (results[places[index] as number] = result));
    }
    return results;
  }

  private async deleteOnce(request: DeleteRequest, items: readonly object[]): Promise<RecordResult[]> {
    const results = await deleteRecords(this.rest, request).catch((error: unknown) => {
      if (isConnectorError(error) && isLostAnswer(error)) for (const item of items) this.deleted.add(item);
      throw error;
    });
    return results.map((result, index): RecordResult => {
      const item = items[index] ?? request;
      if (result.ok) this.deleted.add(item);
      const gone = !result.ok && result.error.details.statusCode === "ENTITY_IS_DELETED" && this.deleted.has(item);
      return gone ? { ok: true, id: request.ids[index] ?? "", created: false } : result;
    });
  }

  /** Safe to repeat: when the org could not take one record, the batch is sent again; those that are not at fault themselves, where one is. */
  private async repeatable(request: SaveRequest, items: readonly object[]): Promise<RecordResult[]> {
    return this.suspecting(request, items, async (search) => unlessAway(await saveRecords(this.rest, { ...request, ...search })));
  }

  /** Looks for a record at fault when it is time to, and counts what may have come of one. */
  private async suspecting(request: Pick<SaveRequest, "allOrNone" | "once">, items: readonly object[], save: (search: Pick<SaveRequest, "search" | "sizes">) => Promise<RecordResult[]>): Promise<RecordResult[]> {
    const [batch = request] = items;
    try {
      const results = await save({ search: [batch, ...items].some((item) => this.suspicion.isDue(item)), sizes: this.sizes });
      results.forEach((result, index) => isOwnFault(result) && this.suspicion.found(items[index] ?? batch));
      return results;
    } catch (error) {
      this.suspicion.note(batch, error, request.once);
      throw error;
    }
  }

  private async sendOnce(request: SaveRequest, items: readonly object[]): Promise<RecordResult[]> {
    const whole: SaveRequest = { ...request, once: true };
    const results = await this.suspecting(whole, items, (search) => saveRecords(this.rest, { ...whole, ...search })).catch((error: unknown) => {
      if (!isConnectorError(error) || !isLostAnswer(error)) throw error;
      return request.records.map((): RecordResult => ({ ok: false, error }));
    });
    return results.map((result) => (!result.ok && isLostAnswer(result.error) ? { ok: false, error: lostAnswer(result.error, `${this.options.what ?? "record"} was made`) } : result));
  }
}

/** The results of a call that may be repeated as a whole. @throws ConnectorError of scope `system` when the org could not take a record, and none is at fault itself */
function unlessAway(results: RecordResult[]): RecordResult[] {
  const away = results.some(isOwnFault) ? undefined : results.find((result) => !result.ok && result.error.scope === "system");
  if (away?.ok === false) throw away.error;
  return results;
}

/**
 * The parts in which the ids of a delete that failed as a whole are sent again; `undefined` when it failed for all of them. Ids of several objects go by object when the
 * org has refused them: it takes ten changes of object in a call, and objects of Setup (groups, permissions) only alone.
 */
async function partsAfter(error: ConnectorError, { ids, allOrNone }: DeleteRequest, look: DeleteLook): Promise<number[][] | undefined> {
  const places = [...ids.keys()];
  if (error.code === "ORG_REFUSED") {
    const objects = allOrNone ? [] : [...new Set(ids.map(prefixOf))];
    return objects.length > 1 ? objects.map((object) => places.filter((place) => prefixOf(ids[place] as string) === object)) : undefined;
  }
  const isOfSome = error.code === "PAYLOAD_TOO_LARGE" || (mayBeOfRecords(error, false) && (await look.probe?.()));
  return isOfSome ? halves(places) : undefined;
}

/** The beginning of an id, which tells its object. */
const prefixOf = (id: string): string => id.slice(0, 3);

/**
 * Two clients that upsert the same new external id at once: one of them is told that the value exists. Sent again, it updates.
 * Another unique field stays refused.
 */
function sharedExternalId(error: ConnectorError, field: string): ConnectorError {
  const { statusCode, fields } = error.details as { statusCode?: string; fields?: string[] };
  const isTwice = statusCode === "DUPLICATE_VALUE" && (/Duplicate external id/i.test(error.message) || fields?.some((name) => name.toLowerCase() === field.toLowerCase()) === true);
  return isTwice || isTaken(error, field) ? new ConnectorError("ORG_BUSY", error.message, { details: error.details, cause: error }) : error;
}

/** Whether a record was refused because another one has the value of this unique field. The org says so in the language of its user, and always names the field. */
export function isTaken({ message, details }: ConnectorError, field: string): boolean {
  const name = field.toLowerCase();
  return details.statusCode === "DUPLICATE_VALUE" && name !== "id" && message.toLowerCase().split(/\W+/).includes(name); // each such text has the word id
}
