import { ConnectorError, toConnectorError } from "../../common/errors";
import { within } from "../../common/deadline";
import { flowTracker } from "../../delivery/flow-tracker";
import type { NodeName } from "../../delivery/outcome";
import { Room } from "../../delivery/room";
import { type Parcel, RowDeliveries } from "../../delivery/row-deliveries";
import type { TrackedRuntime } from "../../delivery/runtime";
import type { OrgClient } from "../client/org";
import type { CaseRecords } from "../client/routing/case-records";
import type { CaseRouter } from "../client/routing/case-router";
import type { Outgoing } from "../client/routing/outgoing";
import { OUTPUTS } from "./outputs";
import type { RouteSettings } from "./settings";

/** What a {@link CaseWatch} needs. */
export interface CaseWatchOptions {
  settings: RouteSettings;
  org: OrgClient;
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
  /** Cases whose message is in the flow. */
  private readonly handed = new Set<string>();
  private readonly ends = new Set<Promise<void>>();
  private timer: NodeJS.Timeout | undefined;
  private work: Promise<void> | undefined;
  private isRunning = false;
  private held = false;
  private loadedAt: number | undefined;
  private wantsAll: boolean;
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
      onHold: () => (this.held = true),
      onResume: () => {
        this.held = false;
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
    // a twentieth is precise enough
    const every = Math.min(5_000, Math.max(20, this.options.settings.rules.answerTimeout / 20));
    this.timer = setInterval(() => this.run(), every);
    this.run();
    this.options.onChange();
  }

  /** Another instance takes over; what is in the flow stays there. */
  stop(): void {
    this.isRunning = false;
    this.wantsAll = this.options.settings.startQuery;
    clearInterval(this.timer);
    this.options.onChange();
  }

  /** Not all changes were told: looks for cases that were missed. */
  lookAtAll(): void {
    this.wantsAll = true;
    this.run();
  }

  /** Looks after nothing any more, and lets the flow finish for up to `drain` ms. */
  async close(drain = 8_000): Promise<void> {
    const end = Date.now() + drain;
    this.closed = true;
    this.isRunning = false;
    clearInterval(this.timer);
    this.room.close();
    await this.deliveries.close(end);
    if (this.work) await within(this.work, Math.max(1_000, end - Date.now()));
    await within(Promise.allSettled([...this.ends]), 1_000);
  }

  /** Outside of everybody's context: one run serves many cases. */
  private run(): void {
    if (!this.isRunning || this.held || this.work) return;
    this.work = flowTracker.outside(() =>
      this.lookAfterAll()
        .catch((error: unknown) => this.failed(toConnectorError(error)))
        .finally(() => {
          this.work = undefined;
          this.options.onChange();
        }),
    );
  }

  private async lookAfterAll(): Promise<void> {
    const { parts, shared, settings } = this.options;
    const { router, records } = await parts();
    const now = Date.now();
    // another instance's cases are known only by looking
    if (this.loadedAt === undefined || (shared && now - this.loadedAt > settings.rules.answerTimeout)) {
      await records.load();
      this.loadedAt = now;
    }
    await this.look(router, records.due(Date.now()).filter((id) => !this.handed.has(id)), "due");
    if (this.wantsAll) {
      this.wantsAll = false;
      await this.findMissed(router);
    }
    this.trouble = undefined;
  }

  private async findMissed(router: CaseRouter): Promise<void> {
    try {
      for await (const page of router.missed()) {
        await this.look(router, page, "missed");
        if (!this.isRunning) return;
      }
    } catch (error) {
      this.wantsAll = true;
      throw error;
    }
  }

  private async look(router: CaseRouter, ids: readonly string[], kind: "due" | "missed"): Promise<void> {
    for (let from = 0; from < ids.length && this.isRunning; from += SLICE) {
      await this.room.until(1);
      if (this.closed) return;
      for (const one of await router.look(ids.slice(from, from + SLICE), { kind })) this.hand(router, one);
    }
  }

  private hand(router: CaseRouter, { caseId, payload }: Outgoing): void {
    this.handed.add(caseId);
    const { action, request } = payload;
    const ends = (outcome: "taken" | "given back" | undefined): void => {
      this.handed.delete(caseId);
      if (action !== "create" || !outcome) return;
      const end: Promise<void> = router
        .settled(caseId, request, outcome)
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
    if (this.closed) parcel.released(new ConnectorError("FLOW_STOPPED", "The flow was stopped"));
    else this.deliveries.hand(parcel);
  }

  /** The org or the store is away, and the next turn of the timer tries again; or the query is refused, which somebody must mend. */
  private failed(error: ConnectorError): void {
    if (this.closed) return;
    if (error.scope === "message" && this.trouble?.message !== error.message) this.options.warn(`Cases cannot be looked after: ${error.message}`);
    this.trouble = error;
  }
}

function nameOf(found: Outgoing["payload"]["case"]): string {
  return "number" in found ? found.number : found.id;
}
