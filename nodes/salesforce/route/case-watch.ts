import { type ConnectorError, needsAHand, toConnectorError } from "../../common/errors";
import { within } from "../../common/deadline";
import type { Claim } from "../../delivery/claim";
import { flowTracker } from "../../delivery/flow-tracker";
import { flowStopped, type NodeName } from "../../delivery/outcome";
import { Room } from "../../delivery/room";
import { type Parcel, RowDeliveries } from "../../delivery/row-deliveries";
import type { TrackedRuntime } from "../../delivery/runtime";
import type { Ending } from "../client/routing/after-flow";
import type { CaseRecords } from "../client/routing/case-records";
import type { CaseRouter } from "../client/routing/case-router";
import type { RoutingRules } from "../client/routing/interaction";
import type { Outgoing } from "../client/routing/outgoing";
import { OUTPUTS, unwired } from "./outputs";
import type { RouteSettings } from "./settings";

/** What a {@link CaseWatch} needs. */
export interface CaseWatchOptions {
  settings: RouteSettings;
  /** Another instance may write to the store. */
  shared: boolean;
  parts(): Promise<{ router: CaseRouter; records: CaseRecords }>;
  node: NodeName;
  runtime: TrackedRuntime;
  send(output: number, message: object): void;
  isWired(output: number): boolean;
  onChange(): void;
  warn(text: string): void;
}

/** Who waits until all cases were looked at. */
interface Asking {
  claim: Claim | undefined;
  held: boolean;
  resolve(): void;
  reject(error: ConnectorError): void;
}

/** Messages of the node's own that are in the flow at once. */
const MOST_IN_FLOW = 100;
/** Cases that are looked at together. */
const SLICE = 100;

/**
 * Looks after cases that no event will come for: those whose time is up, and on start those that fell between. What it puts out are deliveries
 * of its own.
 */
export class CaseWatch {
  /** Why cases that were missed cannot be looked for. */
  trouble: ConnectorError | undefined;
  private readonly room = new Room(MOST_IN_FLOW);
  private readonly deliveries: RowDeliveries;
  /** What is in the flow. */
  private readonly handed = new Set<Outgoing>();
  private readonly ends = new Set<Promise<void>>();
  private timer: NodeJS.Timeout | undefined;
  private work: Promise<void> | undefined;
  private isRunning = false;
  /** Why a sink behind takes nothing more. */
  private held: string | undefined;
  /** By the clock that nobody sets. */
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

  /** Whether it is this instance that looks after them. */
  get running(): boolean {
    return this.isRunning;
  }

  /** Begins. */
  start(): void {
    if (this.closed || this.isRunning) return;
    this.isRunning = true;
    this.loadedAt = undefined;
    this.setTimer();
    this.run();
    this.options.onChange();
  }

  /** Another instance takes over; what is in the flow stays there. */
  stop(): void {
    this.isRunning = false;
    this.wantsAll = this.options.settings.startQuery;
    this.setTimer();
    this.options.onChange();
  }

  /**
   * Not all changes were told: looks for cases that were missed, whichever instance looks after them, for who was told is the only one who knows.
   * Resolves when all that is to be put out is written down. @param claim of the delivery that waits for it @throws ConnectorError `FLOW_STOPPED`
   */
  lookAtAll(claim?: Claim): Promise<void> {
    if (this.closed) return Promise.reject(flowStopped());
    const looked = new Promise<void>((resolve, reject) => this.asking.push({ claim, held: false, resolve, reject }));
    if (this.held !== undefined) this.holdUp(this.held);
    this.setTimer();
    this.run();
    return looked;
  }

  /** Looks after nothing any more, and lets the flow finish for up to `drain` ms. */
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

  /** Outside of everybody's context: one run serves many cases. */
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
          if (isDone && this.asking.length > 0) this.run(); // asked for meanwhile
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
    // another instance's cases are known only by looking
    if (wantsAll || this.loadedAt === undefined || (shared && now - this.loadedAt > settings.rules.answerTimeout)) {
      known = await records.load();
      this.loadedAt = now;
      this.options.onChange();
    }
    if (this.isRunning) {
      const busy = new Set([...this.handed].map(({ caseId }) => caseId));
      // who takes over from another finds what that one owes
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

  /** Those who wait cannot go on at present, and nor can their sources. */
  private holdUp(reason: string): void {
    for (const one of this.asking) if (!one.held) one.claim?.hold(reason);
    for (const one of this.asking) one.held = true;
  }

  private letGo(asking: readonly Asking[]): void {
    for (const one of asking) if (one.held) one.claim?.resume();
    for (const one of asking) one.held = false;
  }

  /** Cases that nobody told of, and those that are known: nobody may have told what became of them. @returns whether all were looked at */
  private async lookForMissed(router: CaseRouter, known: readonly string[]): Promise<boolean> {
    for await (const page of router.missed()) if (!(await this.look(router, page, "missed"))) return false;
    return this.look(router, known, "missed");
  }

  private async look(router: CaseRouter, ids: readonly string[], kind: "due" | "missed"): Promise<boolean> {
    for (let from = 0; from < ids.length; from += SLICE) {
      await this.room.until(1);
      if (!this.isNeeded) return false;
      for (const one of await router.look(ids.slice(from, from + SLICE), { kind })) this.hand(router, one);
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
    else parcel.accepted(); // nobody wants to know
  }

  /** The org or the store is away, and the next turn of the timer tries again; or the query is refused, which somebody must mend. */
  private failed(error: ConnectorError): false {
    if (this.closed) return false;
    const isUntold = error.scope === "message" || (error.code === "STORE_UNAVAILABLE" && needsAHand(error)); // of others the org's or the database's node tells
    if (isUntold && this.trouble?.message !== error.message) this.options.warn(`Cases cannot be looked after: ${error.message}`);
    this.trouble = error;
    if (error.scope === "system") this.holdUp(error.message);
    return false;
  }
}

/** How often times are looked at, in ms: a twentieth is precise enough. */
export function lookEvery({ answerTimeout }: RoutingRules): number {
  return Math.min(5_000, Math.max(20, answerTimeout / 20));
}

function nameOf(found: Outgoing["payload"]["case"]): string {
  return "number" in found ? found.number : found.id;
}
