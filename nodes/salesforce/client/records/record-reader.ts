import { halves } from "../../../common/chunks";
import { type ConnectorError, isConnectorError, toConnectorError } from "../../../common/errors";
import { COLLECTIONS, type Fields, retrieveRecords } from "./collections";
import { Describes } from "./describes";
import type { RestCalls } from "../rest";
import { canBeRead, getsThrough, isOwnFault, judge, mayBeOfRecords, notLookedFor, Suspicion } from "../suspicion";

/** The result of reading one record. `record` is `null` if there is no such record. */
export type ReadResult = { ok: true; id: string; created: false; record: Fields | null } | { ok: false; error: ConnectorError };

/** How many calls may fail while the record at fault is looked for. A call that timed out counts as two. */
const MOST_WRONG = 20;

/** Reads records by their ids. A record that makes the org fail, or that a proxy on the way refuses, is found by halving, so that it does not hold up others. */
export class RecordReader {
  private readonly describes: Describes;
  private readonly suspicion = new Suspicion();

  /** @param fields names of the fields to read; empty: all fields of the object */
  constructor(
    private readonly rest: RestCalls,
    private readonly fields: string[],
  ) {
    this.describes = new Describes(rest);
  }

  /**
   * Reads records of different messages, at most as many as one call accepts.
   *
   * @param items one object for each id; the same objects at every try
   * @throws ConnectorError when the call failed as a whole
   */
  async read(object: string, ids: string[], items: readonly object[]): Promise<ReadResult[]> {
    // The probe is like the real call. The list of versions would get through even where no POST does, or where the org is too slow for any real call.
    const probe = (): Promise<boolean> => getsThrough(this.rest, { method: "POST", path: `${COLLECTIONS}/${encodeURIComponent(object)}`, body: { ids: [], fields: ["Id"] } });
    try {
      if (!items.some((item) => this.suspicion.isDue(item))) return await this.ask(object, ids);
      const results = await this.search(object, ids, { left: MOST_WRONG });
      await judge(this.rest, results, { object, together: false, creates: false, probe });
      results.forEach((result, index) => isOwnFault(result) && this.suspicion.found(items[index] as object));
      return results;
    } catch (error) {
      this.suspicion.note(items[0] as object, error);
      throw error;
    }
  }

  /** Reads the records of one message, which fail together; otherwise like {@link read}. @param item the same object at every try */
  async readAll(object: string, calls: string[][], item: object): Promise<(Fields | null)[]> {
    const work = (): Promise<(Fields | null)[][]> => Promise.all(calls.map((ids) => this.retrieve(object, ids)));
    return (await this.suspicion.guarded(item, work, () => canBeRead(this.rest, object))).flat();
  }

  private async search(object: string, ids: string[], look: { left: number }): Promise<ReadResult[]> {
    try {
      return await this.ask(object, ids);
    } catch (thrown) {
      const error = toConnectorError(thrown);
      look.left -= error.details.network === "TIMEOUT" ? 2 : 1;
      const isOver = ids.length > 1 && look.left <= 0;
      if (ids.length === 1 || isOver || !mayBeOfRecords(error, false)) return ids.map(() => ({ ok: false, error: isOver ? notLookedFor(error) : error }));
      const found: ReadResult[] = [];
      for (const half of halves(ids)) found.push(...(await this.search(object, half, look)));
      return found;
    }
  }

  private async ask(object: string, ids: string[]): Promise<ReadResult[]> {
    const found = await this.retrieve(object, ids);
    return found.map((record, index) => ({ ok: true, id: ids[index] as string, created: false, record }));
  }

  private async retrieve(object: string, ids: string[]): Promise<(Fields | null)[]> {
    const { fields } = this;
    if (fields.length > 0) return retrieveRecords(this.rest, { object, ids, fields });
    try {
      return await retrieveRecords(this.rest, { object, ids, fields: await this.allFields(object) });
    } catch (error) {
      if (!isConnectorError(error) || error.details.errorCode !== "INVALID_FIELD") throw error;
      this.describes.forget(object); // a field was removed after the object had been described
      return retrieveRecords(this.rest, { object, ids, fields: await this.allFields(object) });
    }
  }

  private async allFields(object: string): Promise<string[]> {
    return (await this.describes.fieldsOf(object)).map(({ name }) => name);
  }
}
