import { setTimeout as delay } from "node:timers/promises";
import { ConnectorError, isConnectorError } from "../../common/errors";
import { type Fields, isServerError, type RecordResult, saveRecords } from "./collections";
import type { RestClient } from "./rest";

/** One case to store. */
export interface CaseItem {
  fields: Fields;
  /** Value of the external id field; only when the writer upserts. */
  externalId?: string | number;
  /** The division that took the message; absent without divisions. */
  division?: string;
}

/** `msg.salesforce` after a case was stored. */
export interface CaseResult {
  /** 18 characters. */
  id: string;
  success: true;
  /** False when an existing case was updated. */
  created: boolean;
  errors: [];
  division?: string;
}

/** As the delivery core's, spelled here so that the client stands alone. */
export type CaseOutcome = { ok: true; value: CaseResult } | { ok: false; error: ConnectorError };

/** How cases are stored. */
export interface CaseWriterOptions {
  /** API name of the external id field; absent: every message makes a case. */
  externalIdField?: string;
  /** Which assignment rule runs: the org's `default` one, none (`off`), or the one with this id. Default `default`. */
  assignment?: string;
  /** Tries for records that are locked, when creating; ms between them double from 50. Default 3. */
  lockRetries?: number;
}

/** Tries of a batch that the org answers with 500 before one of its records is suspected: half a minute with the usual back-off. */
const SERVER_ERRORS_BEFORE_SEARCH = 5;

/** Stores batches of cases in one org, each case by its own result. */
export class CaseWriter {
  /** 500s in a row, by the first case of the batch. */
  private readonly serverErrors = new WeakMap<CaseItem, number>();

  constructor(
    private readonly rest: RestClient,
    private readonly options: CaseWriterOptions = {},
  ) {}

  /** What orders cases: the external id as the org compares it, without regard to case and blanks around it. */
  static keyOf(item: CaseItem): string | undefined {
    return item.externalId === undefined ? undefined : String(item.externalId).trim().toLowerCase();
  }

  /**
   * Stores up to 200 cases. With an external id no two may share a {@link keyOf}.
   *
   * @throws ConnectorError of scope `system` when none could be stored and all may be sent again
   */
  async write(items: CaseItem[]): Promise<CaseOutcome[]> {
    const results = this.options.externalIdField ? await this.upsert(items) : await this.create(items);
    return results.map((result, index) => toOutcome(result, items[index]?.division));
  }

  private save(items: CaseItem[], searchServerErrors = false): Promise<RecordResult[]> {
    const { externalIdField } = this.options;
    return saveRecords(this.rest, {
      object: "Case",
      externalIdField,
      records: items.map((item) => (externalIdField ? withField(item.fields, externalIdField, item.externalId) : item.fields)),
      headers: assignmentHeader(this.options.assignment),
      searchServerErrors,
    });
  }

  /** Upserts are safe to repeat: when the org could not take one record, the batch is sent again. */
  private async upsert(items: CaseItem[]): Promise<RecordResult[]> {
    const [first] = items;
    const tries = (first && this.serverErrors.get(first)) ?? 0;
    const search = tries >= SERVER_ERRORS_BEFORE_SEARCH;
    const results = await this.save(items, search).catch((error: unknown) => {
      if (first && isServerError(error)) this.serverErrors.set(first, search ? 0 : tries + 1);
      throw error;
    });
    for (const result of results) if (!result.ok && result.error.scope === "system") throw result.error;
    return results.map((result) => (result.ok ? result : { ok: false, error: this.sharedExternalId(result.error) }));
  }

  /**
   * Creates are never sent again on the spot when the org may have acted, because that would make a second case: such a message fails by
   * itself, and its source decides. Locked records, which surely made no case, are.
   */
  private async create(items: CaseItem[]): Promise<RecordResult[]> {
    const results = await this.createOnce(items);
    const { lockRetries = 3 } = this.options;
    for (let tries = 0; tries < lockRetries; tries += 1) {
      const locked = results.flatMap((result, index) => (!result.ok && result.error.code === "ORG_BUSY" ? index : []));
      if (locked.length === 0) break;
      await delay(50 * 2 ** tries);
      const again = await this.createOnce(locked.flatMap((index) => items[index] ?? [])).catch(() => undefined);
      if (!again) break; // the org went away: the lock is what these messages are told
      again.forEach((result, place) => (results[locked[place] as number] = result));
    }
    return results;
  }

  private async createOnce(items: CaseItem[]): Promise<RecordResult[]> {
    const results = await this.save(items).catch((error: unknown) => {
      if (!isConnectorError(error) || !error.details.outcomeUnknown) throw error;
      return items.map((): RecordResult => ({ ok: false, error }));
    });
    return results.map((result) => (!result.ok && result.error.details.outcomeUnknown ? { ok: false, error: lostAnswer(result.error) } : result));
  }

  /**
   * Two clients that upsert the same new external id at once: one of them is told that the value exists. Sent again, it updates.
   * Another unique field stays refused.
   */
  private sharedExternalId(error: ConnectorError): ConnectorError {
    const field = this.options.externalIdField ?? "";
    const shared = error.details.statusCode === "DUPLICATE_VALUE" && (/Duplicate external id/i.test(error.message) || error.message.includes(`: ${field} duplicates`));
    return shared ? new ConnectorError("ORG_BUSY", error.message, { details: error.details, cause: error }) : error;
  }
}

function lostAnswer(error: ConnectorError): ConnectorError {
  return new ConnectorError("ORG_UNAVAILABLE", `${error.message} Whether the case was made is not known.`, {
    scope: "message",
    retryable: true,
    details: error.details,
    cause: error,
  });
}

function toOutcome(result: RecordResult, division: string | undefined): CaseOutcome {
  if (!result.ok) return result;
  const { id, created } = result;
  return { ok: true, value: { id, success: true, created, errors: [], ...(division === undefined ? {} : { division }) } };
}

/** `fields` with `name` set; a field of the same name in other case gives way. */
function withField(fields: Fields, name: string, value: unknown): Fields {
  const others = Object.entries(fields).filter(([field]) => field.toLowerCase() !== name.toLowerCase());
  return { ...Object.fromEntries(others), [name]: value };
}

/** `Sforce-Auto-Assign`: absent, the org runs its default rule on cases. */
function assignmentHeader(assignment = "default"): Record<string, string> {
  const rule = assignment.trim();
  if (rule === "" || rule === "default") return {};
  return { "sforce-auto-assign": rule === "off" ? "FALSE" : rule };
}
