import { ConnectorError, toConnectorError } from "../../../common/errors";
import { ruleHeaders } from "../assignment";
import { CaseExtras } from "./case-extras";
import { type CaseItem, type CaseOutcome, type CaseResult, type CaseWork, gives, type StoredCase } from "./case-item";
import { type CaseLinkOptions, CaseLinks } from "./case-links";
import { CaseNumbers } from "./case-numbers";
import type { Fields, RecordResult } from "../records/collections";
import { CompositeCall } from "./composite-call";
import { isLostAnswer } from "../records/lost-answer";
import { RecordFinder } from "./record-finder";
import { RecordWriter } from "../records/record-writer";
import { isOwnFault, judge, mayBeOfRecords, notLookedFor, readsGetThrough, Suspicion } from "../records/suspicion";
import type { RestClient } from "../rest";
import { SelectIn, valueIn } from "./select-in";

export type { CaseItem, CaseOutcome, CaseResult } from "./case-item";

/** How cases are stored. */
export interface CaseWriterOptions extends CaseLinkOptions {
  /** API name of the external id field; absent: every message makes a case. */
  externalIdField?: string | undefined;
  /** Which assignment rule runs: the org's `default` one, none (`off`), or the one with this id. A case with an owner of its own gets none. Default `default`. */
  assignment?: string;
  /** What a duplicate rule that only warns does: `block` the case (default), or `allow` it. */
  duplicateRule?: "block" | "allow";
  /** What becomes of a case that is there: it is updated (default), left as it is, or gets the comment and the files only. */
  onRepeat?: "update" | "leave" | "comment";
  /** The status a closed case gets when its external id comes again; blank: none. A message that gives a status itself is taken at its word. */
  reopenStatus?: string;
  /** Whether results carry the case's number. It comes with the call that stores the case. Default false. */
  caseNumber?: boolean;
}

/** Look-ups that may go wrong while the case that is at fault is looked for. */
const MOST_WRONG = 20;

/** A case that is in the org before it is written. */
interface Known {
  id: string;
  caseNumber: string;
  closed: boolean;
}

/** What of a case goes to the org. */
interface Sending {
  work: CaseWork;
  fields: Fields;
  as: StoredCase["how"];
  reopened: boolean;
}

/**
 * Stores batches of cases in one org, each case by its own result: finds what they point to, stores them, then their comments and files.
 * Given the same item again it goes on where it was.
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

  /** What orders cases: the external id as the org compares it, without regard to case and blanks around it. */
  static keyOf(item: CaseItem): string | undefined {
    return item.externalId === undefined ? undefined : RecordFinder.keyOf(item.externalId);
  }

  /**
   * Stores up to 200 cases. With an external id no two may share a {@link keyOf}. An error of scope `system` is one of all whom it befell:
   * they may be sent again, as the same items.
   *
   * @throws ConnectorError of scope `system` when none could be stored and all may be sent again
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

  /** Without an external id a message that comes again makes a second case: once the first is there, its source must not try again. */
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

  /** Finds what these point to, and which of them are there: by halves, too, for one that has a value which somebody on the way minds in a query. */
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
        const half = Math.ceil(some.length / 2);
        if (some.length === 1) for (const work of some) results.set(work, { ok: false, error });
        else if (left <= 0) for (const work of some) results.set(work, { ok: false, error: notLookedFor(error) });
        else for (const next of [some.slice(0, half), some.slice(half)]) await look(next);
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

  /** The cases that are there; looked for only when it matters. */
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

  /** What is to be sent for a case; nothing when it is stored already. */
  private sendingOf(work: CaseWork, known: Known | undefined): Sending | undefined {
    const { onRepeat = "update", reopenStatus } = this.options;
    const fields = { ...work.links, ...work.item.fields };
    if (!known || onRepeat === "update") {
      const reopened = known?.closed === true && reopenStatus !== undefined && reopenStatus !== "" && !gives(fields, "Status");
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

  /** The rule would give the case another owner. */
  private isOwned({ work }: Sending): boolean {
    return gives(work.links, "OwnerId");
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
    // Without an external id nobody but the source may try again.
    if (this.options.externalIdField === undefined && error.scope === "message") work.final = error;
  }

  private async addNumbers(sendings: readonly Sending[]): Promise<void> {
    if (!this.numbers) return;
    const stored = sendings.flatMap(({ work }) => work.stored ?? []);
    const numbers = await this.numbers.take(stored.map(({ id }) => id));
    for (const one of stored) one.caseNumber ??= numbers.get(one.id);
  }
}

/** With "add a comment" only a repeat gets one; a case that is left gets nothing more. */
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

/** `fields` with `name` set; a field of the same name in other case gives way. */
function withField(fields: Fields, name: string, value: unknown): Fields {
  const others = Object.entries(fields).filter(([field]) => field.toLowerCase() !== name.toLowerCase());
  return { ...Object.fromEntries(others), [name]: value };
}
