import { ConnectorError, needsAHand, toConnectorError } from "../../common/errors";
import { tooManyRows } from "../../common/too-many-rows";
import type { Delivery } from "../delivery";
import type { Trigger } from "./errand";
import { ErrandLine } from "./errand-line";
import { flowStopped } from "../outcome";
import { ReadErrand } from "./read-errand";
import { Room } from "./room";
import { RowDeliveries, type Parcel } from "./row-deliveries";
import { SystemWait } from "./system-wait";
import type { ReadPages, TriggeredReadOptions } from "./triggered-read-options";
import { notWired } from "../wired";

/** How many ms a trigger that belongs to no delivery waits for the system. */
const PATIENCE = 60_000;

/** Reads rows for each trigger, one trigger after the other, as fast as the flow settles them. */
export class TriggeredRead<V, R, P extends ReadPages<R>> {
  private readonly room: Room;
  private readonly deliveries: RowDeliveries;
  private readonly line: ErrandLine<ReadErrand<V>>;
  /** Open triggers that are rows which this node has read itself. */
  private readonly round = new Set<ReadErrand<V>>();
  private readonly wait: SystemWait<ReadErrand<V>>;
  private reading = false;
  /** Why nodes behind this one wait for their systems; `undefined` when none does. */
  private sinkReason: string | undefined;
  /** The error by which the last trigger failed because of the system; `undefined` once another could be read. */
  private trouble: ConnectorError | undefined;
  private closed = false;

  constructor(private readonly options: TriggeredReadOptions<V, R, P>) {
    const { settings, node, runtime, patience = PATIENCE } = options;
    this.room = new Room(settings.maxInFlight);
    this.line = new ErrandLine({ nodeId: node.id, serve: (errand) => this.serve(errand), warn: options.warn });
    this.wait = new SystemWait({
      untilReady: (error) => options.untilReady(error),
      patience,
      onChange: () => this.showHold(),
      onOver: (errand) => this.line.leave(errand),
    });
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

  /** Takes a trigger. Must be called in the input handler, before anything is awaited. */
  take(trigger: Trigger): void {
    const errand = this.line.take(trigger, (claim) => {
      const values = this.valuesFor(trigger.msg);
      const drop = (one: ReadErrand<V>): void => this.deliveries.withdraw(one.parcels, flowStopped());
      return new ReadErrand<V>({ trigger, values, claim, own: this.options.own, finish: (one) => this.finished(one), drop });
    });
    if (!errand) return;
    if (this.rowsOf(errand).length > 0) this.comesRound(errand);
    this.wait.include(errand);
  }

  /** Reads no more, lets the flow finish for up to `drain` ms, and gives the rest back. */
  async close(drain = 8_000): Promise<void> {
    const end = performance.now() + drain;
    this.closed = true;
    this.wait.close();
    this.room.close();
    this.line.stop();
    await this.deliveries.close(end);
    await this.line.idle(Math.max(1_000, end - performance.now())); // a query may take longer than that
    await new Promise((resolve) => setImmediate(resolve)); // triggers end in the turn after their rows are settled
    for (const errand of [...this.line.all]) errand.close(errand.failure ?? flowStopped());
  }

  private valuesFor(msg: object): V | Promise<V> {
    try {
      const values = this.options.valuesFor(msg);
      if (values instanceof Promise) values.catch(() => undefined); // handled when its turn comes
      return values;
    } catch (error) {
      const failed = Promise.reject<V>(toConnectorError(error, "INPUT_INVALID"));
      failed.catch(() => undefined);
      return failed;
    }
  }

  private async serve(errand: ReadErrand<V>): Promise<void> {
    this.reading = true;
    try {
      await this.read(errand);
    } catch (error) {
      this.failed(errand, toConnectorError(error));
    }
    this.reading = false;
    this.tell();
  }

  private failed(errand: ReadErrand<V>, error: ConnectorError): void {
    if (error.scope === "system" && error.code !== "FLOW_STOPPED") this.trouble = error;
    errand.end(this.closed ? flowStopped() : error);
  }

  private async read(errand: ReadErrand<V>): Promise<void> {
    const values = await errand.values;
    if (!this.options.isWired()) throw notWired("what is read");
    const pages = await this.persist(errand, () => this.options.open(values));
    if (!pages) return errand.close();
    this.trouble = undefined;
    try {
      if (this.options.settings.output === "all") await this.passAll(errand, pages);
      else await this.sendRows(errand, pages);
    } finally {
      await pages.close();
    }
  }

  /** Asks the system, again and again while it is away. @returns `undefined` when the trigger has lapsed, so that the answer is not needed */
  private async persist<T>(errand: ReadErrand<V>, ask: () => Promise<T>): Promise<T | undefined> {
    while (!this.closed && !errand.lapsed) {
      try {
        return await ask();
      } catch (thrown) {
        const error = toConnectorError(thrown);
        if (!this.options.isAway(error)) throw error;
        await this.wait.until(error, [errand, ...this.line.waiting]);
      }
    }
    if (!errand.lapsed) throw flowStopped();
    return undefined;
  }

  /** The next page. @returns `undefined` when there is none, or when the trigger has lapsed */
  private nextOf(errand: ReadErrand<V>, pages: P): Promise<R[] | undefined> {
    return pages.resumes ? this.persist(errand, () => pages.next()) : pages.next();
  }

  private async passAll(errand: ReadErrand<V>, pages: P): Promise<void> {
    const { maxRows, emptyOutput } = this.options.settings;
    const rows: R[] = [];
    for (let page = await this.nextOf(errand, pages); page; page = await this.nextOf(errand, pages)) {
      for (const row of page) rows.push(row);
      if (rows.length > maxRows) throw tooManyRows(maxRows, "send them as rows or batches");
      if (errand.lapsed) break;
    }
    if (errand.lapsed) return errand.close(); // what was read may not be all there is
    if (rows.length === 0 && emptyOutput) return errand.empty();
    errand.pass(this.options.message(pages, rows));
  }

  private async sendRows(errand: ReadErrand<V>, pages: P): Promise<void> {
    const { output, batchSize, emptyOutput } = this.options.settings;
    const size = output === "row" ? 1 : batchSize;
    errand.once = pages.once === true;
    /** Rows that are read but kept until it is known whether they are the last. */
    let rows: R[] = [];
    for (let page = await this.nextOf(errand, pages); page; page = await this.nextOf(errand, pages)) {
      rows = rows.length > 0 ? rows.concat(page) : page;
      let at = 0;
      for (; rows.length - at > size; at += size) {
        if (!this.goes(errand, size) && !(await this.mayGo(errand, size))) return errand.end(flowStopped());
        this.hand(errand, pages, rows.slice(at, at + size), false);
      }
      rows = rows.slice(at);
    }
    if (errand.repeats) return errand.end(flowStopped()); // as above
    if (rows.length > 0) {
      if (!(await this.mayGo(errand, rows.length))) return errand.end(flowStopped());
      this.hand(errand, pages, rows, true);
    }
    if (errand.sent > 0) return errand.end();
    if (emptyOutput) errand.empty();
    else errand.close();
  }

  /** Waits until rows may be sent. @returns false when the trigger is to be repeated, or the flow stops */
  private async mayGo(errand: ReadErrand<V>, rows: number): Promise<boolean> {
    while (!this.closed && !errand.repeats) {
      if (this.goes(errand, rows)) return true;
      if (this.sinkReason !== undefined) await this.line.hold.over();
      else if (this.isStuck) errand.failure = waitsForItself(this.deliveries.parcels);
      else await this.room.change();
    }
    return false;
  }

  private goes(errand: ReadErrand<V>, rows: number): boolean {
    return !this.closed && !errand.repeats && this.sinkReason === undefined && this.room.fits(rows);
  }

  private hand(errand: ReadErrand<V>, pages: P, rows: R[], last: boolean): void {
    const parts = errand.nextPart(last);
    const parcel: Parcel = {
      size: rows.length,
      output: 0,
      message: () => errand.dress(this.options.message(pages, rows), parts, this.options.clone),
      accepted: () => errand.accepted(parcel),
      failed: ({ error }) => this.lose(errand, parcel, error),
      released: (error) => this.lose(errand, parcel, error),
    };
    errand.took(parcel);
    this.deliveries.hand(parcel);
    this.tell();
  }

  /** A row has failed, and with it the trigger. Other rows that wait for another attempt are taken back, since the trigger will be repeated as a whole. */
  private lose(errand: ReadErrand<V>, parcel: Parcel, error: ConnectorError): void {
    const first = !errand.failure;
    errand.failure ??= error;
    errand.settled(parcel);
    if (!first || !errand.repeats) return;
    this.deliveries.recall([...errand.parcels], error);
    this.room.wake();
  }

  /** The open deliveries of rows of this node that a trigger belongs to. */
  private rowsOf({ claim }: ReadErrand<V>): Delivery[] {
    return [...(claim?.deliveries ?? [])].filter((one) => !one.closed && this.deliveries.isOf(one));
  }

  /** A trigger has come that is a row which this node has read itself. */
  private comesRound(errand: ReadErrand<V>): void {
    this.round.add(errand);
    this.room.wake(); // there may never be room, since what waits for room may be stuck now
  }

  /** Whether all rows in the flow have come back as triggers, and so wait for the one that waits for room. Only in mode `flow`; else a settle node may settle them. */
  private get isStuck(): boolean {
    if (this.round.size === 0 || this.options.settings.settle !== "flow") return false;
    const waiting = [...this.round].filter((errand) => !errand.lapsed && !errand.isQuiet); // a quiet one will make room in a moment
    return new Set(waiting.flatMap((errand) => this.rowsOf(errand))).size >= this.deliveries.parcels;
  }

  private finished(errand: ReadErrand<V>): void {
    this.line.all.delete(errand);
    this.round.delete(errand);
    this.wait.forget(errand);
    queueMicrotask(() => this.tell());
  }

  private holds(reason: string | undefined): void {
    this.sinkReason = reason;
    this.showHold();
  }

  private showHold(): void {
    const reason = this.sinkReason ?? this.wait.error?.message;
    if (this.closed) this.line.hold.stop();
    else if (reason === undefined) this.line.hold.end();
    else this.line.hold.begin(reason);
    this.tell();
  }

  private tell(): void {
    const { onState } = this.options;
    const { trouble, sinkReason } = this;
    const away = this.wait.error;
    if (away) onState({ kind: needsAHand(away) ? "failed" : "waiting", error: away });
    else if (sinkReason !== undefined) onState({ kind: "holding", reason: sinkReason });
    else if (trouble && !this.reading) onState({ kind: "failed", error: trouble });
    else onState({ kind: this.reading ? "reading" : "idle", inFlow: this.room.taken });
  }
}

function waitsForItself(messages: number): ConnectorError {
  return new ConnectorError("OVERLOADED", `All ${messages} messages in the flow have come round to this node and wait for what it would read next: allow more in the flow, or read what belongs to a row by another node`);
}
