import { within } from "../common/deadline";
import { ConnectorError } from "../common/errors";
import { type Claim, claimOf, deliveryClosed } from "./claim";
import type { Errand, Trigger } from "./errand";
import { flowTracker } from "./flow-tracker";
import { flowStopped } from "./outcome";
import { PassedHold } from "./passed-hold";

/** Triggers that wait for their turn at most; how many come of deliveries is bounded by their sources. */
const MOST_WAITING = 1_000;

/** What an {@link ErrandLine} needs. */
export interface ErrandLineOptions<E> {
  nodeId: string;
  /** Takes what one trigger asks for. Never rejects. */
  serve(errand: E): Promise<void>;
  warn(text: string): void;
}

/** The triggers of a node that takes others for them, as rows or messages of a queue: served one after the other, in the order they came. */
export class ErrandLine<E extends Errand<unknown>> {
  /** Those that are not done. */
  readonly all = new Set<E>();
  /** Nodes behind this one, or the node itself, wait for a system: nobody is served meanwhile. */
  readonly hold: PassedHold;
  /** Those that have not had their turn. */
  readonly waiting: E[] = [];
  private serving: Promise<void> | undefined;
  private stopped = false;

  constructor(private readonly options: ErrandLineOptions<E>) {
    this.hold = new PassedHold(options.nodeId, this.all);
  }

  /** A trigger has come: to be called in the input handler, before anything is awaited. @returns `undefined` when it is done with already */
  take(trigger: Trigger, errandFor: (claim: Claim | undefined) => E): E | undefined {
    const claim = claimOf(trigger.msg);
    if (claim?.closed) {
      this.options.warn(deliveryClosed().toString());
      return void trigger.done();
    }
    if (this.stopped) return void trigger.done(flowStopped());
    if (!claim && this.waiting.length >= MOST_WAITING) return void trigger.done(new ConnectorError("OVERLOADED", `More than ${MOST_WAITING} messages wait for their turn`));
    const errand = errandFor(claim);
    this.all.add(errand);
    this.waiting.push(errand);
    claim?.lineUp();
    this.hold.include(errand);
    this.serve();
    return errand;
  }

  /** It need not be served any more. */
  leave(errand: E): void {
    const place = this.waiting.indexOf(errand);
    if (place >= 0) this.waiting.splice(place, 1);
  }

  /** Takes no more; those that have not had their turn go back. */
  stop(): void {
    this.stopped = true;
    this.hold.stop();
    for (const errand of this.waiting.splice(0)) errand.close(flowStopped());
  }

  /** After {@link stop}: resolves when nobody is served any more, after `timeout` ms at the latest. */
  async idle(timeout: number): Promise<void> {
    if (this.serving) await within(this.serving, timeout);
    this.hold.stop(); // a wait may have begun meanwhile
  }

  /** Outside the triggers' contexts: one run serves many. */
  private serve(): void {
    this.serving ??= flowTracker.outside(async () => {
      for (let errand = this.waiting.shift(); errand; errand = this.waiting.shift()) {
        await this.hold.over();
        errand.claim?.leaveLine();
        if (errand.lapsed) errand.close();
        else await this.options.serve(errand);
      }
      this.serving = undefined;
    });
  }
}
