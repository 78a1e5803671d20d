import { within } from "../../common/deadline";
import { ConnectorError, toConnectorError } from "../../common/errors";
import { claimOf } from "../../delivery/claim";
import type { Trigger } from "../../delivery/errand";
import { flowTracker } from "../../delivery/flow-tracker";
import type { NodeName } from "../../delivery/outcome";
import { PassedHold } from "../../delivery/passed-hold";
import type { TrackedRuntime } from "../../delivery/runtime";
import type { RowValue } from "../client/protocol";
import { AWAY, DatabaseWait } from "./database-wait";
import { rowMessage, rowsMessage } from "./messages";
import type { Parameters, Values } from "./parameters";
import { ReadErrand } from "./read-errand";
import type { ReadDatabase, ReadState } from "./read-state";
import { Room } from "./room";
import { RowDeliveries, stopped, type Parcel } from "./row-deliveries";
import { RowSource } from "./row-source";
import type { MessageSettings } from "./settings";
import { changesData } from "./statement-kind";

/** Triggers that wait for their turn at most; how many come of deliveries is bounded by their sources. */
const MOST_WAITING = 1_000;
/** ms that a trigger of no delivery waits for the database at most. */
const PATIENCE = 60_000;
/** Rows fetched at once: with more, nothing is gained (sql over ODBC, 100,000 rows). */
const FETCH_SIZE = 500;

/** What a {@link TriggeredRead} needs. */
export interface TriggeredReadOptions {
  settings: MessageSettings;
  parameters: Parameters;
  database: ReadDatabase;
  node: NodeName;
  runtime: TrackedRuntime;
  /** Puts out rows, to the first output. */
  send(message: object): void;
  /** Whether what is put out goes anywhere. */
  isWired(): boolean;
  /** Copies a message's properties, `req` and `res` of HTTP nodes excepted. */
  clone(value: object): object;
  warn(text: string): void;
  onState(state: ReadState): void;
  /** ms. Default {@link PATIENCE}. */
  patience?: number;
}

/** Reads rows for each trigger, one trigger after the other, as fast as the flow settles them. */
export class TriggeredRead {
  private readonly room: Room;
  private readonly deliveries: RowDeliveries;
  /** Triggers that have not had their turn. */
  private readonly line: ReadErrand[] = [];
  /** All that are not done. */
  private readonly errands = new Set<ReadErrand>();
  private readonly hold: PassedHold;
  private readonly wait: DatabaseWait;
  private serving: Promise<void> | undefined;
  private reading = false;
  /** Why nodes behind this one wait. */
  private sinkReason: string | undefined;
  /** What the last trigger failed by, as long as none has succeeded since. */
  private trouble: ConnectorError | undefined;
  private closed = false;

  constructor(private readonly options: TriggeredReadOptions) {
    const { settings, node, runtime, database, patience = PATIENCE } = options;
    this.room = new Room(settings.maxInFlight);
    this.hold = new PassedHold(node.id, this.errands);
    this.wait = new DatabaseWait({ database, patience, onChange: () => this.showHold(), onOver: (errand) => this.leaveLine(errand) });
    this.deliveries = new RowDeliveries({
      settings,
      node,
      runtime,
      room: this.room,
      send: (_output, message) => options.send(message),
      isWired: () => options.isWired(),
      onHold: (reason) => this.holds(reason),
      onResume: () => this.holds(undefined),
      warn: options.warn,
    });
  }

  /** A trigger has come: to be called in the input handler, before anything is awaited. */
  take(trigger: Trigger): void {
    const claim = claimOf(trigger.msg);
    if (claim?.closed) {
      this.options.warn("DELIVERY_CLOSED: the message came after its delivery was settled, and is dropped: its copy comes or has come");
      return trigger.done();
    }
    if (this.closed) return trigger.done(stopped());
    if (!claim && this.line.length >= MOST_WAITING) return trigger.done(new ConnectorError("OVERLOADED", `More than ${MOST_WAITING} messages wait for their turn`));
    const errand = new ReadErrand(trigger, this.valuesFor(trigger.msg), claim, (one) => this.finished(one));
    this.errands.add(errand);
    this.line.push(errand);
    this.hold.include(errand);
    this.wait.include(errand);
    this.serve();
  }

  /** Reads no more, lets the flow finish for up to `drain` ms, and gives the rest back. */
  async close(drain = 8_000): Promise<void> {
    const end = Date.now() + drain;
    this.closed = true;
    this.wait.close();
    this.room.close();
    this.hold.stop();
    for (const errand of this.line.splice(0)) errand.close(stopped());
    await this.deliveries.close(end);
    if (this.serving) await within(this.serving, Math.max(1_000, end - Date.now())); // a query may take longer than that
    this.hold.stop(); // a wait may have begun meanwhile
    await new Promise((resolve) => setImmediate(resolve)); // what is settled ends its trigger in a turn of its own
    for (const errand of [...this.errands]) errand.close(errand.failure ?? stopped());
  }

  private valuesFor(msg: object): Values | Promise<Values> {
    try {
      const values = this.options.parameters.for(msg);
      if (values instanceof Promise) values.catch(() => undefined); // looked at when its turn comes
      return values;
    } catch (error) {
      const failed = Promise.reject<Values>(toConnectorError(error, "INPUT_INVALID"));
      failed.catch(() => undefined);
      return failed;
    }
  }

  /** Outside the triggers' contexts: one run serves many. */
  private serve(): void {
    this.serving ??= flowTracker.outside(async () => {
      for (let errand = this.line.shift(); errand; errand = this.line.shift()) {
        await this.hold.over();
        this.reading = true;
        try {
          await this.read(errand);
        } catch (error) {
          this.failed(errand, toConnectorError(error));
        }
        this.reading = false;
        this.tell();
      }
      this.serving = undefined;
    });
  }

  private failed(errand: ReadErrand, error: ConnectorError): void {
    if (error.scope === "system" && error.code !== "FLOW_STOPPED") this.trouble = error;
    errand.end(this.closed ? stopped() : error);
  }

  private async read(errand: ReadErrand): Promise<void> {
    const values = await errand.values;
    if (errand.claim?.closed) return errand.close(); // settled while it waited: its copy comes
    if (!this.options.isWired()) throw new ConnectorError("NOT_CONFIGURED", "Nothing is wired to the first output: what is read would be lost");
    const source = await this.open(errand, values);
    if (!source) return;
    try {
      if (this.options.settings.output === "all") await this.passAll(errand, source);
      else await this.sendRows(errand, source);
    } finally {
      await source.close();
    }
  }

  /** Begins to read, when the database answers. @returns `undefined` when the trigger was done before */
  private async open(errand: ReadErrand, values: Values): Promise<RowSource | undefined> {
    const { database, settings } = this.options;
    while (!this.closed && !errand.over) {
      try {
        const source = await RowSource.open(database, { sql: settings.query, values }, FETCH_SIZE);
        this.trouble = undefined;
        return source;
      } catch (thrown) {
        const error = toConnectorError(thrown);
        if (!AWAY.has(error.code)) throw error;
        await this.wait.until(error, [errand, ...this.line]);
      }
    }
    if (!errand.over) throw stopped();
    return undefined;
  }

  private leaveLine(errand: ReadErrand): void {
    const place = this.line.indexOf(errand);
    if (place >= 0) this.line.splice(place, 1);
  }

  private async passAll(errand: ReadErrand, source: RowSource): Promise<void> {
    const { maxRows, emptyOutput } = this.options.settings;
    const rows = await source.rest(maxRows);
    if (rows.length > maxRows) throw new ConnectorError("PAYLOAD_TOO_LARGE", `The query gives more than ${maxRows} rows: send them as rows or batches`);
    if (errand.claim?.closed) return errand.close();
    if (rows.length === 0 && emptyOutput) return errand.empty();
    errand.pass(rowsMessage(source, rows));
  }

  private async sendRows(errand: ReadErrand, source: RowSource): Promise<void> {
    const { output, batchSize, emptyOutput, query, maxRows } = this.options.settings;
    const size = output === "row" ? 1 : batchSize;
    /** Read, but not handed over before it is known whether it is the last. */
    let rows: RowValue[][] = [];
    for (let page = await this.page(source, query, maxRows); page; page = await source.next()) {
      rows = rows.length > 0 ? rows.concat(page) : page;
      let at = 0;
      for (; rows.length - at > size; at += size) {
        if (!this.goes(errand, size) && !(await this.mayGo(errand, size))) return this.breakOff(errand);
        this.hand(errand, source, rows.slice(at, at + size), false);
      }
      rows = rows.slice(at);
    }
    if (rows.length > 0) {
      if (!(await this.mayGo(errand, rows.length))) return this.breakOff(errand);
      this.hand(errand, source, rows, true);
    }
    if (errand.sent > 0) return errand.end();
    if (emptyOutput) errand.empty();
    else errand.close();
  }

  /** The first page. A statement that changes what it reads is read whole, so that it holds no locks while the flow works. */
  private async page(source: RowSource, query: string, maxRows: number): Promise<RowValue[][] | undefined> {
    if (!changesData(query)) return source.next();
    const rows = await source.rest(maxRows);
    if (rows.length > maxRows) throw new ConnectorError("PAYLOAD_TOO_LARGE", `The statement returns more than ${maxRows} rows`);
    return rows;
  }

  /** No more rows are read. That is no failure when the trigger's delivery was settled meanwhile: its copy comes. */
  private breakOff(errand: ReadErrand): void {
    errand.end(errand.claim?.closed ? undefined : stopped());
  }

  /** Waits until rows may go. @returns whether they may: not when the trigger has failed or its delivery was settled, or the flow stops */
  private async mayGo(errand: ReadErrand, rows: number): Promise<boolean> {
    while (!this.closed && !errand.failure && !errand.claim?.closed) {
      if (this.goes(errand, rows)) return true;
      if (this.sinkReason !== undefined) await this.hold.over();
      else await this.room.until(rows);
    }
    return false;
  }

  private goes(errand: ReadErrand, rows: number): boolean {
    return !this.closed && !errand.failure && !errand.claim?.closed && this.sinkReason === undefined && this.room.fits(rows);
  }

  private hand(errand: ReadErrand, source: RowSource, rows: RowValue[][], last: boolean): void {
    const { output } = this.options.settings;
    const parts = errand.nextPart(last);
    const parcel: Parcel = {
      size: rows.length,
      output: 0,
      message: () => {
        const message = output === "row" ? rowMessage(source, rows[0] as RowValue[]) : rowsMessage(source, rows);
        return errand.dress(message, parts, this.options.clone);
      },
      accepted: () => errand.settled(parcel),
      failed: ({ error }) => this.lose(errand, parcel, error),
      released: (error) => this.lose(errand, parcel, error),
    };
    errand.took(parcel);
    this.deliveries.hand(parcel);
    this.tell();
  }

  /** A row has failed, and with it the trigger: what waits for another attempt need not make it, for the trigger is repeated as a whole. */
  private lose(errand: ReadErrand, parcel: Parcel, error: ConnectorError): void {
    const first = !errand.failure;
    errand.failure ??= error;
    errand.settled(parcel);
    if (!first) return;
    this.deliveries.recall([...errand.parcels], error);
    this.room.wake();
  }

  private finished(errand: ReadErrand): void {
    this.errands.delete(errand);
    this.wait.forget(errand);
    queueMicrotask(() => this.tell());
  }

  private holds(reason: string | undefined): void {
    this.sinkReason = reason;
    this.showHold();
  }

  private showHold(): void {
    const reason = this.sinkReason ?? this.wait.error?.message;
    if (this.closed) this.hold.stop();
    else if (reason === undefined) this.hold.end();
    else this.hold.begin(reason);
    this.tell();
  }

  private tell(): void {
    const { onState } = this.options;
    const { trouble, sinkReason } = this;
    const away = this.wait.error;
    if (away) onState({ kind: away.code === "DATABASE_UNAVAILABLE" ? "waiting" : "failed", error: away });
    else if (sinkReason !== undefined) onState({ kind: "holding", reason: sinkReason });
    else if (trouble && !this.reading) onState({ kind: "failed", error: trouble });
    else onState({ kind: this.reading ? "reading" : "idle", inFlow: this.room.taken });
  }
}
