import { chunks } from "../../../common/chunks";
import { ConnectorError, toConnectorError } from "../../../common/errors";
import { type Fields, MAX_RECORDS, type RecordResult, valueIn } from "./collections";
import { afterOthers, listOutcome, type RecordOutcome, refused, shown } from "./record-outcome";
import { RecordReader } from "./record-reader";
import { RecordWriter } from "./record-writer";
import { retryLocked } from "./retry-locked";
import type { RestClient } from "../rest";

/** Operations whose messages share calls. */
export type BatchOperation = "create" | "retrieve" | "update" | "upsert" | "delete";

/** What one message asks for. */
export interface RecordItem {
  /** API name of the object; not used when deleting. */
  object: string;
  /** The records, with their `Id` where the operation needs it. */
  records: Fields[];
  list: boolean;
}

/** Settings of a {@link RecordBatch}. */
export interface RecordBatchOptions {
  operation: BatchOperation;
  /** For upsert: `Id`, or an external id field. */
  externalIdField: string;
  /** Whether each call with records of a list (up to 200) stores all or none. Never applies to messages with one record, which do not depend on each other. */
  allOrNone: boolean;
  /** API names of the fields to read; empty: all that the object has. */
  fields: string[];
  /** Headers for the calls: `Sforce-Auto-Assign`, `Sforce-Duplicate-Rule-Header`. */
  headers: Record<string, string>;
  /** Whether a list fails when some of its records were refused, as no output is wired that would tell of them. */
  someRefusedFails: () => boolean;
}

type Outcome = { ok: true; value: RecordOutcome } | { ok: false; error: ConnectorError };

/** Carries out one operation for the records of several messages: single records share a call, a list has calls of its own. */
export class RecordBatch {
  private readonly writer: RecordWriter;
  private readonly reader: RecordReader;

  constructor(
    rest: RestClient,
    private readonly options: RecordBatchOptions,
  ) {
    this.writer = new RecordWriter(rest);
    this.reader = new RecordReader(rest, options.fields);
  }

  /** Key of messages that must keep their order: the record's id, or its external id as the org compares it. `undefined` for lists, which have no order. */
  keyOf({ object, records, list }: RecordItem): string | undefined {
    return list ? undefined : this.recordKey(object, records[0]);
  }

  private recordKey(object: string, record: Fields | undefined): string | undefined {
    const { operation, externalIdField } = this.options;
    if (operation === "create" || operation === "retrieve") return undefined;
    const byId = operation !== "upsert" || externalIdField === "Id";
    const value = byId ? record?.Id : valueIn(record, externalIdField);
    if (value === undefined || value === null) return undefined;
    return byId ? String(value).slice(0, 15) : `${object.toLowerCase()} ${String(value).trim().toLowerCase()}`;
  }

  /** Carries out messages. @returns the result of each; one that must be given again has an error of scope `system` */
  async write(items: RecordItem[]): Promise<Outcome[]> {
    const outcomes = new Map<RecordItem, Outcome>();
    const singles = this.groups(items.filter(({ list }) => !list)).map((group) => this.single(group, outcomes));
    const lists = items.filter(({ list }) => list).map((item) => this.list(item, outcomes));
    await Promise.all([...singles, ...lists]);
    return items.map((item) => outcomes.get(item) as Outcome);
  }

  /** Whether all it does may be done once more, and so what has failed and may pass be tried again by whoever has it. */
  get repeats(): boolean {
    return !this.makes([{}]);
  }

  /** Whether sent again it would make records once more: the operation creates, or upserts by `Id` where there is none. */
  private makes(records: Fields[]): boolean {
    const { operation, externalIdField } = this.options;
    return operation === "create" || (operation === "upsert" && externalIdField === "Id" && records.some(({ Id }) => isBlank(Id)));
  }

  /** Groups single records by object, as a Collections call is for one object. Those that must not be sent twice are apart, and ids to be read that are of another object. */
  private groups(items: RecordItem[]): RecordItem[][] {
    const groups = new Map<string, RecordItem[]>();
    for (const item of items) {
      const { operation } = this.options;
      const kind = operation === "retrieve" ? String(item.records[0]?.Id).slice(0, 3) : this.makes(item.records);
      const name = operation === "delete" ? "" : `${item.object.toLowerCase()} ${kind}`;
      const group = groups.get(name);
      if (group) group.push(item);
      else groups.set(name, [item]);
    }
    return [...groups.values()];
  }

  private async single(items: RecordItem[], outcomes: Map<RecordItem, Outcome>): Promise<void> {
    const records = items.map((item) => item.records[0] ?? {});
    try {
      const { object } = items[0] as RecordItem;
      if (this.options.operation === "retrieve") {
        const found = await this.reader.read(object, idsOf(records), items);
        found.forEach((one, index) => outcomes.set(items[index] as RecordItem, one.ok ? readOutcome(one.id, one.record) : one));
        return;
      }
      const results = await (this.repeats ? this.save(object, records, items, false) : this.saveSlice(object, records, items, false));
      items.forEach((item, index) => {
        const result = results[index] as RecordResult;
        outcomes.set(item, result.ok ? { ok: true, value: { salesforce: shown(result) } } : result);
      });
    } catch (error) {
      for (const item of items) outcomes.set(item, { ok: false, error: toConnectorError(error) });
    }
  }

  private async list(item: RecordItem, outcomes: Map<RecordItem, Outcome>): Promise<void> {
    try {
      outcomes.set(item, { ok: true, value: await (this.options.operation === "retrieve" ? this.readList(item) : this.saveList(item)) });
    } catch (error) {
      outcomes.set(item, { ok: false, error: toConnectorError(error) });
    }
  }

  private async readList(item: RecordItem): Promise<RecordOutcome> {
    const { object, records } = item;
    const found = await this.reader.readAll(object, [...chunks(idsOf(records), MAX_RECORDS)], item);
    const results = found.map((record, index) => ({ index, id: String(records[index]?.Id), success: record !== null, errors: record ? [] : [missing()] }));
    return { payload: found.map((record) => record && withoutAttributes(record)), salesforce: { success: results.every(({ success }) => success), results } };
  }

  private async saveList(item: RecordItem): Promise<RecordOutcome> {
    const { object, records } = item;
    const found: (RecordResult | undefined)[] = records.map(() => undefined);
    let unmade: ConnectorError | undefined;
    for (const places of this.callsOf(item)) {
      try {
        const saved = await this.saveSlice(object, places.map((place) => records[place] as Fields));
        places.forEach((place, index) => (found[place] = saved[index]));
      } catch (thrown) {
        // records that were created must not be created again together with the rest
        if (!this.makes(records) || found.every((one) => one === undefined)) throw thrown;
        unmade = afterOthers(toConnectorError(thrown), "record was made");
        break;
      }
    }
    const results = found.map((one): RecordResult => one ?? { ok: false, error: unmade as ConnectorError });
    const outcome = listOutcome(results);
    if (outcome.failed && this.options.someRefusedFails()) throw refused(results, outcome.failed, this.isSameAgain(item));
    return outcome;
  }

  /** Whether the stored records of a list stay the same when the list is sent again. */
  private isSameAgain({ records }: RecordItem): boolean {
    const { operation } = this.options;
    return operation === "update" || (operation === "upsert" && !this.makes(records));
  }

  /** The indexes of each call's records. A record that is in the list several times is put into different calls, in order, as the org refuses it twice in one. */
  private callsOf({ object, records }: RecordItem): number[][] {
    const { operation, allOrNone } = this.options;
    const calls: number[][] = [];
    const lastOf = new Map<string, number>();
    let full = 0;
    records.forEach((record, place) => {
      const key = allOrNone || operation === "delete" ? undefined : this.recordKey(object, record);
      let index = Math.max(full, key === undefined ? 0 : (lastOf.get(key) ?? -1) + 1);
      while ((calls[index]?.length ?? 0) >= MAX_RECORDS) index += 1;
      (calls[index] ??= []).push(place);
      if (key !== undefined) lastOf.set(key, index);
      while ((calls[full]?.length ?? 0) >= MAX_RECORDS) full += 1;
    });
    return calls;
  }

  /** Saves records of one call. Tries locked ones again at once, except for creates, which the writer itself tries again, and all-or-none calls. */
  private async saveSlice(object: string, records: Fields[], items: readonly object[] = records, allOrNone = this.options.allOrNone): Promise<RecordResult[]> {
    const results = await this.save(object, records, items, allOrNone);
    if (allOrNone || this.makes(records)) return results;
    return retryLocked(results, (places) => {
      const left = places.map((index) => records[index] as Fields);
      return this.save(object, left, places.map((index) => items[index] as object), false);
    });
  }

  /** Makes one call. @param items one object for each record, the same at every try */
  private save(object: string, records: Fields[], items: readonly object[], allOrNone: boolean): Promise<RecordResult[]> {
    const { operation, externalIdField, headers } = this.options;
    switch (operation) {
      case "create":
        return this.writer.create({ object, records, headers, allOrNone }, items);
      case "update":
        return this.writer.update({ object, records, headers, allOrNone }, items);
      case "upsert":
        if (this.makes(records)) return this.writer.upsertOnce({ object, records, headers, allOrNone }, items);
        // without their ids, which records read from an org have: the org refuses an id in addition to the external id
        return this.writer.upsert({ object, externalIdField, records: externalIdField === "Id" ? records : records.map(withoutId), headers, allOrNone }, items);
      default:
        return this.writer.delete({ ids: records.map(({ Id }) => String(Id)), headers, allOrNone }, items);
    }
  }
}

function idsOf(records: Fields[]): string[] {
  return records.map(({ Id }) => String(Id));
}

function isBlank(value: unknown): boolean {
  return value === undefined || value === null || value === "";
}

function withoutId({ Id: _id, ...fields }: Fields): Fields {
  return fields;
}

function withoutAttributes({ attributes: _attributes, ...fields }: Fields): Fields {
  return fields;
}

function missing(): { statusCode: string; message: string; fields: string[] } {
  return { statusCode: "NOT_FOUND", message: "The org has no record with this id, or the user may not see it", fields: [] };
}

function readOutcome(id: unknown, record: Fields | null): Outcome {
  if (record) return { ok: true, value: { payload: withoutAttributes(record), salesforce: { id: String(record.Id ?? id), success: true, errors: [] } } };
  const { statusCode, message, fields } = missing();
  return { ok: false, error: new ConnectorError("ORG_REFUSED", `${statusCode}: ${message}`, { details: { statusCode, fields, errors: [{ code: statusCode, message, fields }] } }) };
}
