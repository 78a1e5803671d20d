import { createHash } from "node:crypto";
import { systemClock, type Clock } from "../../../common/clock";
import { halves } from "../../../common/chunks";
import { ConnectorError, isConnectorError, reworded, toConnectorError } from "../../../common/errors";
import { NO_ASSIGNMENT } from "../assignment";
import type { Attachment, CaseWork } from "./case-item";
import { COLLECTIONS, type Fields, MAX_RECORDS, type RecordResult } from "../records/collections";
import { retryLocked } from "../records/retry-locked";
import { saveRecords } from "../records/save-records";
import { getsThrough, isOwnFault, judge, mayBeOfRecords, notLookedFor, Suspicion } from "../suspicion";
import type { RestClient } from "../rest";
import type { SelectIn } from "../query/select-in";

/** How many comments one query reads, the newest first, to find out which of the new ones are stored already. */
const COMMENTS_COMPARED = 2000;
/** How many calls may fail while the comment or file at fault is looked for in a batch. A call that timed out counts as two. */
const MOST_WRONG = 20;

/** How long, in ms, the org may go on working on a call after it has timed out here. */
const STILL_AT_IT = 60_000;

/** One comment or file of a case. */
interface Extra {
  work: CaseWork;
  fields: Fields;
  /** Equal to the key of a stored comment or file if the two are the same. */
  key: string;
}

/** Comments or files: the object they are stored as, their name in errors, those to add, and how the keys of stored ones are read. */
interface Kind {
  object: string;
  what: string;
  extras: Extra[];
  keysOf(select: SelectIn, caseIds: string[]): Promise<Set<string>>;
}

/**
 * Adds comments and files to cases that are stored. A comment whose text the case has already, and a file whose name and content it has, are not added again. So
 * work that failed half-way, or a message that comes again, adds what is missing and nothing twice. For cases that were just created, nothing is looked up first.
 */
export class CaseExtras {
  private readonly suspicion = new Suspicion();

  /** @param limits `charactersPerCall`: most characters of records in one call. The default is well below the 50 MB that the platform accepts. */
  constructor(
    private readonly rest: RestClient,
    private readonly select: SelectIn,
    private readonly limits = { charactersPerCall: 20_000_000 },
    private readonly clock: Pick<Clock, "ticks"> = systemClock,
  ) {}

  /** Adds the comments and files of these cases. Sets `error` for each case where that failed. */
  async add(all: readonly CaseWork[]): Promise<void> {
    const works = all.filter((work) => !this.isEarly(work)); // a case may come too early, when the success of another batch ended the wait
    const comments: Kind = { object: "CaseComment", what: "comment", extras: works.flatMap(commentOf), keysOf: commentKeys };
    const files: Kind = { object: "ContentVersion", what: "file", extras: works.flatMap(filesOf), keysOf: fileKeys };
    const older = new Set(works.filter(({ lookFirst }) => lookFirst));
    for (const work of works) work.lookFirst = true; // for the next try
    for (const kind of [comments, files]) if (kind.extras.length > 0) await this.addKind(kind, older);
  }

  private async addKind(kind: Kind, older: ReadonlySet<CaseWork>): Promise<void> {
    const { what, extras } = kind;
    try {
      const looked = extras.filter(({ work }) => older.has(work));
      const there = await this.there(kind, looked);
      const missing = extras.filter(({ key }) => !there.has(key) && there.add(key));
      for (const part of parts(missing, this.limits.charactersPerCall)) {
        const results = await this.create(kind, part);
        part.forEach(({ work }, index) => (work.error ??= errorOf(results[index], work, what)));
      }
    } catch (error) {
      const failure = toConnectorError(error);
      for (const { work } of extras) work.error ??= failure;
    }
  }

  /** Reads the keys of all comments or files that are stored at the cases of these extras. */
  private async there({ keysOf }: Kind, extras: readonly Extra[]): Promise<Set<string>> {
    return extras.length > 0 ? keysOf(this.select, [...new Set(extras.map(({ work }) => work.stored?.id ?? ""))]) : new Set<string>();
  }

  /** Stores some extras. Those refused because of a lock surely stored nothing, and are sent again at once. All others are tried again later, after a look-up. */
  private async create(kind: Kind, part: readonly Extra[]): Promise<RecordResult[]> {
    const { work: batch } = part[0] as Extra;
    try {
      if (part.some(({ work }) => this.suspicion.isDue(work))) return await this.search(kind, part);
      return await retryLocked(await this.send(kind, part), (places) => {
        const left = places.map((place) => part[place] as Extra);
        return this.send(kind, left).catch((error: unknown) => left.map(() => failed(this.notAtOnce(error, left)))); // the results of the other extras are known, so they must not be lost
      });
    } catch (error) {
      this.suspicion.note(batch, error);
      throw this.notAtOnce(error, part);
    }
  }

  /** Stores extras by halving, to find the one that makes the org fail or that a proxy on the way refuses. @throws ConnectorError when the org itself cannot be reached */
  private async search(kind: Kind, part: readonly Extra[]): Promise<RecordResult[]> {
    const results = new Map<Extra, RecordResult>();
    let left = MOST_WRONG;
    const save = async (some: readonly Extra[]): Promise<void> => {
      try {
        (await this.send(kind, some)).forEach((result, index) => results.set(some[index] as Extra, result));
      } catch (thrown) {
        const error = toConnectorError(thrown);
        left -= error.details.network === "TIMEOUT" ? 2 : 1;
        const isOver = some.length > 1 && left <= 0;
        for (const extra of some) results.set(extra, failed(isOver ? notLookedFor(error) : error));
        if (some.length === 1 || isOver || !mayBeOfRecords(error, false)) return;
        const there = await this.there(kind, some);
        for (const extra of some) if (there.has(extra.key)) results.set(extra, { ok: true, id: "", created: true });
        for (const half of halves(some.filter(({ key }) => !there.has(key)))) await save(half);
      }
    };
    await save(part);
    const all = part.map((extra) => results.get(extra));
    const probe = (): Promise<boolean> => getsThrough(this.rest, { method: "POST", path: COLLECTIONS, body: { allOrNone: false, records: [] } });
    await judge(this.rest, all, { object: kind.object, together: false, creates: false, probe });
    all.forEach((result, index) => isOwnFault(result) && this.suspicion.found((part[index] as Extra).work));
    return all as RecordResult[];
  }

  /** Delays the next try if a call timed out here or at a gateway (504), since the org may yet store its extras. @returns the error, with that delay if there is one */
  private notAtOnce(error: unknown, extras: readonly Extra[]): unknown {
    if (!isConnectorError(error) || (error.details.network !== "TIMEOUT" && error.details.status !== 504)) return error;
    for (const { work } of extras) work.late = { error, until: this.clock.ticks() + STILL_AT_IT };
    return inMs(error, STILL_AT_IT);
  }

  private isEarly(work: CaseWork): boolean {
    const { late } = work;
    const left = late ? late.until - this.clock.ticks() : 0;
    if (!late || left <= 0) return false;
    work.error = inMs(late.error, left);
    return true;
  }

  private send({ object }: Kind, extras: readonly Extra[]): Promise<RecordResult[]> {
    return saveRecords(this.rest, { object, operation: "create", headers: NO_ASSIGNMENT, records: extras.map(({ fields }) => fields) });
  }
}

function inMs(error: ConnectorError, retryAfter: number): ConnectorError {
  return new ConnectorError(error.code, error.message, { details: { ...error.details, retryAfter }, cause: error });
}

function failed(error: unknown): RecordResult {
  return { ok: false, error: toConnectorError(error) };
}

/** Splits extras into calls of at most {@link MAX_RECORDS} records and `maxCall` characters. */
function* parts(extras: readonly Extra[], maxCall: number): Generator<Extra[]> {
  let part: Extra[] = [];
  let size = 0;
  for (const extra of extras) {
    const own = sizeOf(extra.fields);
    if (part.length > 0 && (part.length >= MAX_RECORDS || size + own > maxCall)) {
      yield part;
      part = [];
      size = 0;
    }
    part.push(extra);
    size += own;
  }
  if (part.length > 0) yield part;
}

function sizeOf(fields: Fields): number {
  return Object.values(fields).reduce<number>((sum, value) => sum + String(value).length, 100);
}

function errorOf(result: RecordResult | undefined, { stored }: CaseWork, what: string): ConnectorError | undefined {
  if (!result || result.ok) return undefined;
  const { error } = result;
  if (!isConnectorError(error) || error.scope === "system") return error;
  const name = stored?.caseNumber ?? stored?.id ?? "";
  return reworded(error, `Case ${name} is stored, but not its ${what}: ${error.message}`, { caseId: stored?.id });
}

function commentOf(work: CaseWork): Extra[] {
  const text = work.item.comment?.toWellFormed(); // the org would change half a surrogate pair, too, and the text would not be found again
  const id = work.stored?.id;
  if (!text || id === undefined) return [];
  return [{ work, fields: { ParentId: id, CommentBody: text }, key: commentKey(id, text) }];
}

/** The key of a comment. Line ends and blanks around the text do not count, since the org does not store them as they were sent. */
function commentKey(caseId: string, text: string): string {
  return `${caseId} ${text.replace(/\r\n?/g, "\n").trim()}`;
}

async function commentKeys(select: SelectIn, values: string[]): Promise<Set<string>> {
  const selection = { object: "CaseComment", fields: ["ParentId", "CommentBody"], field: "ParentId", values, orderBy: "CreatedDate DESC", limit: COMMENTS_COMPARED };
  const rows = await select.rows(selection);
  return new Set(rows.map((row) => commentKey(String(row["ParentId"]), String(row["CommentBody"] ?? ""))));
}

function filesOf(work: CaseWork): Extra[] {
  const id = work.stored?.id;
  if (id === undefined) return [];
  return (work.item.attachments ?? []).map(({ name, data }) => ({ work, fields: fileFields(id, name, data), key: fileKey(id, name, md5(data)) }));
}

function fileFields(caseId: string, name: string, data: Buffer): Fields {
  const title = name.replace(/\.[^.]+$/, "") || name;
  return { Title: title, PathOnClient: name, VersionData: data.toString("base64"), FirstPublishLocationId: caseId };
}

const fileKey = (caseId: string, name: string, checksum: string): string => `${caseId} ${checksum} ${name}`;

/** MD5 as hex, like the org's field `Checksum`. */
const md5 = (data: Attachment["data"]): string => createHash("md5").update(data).digest("hex");

async function fileKeys(select: SelectIn, values: string[]): Promise<Set<string>> {
  const field = "FirstPublishLocationId";
  const rows = await select.rows({ object: "ContentVersion", fields: [field, "PathOnClient", "Checksum"], field, values });
  return new Set(rows.map((row) => fileKey(String(row[field]), String(row["PathOnClient"]), String(row["Checksum"]))));
}
