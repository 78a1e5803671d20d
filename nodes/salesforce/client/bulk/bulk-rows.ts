import { halves } from "../../../common/chunks";
import { ConnectorError, toConnectorError } from "../../../common/errors";
import { contentKey, type JobBook, type Load } from "./bulk-book";
import { cellsOf, columnsOf, type InputRow } from "./bulk-input";
import type { BulkLoader } from "./bulk-loader";
import type { RowResult } from "./bulk-match";
import { csvOf, type CsvStyle, MAX_BYTES } from "./bulk-parts";
import { Suspicion } from "../suspicion";

/** A row that came with a message of its own. */
export interface GatheredRow {
  record: unknown;
  columns: string[];
  /** Hash of the content: the same for rows of equal content. */
  hash: string;
  /** How many characters its cells have. */
  size: number;
  /** The record it is about, in a form in which equal keys mean the same record. Absent for inserts, where each row makes a record. */
  key?: string;
}

/** Settings of a {@link RowGathering}. */
export interface RowGatheringOptions {
  loader: BulkLoader;
  book: JobBook;
  style: CsvStyle;
  /** Whether rows are to be deleted: only their `Id` is sent. */
  idsOnly: boolean;
  /** Told how many rows were worked on, of how many. */
  onProgress?: (processed: number, rows: number) => void;
  /** How many bytes of CSV one job gets at most. Default: {@link MAX_BYTES}. */
  maxBytes?: number;
}

/** How often a batch is loaded again after the org has refused a job because of a field; each time that may be another field. */
const MOST_REFUSALS = 20;
/** How many uploads of one batch may be refused (by a firewall on the way, say) and halved, before what is left fails as a whole. To find one row among 10,000 takes 14. */
const MOST_MINDED = 20;

/** A load that is taken up again, and the places of those of its rows that have come again. */
interface Found {
  key: string;
  load: Load;
  places: number[];
}

/**
 * Loads rows that came with many messages, one each. After a restart or a timeout the messages come again, perhaps together with others. Each row is looked
 * for in the jobs it may have been given to, and is loaded only if it is in none.
 */
export class RowGathering {
  /** Id of the job that was used last. */
  lastJob: string | undefined;
  private readonly suspicion = new Suspicion();

  constructor(private readonly options: RowGatheringOptions) {}

  /**
   * Makes a row from the content of a message.
   *
   * @param keyField the field that identifies the record: `Id`, or an external id; absent for inserts
   * @throws ConnectorError `INPUT_INVALID` for this message alone
   */
  static row(value: unknown, idsOnly: boolean, keyField?: string): GatheredRow {
    if (typeof value !== "object" || value === null) {
      throw new ConnectorError("INPUT_INVALID", `A row is an object of fields, many are a list of objects or CSV; this is ${value === null ? "null" : typeof value}`);
    }
    const columns = idsOnly ? ["Id"] : columnsOf([value]);
    const cells = cellsOf(value, columns, idsOnly);
    const key = keyField === undefined ? undefined : keyOf(cells[columns.findIndex((name) => name.toLowerCase() === keyField.toLowerCase())], keyField);
    const pairs = columns.map((name, index) => `${name.toLowerCase()}=${cells[index]}`).filter((pair) => !pair.endsWith("="));
    return { record: value, columns, hash: contentKey(...pairs.sort()).slice(0, 16), size: cells.reduce((sum, cell) => sum + cell.length, 0), ...(key ? { key } : {}) };
  }

  /**
   * Loads rows. @returns the result of each, in order. Rows that a system error holds up have that error; only those are to be given again. When the org
   * refuses a whole job because of a field, the rows that do not have the field are loaded by another job.
   */
  async load(rows: GatheredRow[]): Promise<RowResult[]> {
    const results = await this.loadOnce(rows);
    for (let tries = 0; tries < MOST_REFUSALS; tries += 1) {
      const places = innocents(rows, results);
      if (places.length === 0) break;
      const again = await this.loadOnce(places.map((place) => rows[place] as GatheredRow));
      again.forEach((result, index) => (results[places[index] as number] = result));
    }
    return results;
  }

  private async loadOnce(rows: GatheredRow[]): Promise<RowResult[]> {
    const { book } = this.options;
    const results: RowResult[] = [];
    const settle = async (places: number[], work: () => Promise<void>): Promise<void> => {
      try {
        await work();
      } catch (thrown) {
        const error = toConnectorError(thrown);
        for (const place of places) results[place] = { ok: false, error };
      }
    };
    let sorted: { found: Found[]; rest: number[] } = { found: [], rest: [] };
    await settle([...rows.keys()], async () => void (sorted = await this.find(rows)));
    for (const { key, load, places } of sorted.found) {
      await settle(places, async () => {
        await this.run(key, rows, places, results);
        const left = without(load.rows ?? [], places.map((place) => (rows[place] as GatheredRow).hash));
        if (left.length > 0) await book.put(key, { ...((await book.find(key)) ?? load), rows: left });
        else await book.remove(key);
      });
    }
    const portions = this.portions(rows, sorted.rest);
    let minded = 0;
    for (let places = portions.shift(); places; places = portions.shift()) {
      const mine = places;
      await settle(mine, async () => {
        const hashes = mine.map((place) => (rows[place] as GatheredRow).hash);
        const key = contentKey("rows", Date.now(), Math.random(), ...hashes);
        await book.put(key, { at: Date.now(), jobs: [], rows: hashes });
        try {
          await this.run(key, rows, mine, results);
        } catch (thrown) {
          const error = await this.judged(rows, toConnectorError(thrown));
          const isMinded = error.details.ofUpload === true && error.scope === "message";
          if (isMinded && mine.length === 1) this.suspicion.found(rows[mine[0] as number] as GatheredRow);
          // a proxy on the way takes less at once than the org, or a firewall refuses one of the rows
          const isToPart = mine.length > 1 && (error.code === "PAYLOAD_TOO_LARGE" || (isMinded && ++minded < MOST_MINDED));
          if (!isToPart || (await book.find(key))?.jobs.length !== 0) throw error;
          portions.unshift(...halves(mine));
        }
        await book.remove(key);
      });
    }
    return results;
  }

  /** Judges a failed upload. A firewall that refuses some rows must not hold up the others: it is suspected after several refusals while an empty upload gets through. */
  private judged(rows: readonly GatheredRow[], error: ConnectorError): Promise<ConnectorError> | ConnectorError {
    const suspect = rows.find((row) => this.suspicion.isDue(row)) ?? rows[0];
    return suspect && error.details.ofUpload === true ? this.suspicion.judged(suspect, error, () => this.options.loader.takesUploads()) : error;
  }

  /** Divides rows into portions for one job each. Counts three bytes for each character. */
  private portions(rows: readonly GatheredRow[], places: readonly number[]): number[][] {
    const { maxBytes = MAX_BYTES } = this.options;
    const columns = unionOf(places.map((place) => rows[place] as GatheredRow)).length;
    const portions: number[][] = [];
    let bytes = Infinity;
    for (const place of places) {
      const own = 3 * ((rows[place] as GatheredRow).size + columns);
      if (bytes + own > maxBytes) {
        portions.push([]);
        bytes = 0;
      }
      portions.at(-1)?.push(place);
      bytes += own;
    }
    return portions;
  }

  private async run(key: string, rows: readonly GatheredRow[], places: readonly number[], results: RowResult[]): Promise<void> {
    const { loader, style, idsOnly, onProgress } = this.options;
    const mine = places.map((place) => rows[place] as GatheredRow);
    const columns = unionOf(mine);
    const inputs = mine.map(({ record }): InputRow => ({ cells: cellsOf(record, columns, idsOnly), row: record }));
    const part = { columns, rows: inputs, csv: csvOf(columns, inputs, style) };
    const found = await loader.load(key, part, {
      onJob: (id) => (this.lastJob = id),
      onProgress: (processed) => onProgress?.(Math.min(processed, mine.length), mine.length),
    });
    found.forEach((result, index) => (results[places[index] as number] = result));
  }

  /** Finds the rows that are in a job already. Loads without a job are dropped, as their rows were never uploaded. */
  private async find(rows: readonly GatheredRow[]): Promise<{ found: Found[]; rest: number[] }> {
    const found: Found[] = [];
    let rest = rows.map((_, place) => place);
    for (const [key, load] of await this.options.book.open()) {
      if (!load.rows) continue;
      if (load.jobs.length === 0) {
        await this.options.book.remove(key);
        continue;
      }
      const counts = new Map<string, number>();
      for (const hash of load.rows) counts.set(hash, (counts.get(hash) ?? 0) + 1);
      const places: number[] = [];
      rest = rest.filter((place) => {
        const { hash } = rows[place] as GatheredRow;
        const left = counts.get(hash) ?? 0;
        if (left === 0) return true;
        counts.set(hash, left - 1);
        places.push(place);
        return false;
      });
      if (places.length > 0) found.push({ key, load, places });
    }
    return { found, rest };
  }
}

/** Places of the rows that were not worked on because the org refused their job over a field which they do not have. */
function innocents(rows: readonly GatheredRow[], results: readonly RowResult[]): number[] {
  const has = (row: GatheredRow | undefined, field: string): boolean => row?.columns.some((name) => name.toLowerCase() === field) === true;
  const fields = results.map(refusedField);
  const guilty = new Set(fields.filter((field, place) => field !== undefined && has(rows[place], field)));
  return fields.flatMap((field, place) => (field !== undefined && guilty.has(field) && !has(rows[place], field) ? place : []));
}

/** The field because of which the org refused the row's whole job, in lower case: `InvalidBatch : Field name not found : Foo__c`. */
function refusedField(result: RowResult): string | undefined {
  if (result.ok) return undefined;
  const { unprocessed, state, outcomeUnknown } = result.error.details;
  if (unprocessed !== true || state !== "Failed" || outcomeUnknown === true) return undefined;
  return /InvalidBatch.* : ([\w.:]+)$/.exec(result.error.message)?.[1]?.toLowerCase();
}

/** A key that is equal for the same record: the first 15 characters of an id, which is case-sensitive; an external id in lower case. */
function keyOf(cell = "", field: string): string {
  return field.toLowerCase() === "id" ? cell.trim().slice(0, 15) : cell.trim().toLowerCase();
}

function unionOf(rows: readonly GatheredRow[]): string[] {
  const names = new Map<string, string>();
  for (const { columns } of rows) for (const name of columns) if (!names.has(name.toLowerCase())) names.set(name.toLowerCase(), name);
  return [...names.values()];
}

/** The hashes without those of `taken`, each removed once. */
function without(hashes: readonly string[], taken: readonly string[]): string[] {
  const counts = new Map<string, number>();
  for (const hash of taken) counts.set(hash, (counts.get(hash) ?? 0) + 1);
  return hashes.filter((hash) => {
    const left = counts.get(hash) ?? 0;
    if (left > 0) counts.set(hash, left - 1);
    return left === 0;
  });
}
