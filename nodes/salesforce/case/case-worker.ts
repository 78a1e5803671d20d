import { ConnectorError } from "../../common/errors";
import type { TypedValue } from "../../common/typed-input";
import { type CaseItem, type CaseResult, CaseWriter } from "../client/case-writer";
import { MAX_RECORDS } from "../client/collections";
import type { MapFields } from "../client/mapping";
import type { OrgClient } from "../client/org";
import { type LaneState, OrgLane, worstState } from "../client/org-lane";

/** Where a message's case goes, and how its fields are made. */
export interface CaseTarget {
  org: OrgClient;
  /** The division's pattern; absent without divisions. */
  division?: string;
  map: MapFields;
}

/** Settings of a {@link CaseWorker}. */
export interface CaseWorkerOptions {
  /** Picks the target by `msg.topic`; throws `DIVISION_UNKNOWN`. */
  pick: (topic: unknown) => CaseTarget;
  /** All orgs it may pick. */
  orgs: OrgClient[];
  /** Upsert by this field and value; absent: every message makes a case. */
  externalId?: { field: string; value: TypedValue };
  /** `default`, `off` or the id of an assignment rule. */
  assignment: string;
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

/** Makes messages into cases: picks the division, maps the fields, gathers batches for each org, settles each message by its own result. */
export class CaseWorker {
  private readonly lanes = new Map<OrgClient, OrgLane<CaseItem, CaseResult>>();

  constructor(private readonly options: CaseWorkerOptions) {
    for (const org of new Set(options.orgs)) this.lanes.set(org, this.makeLane(org));
    this.tell();
  }

  /** Takes a message in. @param stored called with `msg.salesforce`'s value before `done()` */
  take(msg: { topic?: unknown }, done: (error?: Error) => void, stored: (result: CaseResult) => void): void {
    let target: CaseTarget;
    let item: CaseItem | Promise<CaseItem>;
    try {
      target = this.options.pick(msg.topic);
      item = this.itemOf(msg, target);
    } catch (error) {
      done(error as Error);
      return;
    }
    this.lanes.get(target.org)?.take(msg, item, done, stored);
  }

  /** Stores what it has, for at most 8 s, gives the rest back, and leaves the orgs. */
  async close(): Promise<void> {
    await Promise.all([...this.lanes.values()].map((lane) => lane.close()));
  }

  private makeLane(org: OrgClient): OrgLane<CaseItem, CaseResult> {
    const { externalId, assignment, batchSize, linger, warn } = this.options;
    const writer = new CaseWriter(org.rest, { externalIdField: externalId?.field, assignment });
    return new OrgLane<CaseItem, CaseResult>({
      org,
      batchSize: Math.min(Math.max(1, batchSize), MAX_RECORDS),
      linger,
      concurrency: CALLS_AT_ONCE,
      key: (item) => CaseWriter.keyOf(item),
      write: (items) => writer.write(items),
      onState: () => this.tell(),
      warn,
      // Without an external id the writer itself says what may be sent again.
      retriesInPlace: externalId ? 3 : 0,
    });
  }

  private itemOf(msg: object, { map, division }: CaseTarget): CaseItem | Promise<CaseItem> {
    const fields = map(msg);
    if (fields instanceof Promise) fields.catch(() => undefined); // the id may throw before anyone waits for the fields
    const id = this.options.externalId?.value(msg);
    if (fields instanceof Promise || id instanceof Promise) {
      return Promise.all([fields, id]).then(([ready, value]) => ({ fields: ready, externalId: this.checkId(value), division }));
    }
    return { fields, externalId: this.checkId(id), division };
  }

  private checkId(value: unknown): string | number | undefined {
    const field = this.options.externalId?.field;
    if (field === undefined) return undefined;
    if (typeof value === "string" && value.trim() !== "") return value;
    if (typeof value === "number" && Number.isFinite(value)) return value;
    const found = value === undefined || value === null || value === "" ? "is missing" : `is neither a text nor a number (${typeof value})`;
    throw new ConnectorError("INPUT_INVALID", `The external id for ${field} ${found}.`, { details: { field } });
  }

  private tell(): void {
    this.options.onState(worstState([...this.lanes.values()].map(({ state }) => state)));
  }
}
