import { chunks } from "../../common/chunks";
import { type ConnectorError, needsAHand, toConnectorError } from "../../common/errors";
import { within } from "../../common/deadline";
import type { Claim } from "../../delivery/claim";
import { flowTracker } from "../../delivery/tracker/flow-tracker";
import { flowStopped, type NodeName } from "../../delivery/outcome";
import { Room } from "../../delivery/reading/room";
import { type Parcel, RowDeliveries } from "../../delivery/reading/row-deliveries";
import type { TrackedRuntime } from "../../delivery/runtime";
import type { Ending } from "../client/routing/after-flow";
import type { CaseRecords } from "../client/routing/case-records";
import type { CaseRouter } from "../client/routing/case-router";
import type { RoutingRules } from "../client/routing/interaction";
import type { Outgoing } from "../client/routing/outgoing";
import { OUTPUTS, unwired } from "./outputs";
import type { RouteSettings } from "./settings";

/** The options of a {@link CaseWatch}. */
export interface CaseWatchOptions {
  settings: RouteSettings;
  /** Whether other instances may write to the store. */
  shared: boolean;
  parts(): Promise<{ router: CaseRouter; records: CaseRecords }>;
  node: NodeName;
  runtime: TrackedRuntime;
  send(output: number, message: object): void;
  isWired(output: number): boolean;
  onChange(): void;
  warn(text: string): void;
}

/** A caller that waits until all cases have been checked. */
interface Asking {
  claim: Claim | undefined;
  held: boolean;
  resolve(): void;
  reject(error: ConnectorError): void;
}

/** The most messages that the watch itself has sent and that are in the flow at once. */
const MOST_IN_FLOW = 100;
/** How many cases are checked together. */
const SLICE = 100;

/**
 * Routes cases for which no event will come: those whose time is up and, at the start, those whose events were missed. Each message that it sends is a delivery of its
 * own.
 */
export class CaseWatch {
  /** The error of the last run. `undefined` if that succeeded. */
  trouble: ConnectorError | undefined;
  private readonly room = new Room(MOST_IN_FLOW);
  private readonly deliveries: RowDeliveries;
  /** The messages that are in the flow. */
  private readonly handed = new Set<Outgoing>();
  private readonly ends = new Set<Promise<void>>();
  private timer: NodeJS.Timeout | undefined;
  private work: Promise<void> | undefined;
  private isRunning = false;
  /** Why a sink further down the flow accepts nothing at present. `undefined` if it does. */
  private held: string | undefined;
  /** When the stored cases were last read, in ms of the monotonic clock. `undefined` before the first time. */
  private loadedAt: number | undefined;
  private wantsAll: boolean;
  private asking: Asking[] = [];
  private closed = false;

  constructor(private readonly options: CaseWatchOptions) {
    const { settings, node, runtime, warn } = options;
    this.wantsAll = settings.startQuery;
    this.deliveries = new RowDeliveries({
      settings,
      node,
      runtime,
      room: this.room,
      send: options.send,
      isWired: options.isWired,
      onHold: (reason) => {
        this.held = reason;
        this.holdUp(reason);
      },
      onResume: () => {
        this.held = undefined;
        this.letGo(this.asking);
        this.run();
      },
      warn,
    });
  }

  /** Whether this instance watches the cases, and not another one. */
  get running(): boolean {
    return this.isRunning;
  }

  /** Begins to watch the cases. */
  start(): void {
    if (this.closed || this.isRunning) return;
    this.isRunning = true;
    this.loadedAt = undefined;
    this.setTimer();
    this.run();
    this.options.onChange();
  }

  /** Stops watching, since another instance takes over. Messages that are in the flow stay there. */
  stop(): void {
    this.isRunning = false;
    this.wantsAll = this.options.settings.startQuery;
    this.setTimer();
    this.options.onChange();
  }

  /**
   * Looks for missed cases after changes were lost. It does so even if another instance watches the cases, since only this one has been told of the loss.
   *
   * @param claim the claim on the delivery that waits for this
   * @returns resolves when every message that is due has been recorded
   * @throws ConnectorError `FLOW_STOPPED` when the node is closed
   */
  lookAtAll(claim?: Claim): Promise<void> {
    if (this.closed) return Promise.reject(flowStopped());
    const looked = new Promise<void>((resolve, reject) => this.asking.push({ claim, held: false, resolve, reject }));
    if (this.held !== undefined) this.holdUp(this.held);
    this.setTimer();
    this.run();
    return looked;
  }

  /** Stops for good, and waits up to `drain` ms for the flow to finish. */
  async close(drain = 8_000): Promise<void> {
    const end = performance.now() + drain;
    this.closed = true;
    this.isRunning = false;
    clearInterval(this.timer);
    this.asking.splice(0).forEach(({ reject }) => reject(flowStopped()));
    this.room.close();
    await this.deliveries.close(end);
    if (this.work) await within(this.work, Math.max(1_000, end - performance.now()));
    await within(Promise.allSettled([...this.ends]), 1_000);
  }

  private get isNeeded(): boolean {
    return !this.closed && (this.isRunning || this.asking.length > 0);
  }

  private setTimer(): void {
    if (this.isNeeded === (this.timer !== undefined)) return;
    clearInterval(this.timer);
    this.timer = this.isNeeded ? setInterval(() => this.run(), lookEvery(this.options.settings.rules)) : undefined;
  }

  /** Starts a run if one is needed and possible. It runs outside the context of any delivery, since it serves many cases. */
  private run(): void {
    if (!this.isNeeded || this.held !== undefined || this.work || !this.options.isWired(OUTPUTS.create)) return;
    this.work = flowTracker.outside(() =>
      this.lookAfterAll()
        .then(
          () => true,
          (error: unknown) => this.failed(toConnectorError(error)),
        )
        .then((isDone) => {
          this.work = undefined;
          this.setTimer();
          this.options.onChange();
          if (isDone && this.asking.length > 0) this.run(); // someone has asked for it meanwhile
        }),
    );
  }

  private async lookAfterAll(): Promise<void> {
    const { parts, shared, settings } = this.options;
    const { router, records } = await parts();
    const asking = [...this.asking];
    const wantsAll = asking.length > 0 || (this.wantsAll && this.isRunning);
    const now = performance.now();
    let known: string[] = [];
    const isFirst = this.loadedAt === undefined;
    // the cases of other instances become known only by reading the store
    if (wantsAll || this.loadedAt === undefined || (shared && now - this.loadedAt > settings.rules.answerTimeout)) {
      known = await records.load();
      this.loadedAt = now;
      this.options.onChange();
    }
    if (this.isRunning) {
      const busy = new Set([...this.handed].map(({ caseId }) => caseId));
      // an instance that takes over finds the messages that the other one still owes
      const ids = new Set([...records.due(Date.now()), ...(isFirst ? records.owed : [])]);
      await this.look(router, [...ids].filter((id) => !busy.has(id)), "due");
    }
    if (wantsAll && (await this.lookForMissed(router, known))) {
      this.wantsAll = false;
      this.asking = this.asking.filter((one) => !asking.includes(one));
      this.letGo(asking);
      for (const { resolve } of asking) resolve();
    }
    this.trouble = undefined;
  }

  /** Tells the deliveries that wait, and through them their sources, that they cannot go on at present. */
  private holdUp(reason: string): void {
    for (const one of this.asking) if (!one.held) one.claim?.hold(reason);
    for (const one of this.asking) one.held = true;
  }

  private letGo(asking: readonly Asking[]): void {
    for (const one of asking) if (one.held) one.claim?.resume();
    for (const one of asking) one.held = false;
  }

  /** Checks cases whose events were missed, and the known cases, since events about those may have been missed too. @returns whether all were checked */
  private async lookForMissed(router: CaseRouter, known: readonly string[]): Promise<boolean> {
    for await (const page of router.missed()) if (!(await this.look(router, page, "missed"))) return false;
    return this.look(router, known, "missed");
  }

  private async look(router: CaseRouter, ids: readonly string[], kind: "due" | "missed"): Promise<boolean> {
    for (const some of chunks(ids, SLICE)) {
      await this.room.until(1);
      if (!this.isNeeded) return false;
      for (const one of await router.look(some, { kind })) this.hand(router, one);
    }
    return this.isNeeded;
  }

  private hand(router: CaseRouter, one: Outgoing): void {
    const { payload } = one;
    const { action } = payload;
    this.handed.add(one);
    const ends = (ending: Ending | undefined): void => {
      this.handed.delete(one);
      if (!ending) return;
      const end: Promise<void> = router
        .settled(one, ending)
        .catch((error: unknown) => this.options.warn(toConnectorError(error).message))
        .finally(() => this.ends.delete(end));
      this.ends.add(end);
    };
    const parcel: Parcel = {
      size: 1,
      output: OUTPUTS[action],
      message: () => ({ payload: structuredClone(payload), topic: payload.workgroup }),
      accepted: () => ends("taken"),
      failed: ({ error }) => {
        this.options.warn(`The flow could not ${action} the interaction of case ${nameOf(payload.case)}: ${error.message}`);
        ends(undefined);
      },
      released: () => ends("given back"),
    };
    if (this.closed) parcel.released(flowStopped());
    else if (this.options.isWired(parcel.output)) this.deliveries.hand(parcel);
    else if (action === "create") parcel.released(unwired());
    else parcel.accepted(); // nothing is wired to this output, so no one wants the message
  }

  /** Notes the error of a run. The timer starts the next try; a refused query fails until someone corrects the settings or the org. */
  private failed(error: ConnectorError): false {
    if (this.closed) return false;
    const isUntold = error.scope === "message" || (error.code === "STORE_UNAVAILABLE" && needsAHand(error)); // the org's or the database's node reports other errors
    if (isUntold && this.trouble?.message !== error.message) this.options.warn(`Cases cannot be looked after: ${error.message}`);
    this.trouble = error;
    if (error.scope === "system") this.holdUp(error.message);
    return false;
  }
}

/** Returns the interval, in ms, at which times are checked: a twentieth of `answerTimeout`, but at least 20 ms and at most 5 s. */
export function lookEvery({ answerTimeout }: RoutingRules): number {
  return Math.min(5_000, Math.max(20, answerTimeout / 20));
}

function nameOf(found: Outgoing["payload"]["case"]): string {
  return "number" in found ? found.number : found.id;
}
