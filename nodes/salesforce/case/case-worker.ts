import { ConnectorError } from "../../common/errors";
import type { TypedValue } from "../../common/typed-input";
import { Arrivals } from "../../delivery/sink/arrivals";
import { readAttachments } from "../client/cases/attachments";
import { type CaseItem, type CaseResult, CaseWriter, type CaseWriterOptions } from "../client/cases/case-writer";
import { MAX_RECORDS } from "../client/records/collections";
import type { DivisionPicker } from "../client/cases/division";
import type { MapFields } from "../client/mapping";
import type { OrgClient } from "../client/org";
import { type LaneState, OrgLane, worstState } from "../client/org-lane";

/** The org that a case goes to, and how its fields are made. */
export interface CaseTarget {
  org: OrgClient;
  /** The division's name. Absent if the node has no divisions. */
  division?: string;
  map: MapFields;
  /** A record id, the developer name of a queue, or a user name (with an `@`). Blank: no owner is set. */
  owner?: string;
  /** Id or developer name. Blank: the default record type of the node's user. */
  recordType?: string;
}

/** The values that are read from each message, besides the fields. */
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
  /** All orgs that `pick` may choose. */
  orgs: OrgClient[];
  values: CaseValues;
  writer: CaseWriterOptions;
  /** Most cases in one call, 1 to 200. */
  batchSize: number;
  /** How long, in ms, a case waits for others. */
  linger: number;
  /** Called at every change of the state, which is often. */
  onState: (state: LaneState) => void;
  warn: (text: string) => void;
}

/** How many calls one node has under way at once per org, so that the next batch travels while the org works on the first. */
const CALLS_AT_ONCE = 2;

type Message = { topic?: unknown };
type Read = Partial<Record<keyof CaseValues | "fields", unknown>>;

/** Turns messages into cases: picks the division, maps the fields, collects batches for each org, and settles each message by its own result. */
export class CaseWorker {
  private readonly lanes = new Map<OrgClient, OrgLane<CaseItem, CaseResult>>();
  /** The lane, if there is only one. */
  private readonly only: OrgLane<CaseItem, CaseResult> | undefined;
  private readonly readers: [name: keyof CaseValues, valueOf: TypedValue][];
  /** Messages for which the division is still being evaluated, and those that came after them. */
  private readonly arrivals = new Arrivals();

  constructor(private readonly options: CaseWorkerOptions) {
    this.readers = Object.entries(options.values).flatMap(([name, valueOf]) => (valueOf ? [[name as keyof CaseValues, valueOf as TypedValue]] : []));
    for (const org of new Set(options.orgs)) this.lanes.set(org, this.makeLane(org));
    const [first, ...others] = this.lanes.values();
    this.only = others.length === 0 ? first : undefined;
    this.tell();
  }

  /** Accepts a message. @param stored called before `done()` with the value of `msg.salesforce` */
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

  /** Stores the messages that it holds, for at most 8 s, gives the rest back, and releases the orgs. */
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

/** Prevents an unhandled rejection of a promise that is not awaited because the reading of another value threw. */
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
