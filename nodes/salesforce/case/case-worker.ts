import { ConnectorError } from "../../common/errors";
import type { TypedValue } from "../../common/typed-input";
import { Arrivals } from "../../delivery/arrivals";
import { readAttachments } from "../client/cases/attachments";
import { type CaseItem, type CaseResult, CaseWriter, type CaseWriterOptions } from "../client/cases/case-writer";
import { MAX_RECORDS } from "../client/records/collections";
import type { DivisionPicker } from "../client/cases/division";
import type { MapFields } from "../client/cases/mapping";
import type { OrgClient } from "../client/org";
import { type LaneState, OrgLane, worstState } from "../client/org-lane";

/** Where a message's case goes, and how its fields are made. */
export interface CaseTarget {
  org: OrgClient;
  /** The division's name; absent without divisions. */
  division?: string;
  map: MapFields;
  /** Id or name of the owner or queue; blank: nobody in particular. */
  owner?: string;
  /** Id or developer name; blank: the user's own. */
  recordType?: string;
}

/** What is read of each message besides its fields. */
export interface CaseValues {
  externalId?: TypedValue;
  contact?: TypedValue;
  account?: TypedValue;
  comment?: TypedValue;
  attachments?: TypedValue;
}

/** Settings of a {@link CaseWorker}. */
export interface CaseWorkerOptions {
  pick: DivisionPicker<CaseTarget>;
  /** All orgs it may pick. */
  orgs: OrgClient[];
  values: CaseValues;
  writer: CaseWriterOptions;
  /** Most cases in one call, 1 to 200. */
  batchSize: number;
  /** ms that a case waits for others. */
  linger: number;
  /** The state changed; called often. */
  onState: (state: LaneState) => void;
  warn: (text: string) => void;
}

/** Calls under way at once, for one node and org: the next batch is on its way while the org works on the first. */
const CALLS_AT_ONCE = 2;

type Message = { topic?: unknown };
type Read = Partial<Record<keyof CaseValues | "fields", unknown>>;

/** Makes messages into cases: picks the division, maps the fields, gathers batches for each org, settles each message by its own result. */
export class CaseWorker {
  private readonly lanes = new Map<OrgClient, OrgLane<CaseItem, CaseResult>>();
  /** The lane, when there is but one. */
  private readonly only: OrgLane<CaseItem, CaseResult> | undefined;
  private readonly readers: [name: keyof CaseValues, valueOf: TypedValue][];
  /** Messages whose org is still being worked out, and those behind them. */
  private readonly arrivals = new Arrivals();

  constructor(private readonly options: CaseWorkerOptions) {
    this.readers = Object.entries(options.values).flatMap(([name, valueOf]) => (valueOf ? [[name as keyof CaseValues, valueOf as TypedValue]] : []));
    for (const org of new Set(options.orgs)) this.lanes.set(org, this.makeLane(org));
    const [first, ...others] = this.lanes.values();
    this.only = others.length === 0 ? first : undefined;
    this.tell();
  }

  /** Takes a message in. @param stored called with `msg.salesforce`'s value before `done()` */
  take(msg: Message, done: (error?: Error) => void, stored: (result: CaseResult) => void): void {
    let target: CaseTarget | Promise<CaseTarget>;
    try {
      target = this.options.pick(msg);
    } catch (error) {
      done(error as Error);
      return;
    }
    if (!(target instanceof Promise) && (this.only || !this.arrivals.waiting)) this.takeFor(target, msg, done, stored);
    else if (target instanceof Promise && this.only) this.only.take(msg, target.then((one) => this.itemOf(msg, one)), done, stored);
    else this.arrivals.add(target, (one) => this.takeFor(one, msg, done, stored), (error) => done(error as Error));
  }

  /** Stores what it has, for at most 8 s, gives the rest back, and leaves the orgs. */
  async close(): Promise<void> {
    await new Promise<void>((resolve) => this.arrivals.after(resolve));
    await Promise.all([...this.lanes.values()].map((lane) => lane.close()));
  }

  private takeFor(target: CaseTarget, msg: Message, done: (error?: Error) => void, stored: (result: CaseResult) => void): void {
    let item: CaseItem | Promise<CaseItem>;
    try {
      item = this.itemOf(msg, target);
    } catch (error) {
      done(error as Error);
      return;
    }
    this.lanes.get(target.org)?.take(msg, item, done, stored);
  }

  private makeLane(org: OrgClient): OrgLane<CaseItem, CaseResult> {
    const { writer: settings, batchSize, linger, warn } = this.options;
    const writer = new CaseWriter(org.rest, settings);
    return new OrgLane<CaseItem, CaseResult>({
      org,
      batchSize: Math.min(Math.max(1, batchSize), MAX_RECORDS),
      linger,
      concurrency: CALLS_AT_ONCE,
      key: (item) => CaseWriter.keyOf(item),
      write: (items) => writer.write(items),
      onState: () => this.tell(),
      warn,
    });
  }

  private itemOf(msg: object, target: CaseTarget): CaseItem | Promise<CaseItem> {
    const read: Read = { fields: target.map(msg) };
    let promised = read.fields instanceof Promise;
    quiet(read.fields);
    for (const [name, valueOf] of this.readers) {
      const value = valueOf(msg);
      quiet(value);
      promised ||= value instanceof Promise;
      read[name] = value;
    }
    return promised ? settle(read).then((ready) => this.toItem(ready, target)) : this.toItem(read, target);
  }

  private toItem(read: Read, { division, owner, recordType }: CaseTarget): CaseItem {
    const item: CaseItem = { fields: read.fields as CaseItem["fields"] };
    if (division !== undefined) item.division = division;
    if (owner) item.owner = owner;
    if (recordType) item.recordType = recordType;
    const { externalIdField } = this.options.writer;
    if (externalIdField !== undefined) item.externalId = keyValue(read.externalId, `The external id for ${externalIdField}`, true);
    const contact = keyValue(read.contact, "What the contact is looked up by");
    if (contact !== undefined) item.contact = contact;
    const account = keyValue(read.account, "What the account is looked up by");
    if (account !== undefined) item.account = account;
    const comment = commentText(read.comment);
    if (comment) item.comment = comment;
    const files = readAttachments(read.attachments);
    if (files.length > 0) item.attachments = files;
    return item;
  }

  private tell(): void {
    this.options.onState(worstState([...this.lanes.values()].map(({ state }) => state)));
  }
}

/** A value read before this one may throw before anyone waits for it. */
function quiet(value: unknown): void {
  if (value instanceof Promise) value.catch(() => undefined);
}

async function settle(read: Read): Promise<Read> {
  const values = await Promise.all(Object.values(read));
  return Object.fromEntries(Object.keys(read).map((name, index) => [name, values[index]]));
}

function keyValue(value: unknown, what: string, required: true): string | number;
function keyValue(value: unknown, what: string): string | number | undefined;
function keyValue(value: unknown, what: string, required = false): string | number | undefined {
  if (typeof value === "string" && value.trim() !== "") return value;
  if (typeof value === "number" && Number.isFinite(value)) return value;
  const isMissing = value === undefined || value === null || (typeof value === "string" && value.trim() === "");
  if (isMissing && !required) return undefined;
  throw new ConnectorError("INPUT_INVALID", `${what} ${isMissing ? "is missing" : `is neither a text nor a number (${typeof value})`}`);
}

function commentText(value: unknown): string {
  if (value === undefined || value === null) return "";
  if (typeof value === "object") throw new ConnectorError("INPUT_INVALID", "The comment is an object, not a text");
  return String(value as string | number | boolean).trim();
}
