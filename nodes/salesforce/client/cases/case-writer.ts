import { halves } from "../../../common/chunks";
import { ConnectorError, toConnectorError } from "../../../common/errors";
import { ruleHeaders } from "../assignment";
import { CaseExtras } from "./case-extras";
import type { CaseItem, CaseOutcome, CaseResult, CaseWork, StoredCase } from "./case-item";
import { type CaseLinkOptions, CaseLinks } from "./case-links";
import { CaseNumbers } from "./case-numbers";
import { type Fields, hasField, type RecordResult, valueIn } from "../records/collections";
import { CompositeCall } from "./composite-call";
import { isLostAnswer } from "../records/lost-answer";
import { RecordFinder } from "./record-finder";
import { RecordWriter } from "../records/record-writer";
import { isOwnFault, judge, mayBeOfRecords, notLookedFor, readsGetThrough, Suspicion } from "../suspicion";
import type { RestClient } from "../rest";
import { SelectIn } from "../query/select-in";

export type { CaseItem, CaseOutcome, CaseResult } from "./case-item";

/** How cases are stored. */
export interface CaseWriterOptions extends CaseLinkOptions {
  /** API name of the external id field. Without it, every message creates a case. */
  externalIdField?: string | undefined;
  /** The assignment rule that runs: the org's `default` rule, none (`off`), or the rule with this id. It does not run for an item with an `owner`. Default `default`. */
  assignment?: string;
  /** Whether a duplicate rule that only warns blocks the case (`block`, default) or not (`allow`). */
  duplicateRule?: "block" | "allow";
  /** What to do with a case that is there already: `update` its fields (default), `leave` it as it is, or add only the comment and the files (`comment`). */
  onRepeat?: "update" | "leave" | "comment";
  /** The status that a closed case gets when its external id comes again. Blank: closed cases stay closed. With `update`, a status in the message wins. */
  reopenStatus?: string;
  /** Whether results contain the case number, which is read in the same call that stores the case. Default false. */
  caseNumber?: boolean;
}

/** How many look-ups may fail while the case at fault is looked for. */
const MOST_WRONG = 20;

/** A case that the org already had before this write. */
interface Known {
  id: string;
  caseNumber: string;
  closed: boolean;
}

/** What is sent to the org for one case. */
interface Sending {
  work: CaseWork;
  fields: Fields;
  as: StoredCase["how"];
  reopened: boolean;
}

/**
 * Stores batches of cases in one org, with a result for each case: finds the records that the cases point to, stores the cases, then adds their comments and files.
 * If the same item is given again, it goes on where it stopped.
 */
export class CaseWriter {
  private readonly works = new WeakMap<CaseItem, CaseWork>();
  private readonly select: SelectIn;
  private readonly links: CaseLinks;
  private readonly extras: CaseExtras;
  private readonly numbers: CaseNumbers | undefined;
  private readonly records: RecordWriter;
  private readonly suspicion = new Suspicion();

  constructor(
    private readonly rest: RestClient,
    private readonly options: CaseWriterOptions = {},
  ) {
    this.select = new SelectIn(rest);
    this.links = new CaseLinks(this.select, options);
    this.extras = new CaseExtras(rest, this.select);
    this.numbers = options.caseNumber ? new CaseNumbers(rest, this.select, options.externalIdField) : undefined;
    const calls = this.numbers ? new CompositeCall(rest, this.numbers) : rest;
    this.records = new RecordWriter(calls, { what: "case" });
  }

  /** The key by which messages for the same case are kept in order: the external id in lower case and trimmed, as the org compares it. `undefined` without one. */
  static keyOf(item: CaseItem): string | undefined {
    return item.externalId === undefined ? undefined : RecordFinder.keyOf(item.externalId);
  }

  /**
   * Stores up to 200 cases. With an external id, no two items may have the same {@link keyOf}. Items whose outcome is an error of scope `system` may be given again, as the
   * same objects.
   *
   * @throws ConnectorError of scope `system` when every item failed with such an error
   */
  async write(items: CaseItem[]): Promise<CaseOutcome[]> {
    const works = items.map((item) => this.workOf(item));
    const open = works.filter(({ stored, error }) => !stored && !error);
    const known = await this.lookUp(open);
    await this.store(open.filter(({ error }) => !error), known);
    await this.extras.add(works.filter(({ stored, error, item }) => stored && !error && wantsExtras(item, stored, this.options.onRepeat)));
    for (const work of works) this.stopRepeats(work);
    const [away] = works;
    if (away?.error && works.every(({ error }) => error?.scope === "system")) throw away.error;
    return works.map(toOutcome);
  }

  /** Makes an error final if the case is stored but has no external id: if the source sent the message again, that would create a second case. */
  private stopRepeats(work: CaseWork): void {
    const { error, stored } = work;
    if (this.options.externalIdField !== undefined || !stored || error?.scope !== "message" || !error.retryable) return;
    work.error = new ConnectorError(error.code, error.message, { retryable: false, details: { ...error.details, caseId: stored.id }, cause: error });
  }

  private workOf(item: CaseItem): CaseWork {
    const work = this.works.get(item) ?? { item, links: {} };
    this.works.set(item, work);
    work.error = work.final;
    return work;
  }

  /** Finds the linked records, and the cases that are there already. After repeated failures it halves the batch, to find a case with a value that a proxy on the way refuses. */
  private async lookUp(works: readonly CaseWork[]): Promise<Map<string, Known>> {
    const known = new Map<string, Known>();
    const [batch] = works;
    if (!batch) return known;
    const search = works.some((work) => this.suspicion.isDue(work));
    const results = new Map<CaseWork, RecordResult>();
    const probe = (): Promise<boolean> => readsGetThrough(this.rest);
    let left = MOST_WRONG;
    let isOpen: Promise<boolean> | undefined;
    const look = async (some: readonly CaseWork[]): Promise<void> => {
      try {
        await this.links.resolve(some);
        await this.findKnown(some.filter(({ error }) => !error), known);
      } catch (thrown) {
        const error = toConnectorError(thrown);
        left -= 1;
        if (!search || !mayBeOfRecords(error, false) || !(await (isOpen ??= probe()))) throw error;
        if (some.length === 1) for (const work of some) results.set(work, { ok: false, error });
        else if (left <= 0) for (const work of some) results.set(work, { ok: false, error: notLookedFor(error) });
        else for (const half of halves(some)) await look(half);
      }
    };
    try {
      await look(works);
      const all = works.map((work): RecordResult => results.get(work) ?? { ok: true, id: "", created: false });
      await judge(this.rest, all, { together: false, creates: false, probe });
      all.forEach((result, index) => {
        const work = works[index] as CaseWork;
        if (!result.ok) work.error = result.error;
        if (isOwnFault(result)) this.suspicion.found(work);
      });
      return known;
    } catch (error) {
      this.suspicion.note(batch, error);
      throw error;
    }
  }

  private async store(works: readonly CaseWork[], known: ReadonlyMap<string, Known>): Promise<void> {
    if (works.length === 0) return;
    const sendings = works.flatMap((work) => this.sendingOf(work, known.get(CaseWriter.keyOf(work.item) ?? "")) ?? []);
    const byRule = [sendings.filter((one) => !this.isOwned(one)), sendings.filter((one) => this.isOwned(one))];
    const calls = byRule.filter((some) => some.length > 0);
    await Promise.all(calls.map((some) => this.send(some)));
    await this.addNumbers(sendings);
  }

  /** Reads the cases that are there already into `known`, if the settings make a difference between new and known cases. */
  private async findKnown(works: readonly CaseWork[], known: Map<string, Known>): Promise<void> {
    const { externalIdField: field, onRepeat = "update", reopenStatus } = this.options;
    if (works.length === 0 || field === undefined || (onRepeat === "update" && !reopenStatus)) return;
    const values = works.flatMap(({ item }) => item.externalId ?? []);
    const rows = await this.select.rows({ object: "Case", fields: ["Id", "CaseNumber", "IsClosed", field], field, values });
    for (const row of rows) {
      const { Id, CaseNumber, IsClosed } = row;
      known.set(RecordFinder.keyOf(String(valueIn(row, field))), { id: String(Id), caseNumber: String(CaseNumber), closed: IsClosed === true });
    }
  }

  /** Returns what to send for a case. If nothing has to be sent, it sets `stored` and returns `undefined`. */
  private sendingOf(work: CaseWork, known: Known | undefined): Sending | undefined {
    const { onRepeat = "update", reopenStatus } = this.options;
    const fields = { ...work.links, ...work.item.fields };
    if (!known || onRepeat === "update") {
      const reopened = known?.closed === true && reopenStatus !== undefined && reopenStatus !== "" && !hasField(fields, "Status");
      if (!known) work.sent ??= this.options.externalIdField === undefined ? undefined : true;
      return { work, fields: reopened ? { ...fields, Status: reopenStatus } : fields, as: known ? "updated" : "created", reopened };
    }
    const { id, caseNumber } = known;
    if (work.sent) {
      work.stored = { id, caseNumber, how: "created" };
      work.lookFirst = true;
      return undefined;
    }
    work.lookFirst = true;
    const as = onRepeat === "leave" ? "left" : "commented";
    if (known.closed && reopenStatus) return { work, fields: { Status: reopenStatus }, as, reopened: true };
    work.stored = { id, caseNumber, how: as };
    return undefined;
  }

  /** Whether the item has an `owner`. The assignment rule, which would set another one, must not run then. */
  private isOwned({ work }: Sending): boolean {
    return hasField(work.links, "OwnerId");
  }

  private async send(sendings: readonly Sending[]): Promise<void> {
    const [first] = sendings;
    if (!first) return;
    const { externalIdField } = this.options;
    const records = sendings.map(({ work, fields }) => (externalIdField ? withField(fields, externalIdField, work.item.externalId) : fields));
    const request = { object: "Case", records, headers: ruleHeaders({ ...this.options, ...(this.isOwned(first) ? { assignment: "off" } : {}) }) };
    const works = sendings.map(({ work }) => work);
    let results: RecordResult[];
    try {
      results = await (externalIdField ? this.records.upsert({ ...request, externalIdField }, works) : this.records.create(request, works));
    } catch (error) {
      const failure = toConnectorError(error);
      results = sendings.map(() => ({ ok: false, error: failure }));
    }
    sendings.forEach((sending, index) => this.note(sending, results[index]));
  }

  private note({ work, as, reopened }: Sending, result: RecordResult | undefined): void {
    if (result?.ok) {
      const how = as === "created" && !result.created ? "updated" : as;
      work.stored = { id: result.id, how, ...(reopened ? { reopened } : {}) };
      if (!result.created) work.lookFirst = true;
      return;
    }
    const error = result?.error ?? new ConnectorError("ORG_UNAVAILABLE", "The org gave no result for this case");
    if (isLostAnswer(error)) work.lost = true;
    else if (!work.lost) delete work.sent;
    if (this.links.relink(work, error)) {
      work.error = new ConnectorError("ORG_BUSY", error.message, { details: error.details, cause: error });
      return;
    }
    work.error = error;
    // Without an external id, this writer must not try again: only the source may.
    if (this.options.externalIdField === undefined && error.scope === "message") work.final = error;
  }

  private async addNumbers(sendings: readonly Sending[]): Promise<void> {
    if (!this.numbers) return;
    const stored = sendings.flatMap(({ work }) => work.stored ?? []);
    const numbers = await this.numbers.take(stored.map(({ id }) => id));
    for (const one of stored) one.caseNumber ??= numbers.get(one.id);
  }
}

/** Whether the comment and files are to be added. With `onRepeat` `comment`, only a case that was there already gets them; with `leave`, only a new one. */
function wantsExtras(item: CaseItem, { how }: StoredCase, onRepeat: CaseWriterOptions["onRepeat"]): boolean {
  if (!item.comment && !item.attachments?.length) return false;
  return how !== "left" && (onRepeat !== "comment" || how === "commented");
}

function toOutcome({ item, stored, error }: CaseWork): CaseOutcome {
  if (error) return { ok: false, error };
  if (!stored) return { ok: false, error: new ConnectorError("ORG_UNAVAILABLE", "The case was not stored") };
  const { id, caseNumber, how, reopened } = stored;
  const value: CaseResult = {
    id,
    ...(caseNumber === undefined ? {} : { caseNumber }),
    success: true,
    created: how === "created",
    ...(how === "created" ? {} : { [how]: true }),
    ...(reopened ? { reopened } : {}),
    errors: [],
    ...(item.division === undefined ? {} : { division: item.division }),
  };
  return { ok: true, value };
}

/** Returns `fields` with `name` set to `value`. A field with the same name in other upper and lower case is replaced. */
function withField(fields: Fields, name: string, value: unknown): Fields {
  const others = Object.entries(fields).filter(([field]) => field.toLowerCase() !== name.toLowerCase());
  return { ...Object.fromEntries(others), [name]: value };
}
