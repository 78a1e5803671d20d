import { createHash } from "node:crypto";
import { systemClock, type Clock } from "../../../common/clock";
import { ConnectorError, isConnectorError, toConnectorError } from "../../../common/errors";
import { NO_ASSIGNMENT } from "../assignment";
import type { Attachment, CaseWork } from "./case-item";
import { COLLECTIONS, type Fields, MAX_RECORDS, type RecordResult } from "../records/collections";
import { retryLocked } from "../records/retry-locked";
import { saveRecords } from "../records/save-records";
import { getsThrough, isOwnFault, judge, mayBeOfRecords, notLookedFor, Suspicion } from "../records/suspicion";
import type { RestClient } from "../rest";
import type { SelectIn } from "./select-in";

/** Newest comments of the cases of a batch that are compared with the new ones. */
const COMMENTS_COMPARED = 2000;
/** Calls that may go wrong while what is wrong in one batch is looked for. */
const MOST_WRONG = 20;

/** ms that the org may still work on a call which nobody waits for any longer. */
const STILL_AT_IT = 60_000;

/** One comment or file of a case. */
interface Extra {
  work: CaseWork;
  fields: Fields;
  /** What makes it the same as one that is there. */
  key: string;
}

/** One kind of extra: how it is written, and how those that are there are found. */
interface Kind {
  object: string;
  what: string;
  extras: Extra[];
  keysOf(select: SelectIn, caseIds: string[]): Promise<Set<string>>;
}

/**
 * Adds comments and files to cases that are stored. A text that a case has, or a file of the same name and content, is not added again: what
 * failed half-way, or comes a second time, is completed and not doubled. Only cases that were made a moment ago are not looked at first.
 */
export class CaseExtras {
  private readonly suspicion = new Suspicion();

  /** @param charactersPerCall of records at most; the default is well below the 50 MB that the platform takes */
  constructor(
    private readonly rest: RestClient,
    private readonly select: SelectIn,
    private readonly limits = { charactersPerCall: 20_000_000 },
    private readonly clock: Pick<Clock, "ticks"> = systemClock,
  ) {}

  /** Writes what these cases are to get, and sets `error` where it could not be. */
  async add(all: readonly CaseWork[]): Promise<void> {
    const works = all.filter((work) => !this.isEarly(work)); // tried again before its time, as another batch got through
    const comments: Kind = { object: "CaseComment", what: "comment", extras: works.flatMap(commentOf), keysOf: commentKeys };
    const files: Kind = { object: "ContentVersion", what: "file", extras: works.flatMap(filesOf), keysOf: fileKeys };
    const older = new Set(works.filter(({ lookFirst }) => lookFirst));
    for (const work of works) work.lookFirst = true; // at the next try
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

  /** Keys of those that the cases of these have. */
  private async there({ keysOf }: Kind, extras: readonly Extra[]): Promise<Set<string>> {
    return extras.length > 0 ? keysOf(this.select, [...new Set(extras.map(({ work }) => work.stored?.id ?? ""))]) : new Set<string>();
  }

  /** Locked ones, which surely made nothing, are tried again in place. One whose answer was lost is looked for before it is sent again. */
  private async create(kind: Kind, part: readonly Extra[]): Promise<RecordResult[]> {
    const { work: batch } = part[0] as Extra;
    try {
      if (part.some(({ work }) => this.suspicion.isDue(work))) return await this.search(kind, part);
      return await retryLocked(await this.send(kind, part), (places) => {
        const left = places.map((place) => part[place] as Extra);
        return this.send(kind, left).catch((error: unknown) => left.map(() => failed(this.notAtOnce(error, left)))); // of the others it is known what became of them
      });
    } catch (error) {
      this.suspicion.note(batch, error);
      throw this.notAtOnce(error, part);
    }
  }

  /** By halves, for the one that makes the org fail, or that somebody on the way minds. @throws ConnectorError when it is the org that is away */
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
        const missing = some.filter(({ key }) => !there.has(key));
        const half = Math.ceil(missing.length / 2);
        for (const next of [missing.slice(0, half), missing.slice(half)]) if (next.length > 0) await save(next);
      }
    };
    await save(part);
    const all = part.map((extra) => results.get(extra));
    const probe = (): Promise<boolean> => getsThrough(this.rest, { method: "POST", path: COLLECTIONS, body: { allOrNone: false, records: [] } });
    await judge(this.rest, all, { object: kind.object, together: false, creates: false, probe });
    all.forEach((result, index) => isOwnFault(result) && this.suspicion.found((part[index] as Extra).work));
    return all as RecordResult[];
  }

  /** What an instance or a gateway has not answered in time may yet be stored: it is looked for later. */
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

/** Splits by count and size. */
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
  return new ConnectorError(error.code, `Case ${name} is stored, but not its ${what}: ${error.message}`, {
    scope: error.scope,
    retryable: error.retryable,
    details: { ...error.details, caseId: stored?.id },
    cause: error,
  });
}

function commentOf(work: CaseWork): Extra[] {
  const text = work.item.comment?.toWellFormed(); // half of a character is not kept by the org as it comes, either
  const id = work.stored?.id;
  if (!text || id === undefined) return [];
  return [{ work, fields: { ParentId: id, CommentBody: text }, key: commentKey(id, text) }];
}

/** Line ends and blanks around a text are not kept by the org as they come. */
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

/** The org's `Checksum` is MD5, too. */
const md5 = (data: Attachment["data"]): string => createHash("md5").update(data).digest("hex");

async function fileKeys(select: SelectIn, values: string[]): Promise<Set<string>> {
  const field = "FirstPublishLocationId";
  const rows = await select.rows({ object: "ContentVersion", fields: [field, "PathOnClient", "Checksum"], field, values });
  return new Set(rows.map((row) => fileKey(String(row[field]), String(row["PathOnClient"]), String(row["Checksum"]))));
}
