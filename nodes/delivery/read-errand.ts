import type { Claim } from "./claim";
import { putOn } from "../common/put-on";
import { Errand, type Trigger } from "./errand";
import type { Parcel } from "./row-deliveries";

/** What a {@link ReadErrand} is made with. */
export interface ReadErrandOptions<V> {
  trigger: Trigger;
  /** What the reading needs to know of the trigger's message. */
  values: V | Promise<V>;
  claim: Claim | undefined;
  /** Properties that what is read has of its own, and so does not inherit from the trigger. */
  own: ReadonlySet<string>;
  finish(errand: ReadErrand<V>): void;
}

/** One trigger and the rows that are read for it. */
export class ReadErrand<V> extends Errand<Parcel> {
  readonly values: V | Promise<V>;

  constructor({ trigger, values, claim, own, finish }: ReadErrandOptions<V>) {
    super({ trigger, claim, own, finish: () => finish(this) });
    this.values = values;
  }

  /** Those of its parcels that are not settled. */
  get parcels(): Iterable<Parcel> {
    return this.unsettled;
  }

  /** The trigger itself goes on, with what was read. */
  pass(more: object): void {
    this.trigger.send([putOn(this.trigger.msg, more)]);
    this.close();
  }
}
