import { within } from "../../common/deadline";
import { ConnectorError } from "../../common/errors";
import { type Claim, claimOf, deliveryClosed } from "../claim";
import type { Errand, Trigger } from "./errand";
import { flowTracker } from "../tracker/flow-tracker";
import { flowStopped } from "../outcome";
import { PassedHold } from "./passed-hold";

/** How many triggers may wait. Only those that belong to no delivery are refused above it: the sources bound the others. */
const MOST_WAITING = 1_000;

/** What an {@link ErrandLine} needs. */
export interface ErrandLineOptions<E> {
  nodeId: string;
  /** Fetches what one trigger asks for. Must not reject. */
  serve(errand: E): Promise<void>;
  warn(text: string): void;
}

/** The triggers of a node that fetches something for each: rows, or messages of a queue. They are served one after the other, in the order they came. */
export class ErrandLine<E extends Errand<unknown>> {
  /** All triggers that are not done. */
  readonly all = new Set<E>();
  /** The wait of nodes behind this one, or of the node itself, for a system: nobody is served meanwhile. */
  readonly hold: PassedHold;
  /** The triggers that have not had their turn. */
  readonly waiting: E[] = [];
  private serving: Promise<void> | undefined;
  private stopped = false;

  constructor(private readonly options: ErrandLineOptions<E>) {
    this.hold = new PassedHold(options.nodeId, this.all);
  }

  /** Takes a trigger. Must be called in the input handler, before anything is awaited. @returns its errand, or `undefined` when the trigger is done already */
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

  /** Takes an errand out of the line: it need not be served any more. */
  leave(errand: E): void {
    const place = this.waiting.indexOf(errand);
    if (place >= 0) this.waiting.splice(place, 1);
  }

  /** Serves no more. Triggers that have not had their turn fail with `FLOW_STOPPED`, and so are given back. */
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

  /** Outside the contexts of the triggers, since one run serves many of them. */
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
