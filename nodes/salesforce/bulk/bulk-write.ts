import { type ConnectorError, toConnectorError } from "../../common/errors";
import { putOn } from "../../common/put-on";
import type { Store } from "../../common/store";
import type { TypedValue } from "../../common/typed-input";
import { claimOf } from "../../delivery/claim";
import type { Trigger } from "../../delivery/reading/errand";
import type { ItemResult } from "../../delivery/sink/sink";
import { JobBook } from "../client/bulk/bulk-book";
import { type BulkInput, bulkInput, isRows } from "../client/bulk/bulk-input";
import { BulkJobs } from "../client/bulk/bulk-jobs";
import { BulkLoad, type Loaded } from "../client/bulk/bulk-load";
import { BulkLoader } from "../client/bulk/bulk-loader";
import { MAX_BYTES } from "../client/bulk/bulk-parts";
import { ColumnNames } from "../client/bulk/column-names";
import { type GatheredRow, RowGathering } from "../client/bulk/bulk-rows";
import { Suspicion } from "../client/suspicion";
import type { OrgClient } from "../client/org";
import { OrgLane, worstState } from "../client/org-lane";
import { type BulkState, type BulkWork, jobRequest, type Progress, whenClosed } from "./bulk-work";
import type { WriteSettings } from "./settings";

/** The options of a {@link BulkWrite}. */
export interface BulkWriteOptions {
  settings: WriteSettings;
  org: OrgClient;
  store: Store;
  /** Id of the node. What it stores about its jobs is kept under this id. */
  node: string;
  rows: TypedValue;
  /** Reads a value that differs between messages with the same content, such as the message id. */
  identity: TypedValue;
  /** Whether anything is wired to the second output, which sends the failed rows. */
  isWired(): boolean;
  warn(text: string): void;
  onState(state: BulkState): void;
}

/** A message that brings a list of rows, which get their own jobs. */
interface WholeLoad {
  input: BulkInput;
  identity: string | undefined;
  mayRepeat: boolean;
}

/** Loads rows into the org. A message with a list of rows gets its own jobs; rows that come in single messages are gathered into common jobs. */
export class BulkWrite implements BulkWork {
  private readonly whole: OrgLane<WholeLoad, Loaded>;
  private readonly single: OrgLane<GatheredRow, object>;
  private readonly stop = new AbortController();
  private readonly suspicion = new Suspicion();
  private readonly idsOnly: boolean;
  /** The field that identifies a record; `undefined` for insert. A job must not contain a record twice, since the org refuses both rows, or writes them in any order. */
  private readonly keyField: string | undefined;
  private progress: Progress | undefined;

  constructor(private readonly options: BulkWriteOptions) {
    const { settings, org, store, node, warn } = options;
    this.idsOnly = settings.operation === "delete" || settings.operation === "hardDelete";
    this.keyField = settings.operation === "insert" ? undefined : (settings.externalIdField ?? "Id");
    const book = JobBook.of(node, store, org);
    const loader = new BulkLoader({
      jobs: new BulkJobs(org.rest),
      names: new ColumnNames(org.rest),
      book,
      request: jobRequest(settings),
      style: settings.style,
      poll: { interval: settings.pollInterval, timeout: settings.timeout, signal: this.stop.signal },
    });
    const rows = new RowGathering({ loader, book, style: settings.style, idsOnly: this.idsOnly, onProgress: (processed, count) => this.tell({ processed, rows: count }) });
    const lane = { org, concurrency: 1, warn, onState: () => this.tell() };
    this.whole = new OrgLane<WholeLoad, Loaded>({ ...lane, batchSize: 1, linger: 0, retriesInPlace: 0, maxWaiting: 100, write: ([load]) => this.load(load as WholeLoad, loader, book) });
    this.single = new OrgLane<GatheredRow, object>({ ...lane, batchSize: settings.batchSize, linger: settings.linger, key: ({ key }) => key, retriesInPlace: 0, write: (values) => this.gather(rows, values) });
    this.tell();
  }

  take({ msg, send, done }: Trigger): void {
    const mayRepeat = claimOf(msg) !== undefined;
    const [rows, identity] = [this.options.rows(msg), this.options.identity(msg)];
    const ready = rows instanceof Promise || identity instanceof Promise ? Promise.all([rows, identity]) : undefined;
    if (ready) {
      // Only the values show whether it is a list or a single row.
      ready.then(
        ([value, id]) => this.enter({ msg, send, done }, value, id, mayRepeat),
        (error: unknown) => done(toConnectorError(error, "INPUT_INVALID")),
      );
    } else this.enter({ msg, send, done }, rows, identity, mayRepeat);
  }

  async close(): Promise<void> {
    await whenClosed(Promise.all([this.whole.close(), this.single.close()]), this.stop);
  }

  private enter({ msg, send, done }: Trigger, value: unknown, identity: unknown, mayRepeat: boolean): void {
    try {
      if (isRows(value)) {
        const input = bulkInput(value, this.idsOnly, this.options.settings.style.delimiter);
        const id = identity === undefined || identity === null || identity === "" ? undefined : String(identity as string);
        this.whole.take(msg, { input, identity: id, mayRepeat }, done, (loaded) => this.pass(msg, send, loaded));
        return;
      }
      const row = RowGathering.row(value, this.idsOnly, this.keyField);
      this.single.take(msg, row, done, (result) => send([putOn(msg, { salesforce: result })]));
      const { index, count } = (msg as { parts?: { index?: number; count?: number } }).parts ?? {};
      if (count !== undefined && index === count - 1) this.single.go();
    } catch (error) {
      done(toConnectorError(error, "INPUT_INVALID"));
    }
  }

  private async load(load: WholeLoad, loader: BulkLoader, book: JobBook): Promise<ItemResult<Loaded>[]> {
    const { settings } = this.options;
    const failuresTaken = settings.failedOutput && this.options.isWired();
    const limits = { rows: settings.jobRows, bytes: MAX_BYTES };
    const work = new BulkLoad({ loader, book, request: jobRequest(settings), style: settings.style, limits, keepAll: settings.keepAll, failuresTaken });
    try {
      const loaded = await work.run({ ...load, onProgress: (processed, rows) => this.tell({ processed, rows }) });
      if (loaded.result.repeated) this.options.warn(`These rows were inserted before, by job ${loaded.result.jobId}, and their message has come again: they are not inserted twice`);
      if (!loaded.error || failuresTaken) return [{ ok: true, value: loaded }];
      return [{ ok: false, error: loaded.error }];
    } catch (error) {
      throw await this.judged(load, toConnectorError(error), loader);
    } finally {
      this.progress = undefined;
    }
  }

  /** Judges a failed upload. If a firewall refuses these rows but lets others through, the error becomes one of this message, which then does not hold up the others. */
  private judged(load: WholeLoad, error: ConnectorError, loader: BulkLoader): Promise<ConnectorError> | ConnectorError {
    return error.details.ofUpload === true ? this.suspicion.judged(load, error, () => loader.takesUploads()) : error;
  }

  private pass(msg: object, send: Trigger["send"], { result, failedRows, failures }: Loaded): void {
    const failed = failedRows.length > 0 ? { ...msg, payload: failedRows, salesforce: { ...result, results: failures } } : null;
    send(this.options.settings.failedOutput ? [putOn(msg, { salesforce: result }), failed] : [putOn(msg, { salesforce: result })]);
  }

  private async gather(rows: RowGathering, values: GatheredRow[]): Promise<ItemResult<object>[]> {
    try {
      const results = await rows.load(values);
      return results.map((result): ItemResult<object> => (result.ok ? { ok: true, value: { id: result.id, success: true, created: result.created, errors: [], jobId: rows.lastJob } } : result));
    } finally {
      this.progress = undefined;
    }
  }

  private tell(progress = this.progress): void {
    this.progress = progress;
    // The lanes report their state already while they are being constructed.
    const lanes = [this.whole, this.single].filter((lane) => (lane as typeof lane | undefined) !== undefined);
    this.options.onState({ doing: "writing", lane: worstState(lanes.map(({ state }) => state)), ...(progress ? { progress } : {}) });
  }
}

