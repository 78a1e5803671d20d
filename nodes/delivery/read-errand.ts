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
  /** The trigger's delivery was settled while rows were in the flow: its copy comes, and brings them again. */
  drop(errand: ReadErrand<V>): void;
}

/** One trigger and the rows that are read for it. */
export class ReadErrand<V> extends Errand<Parcel> {
  readonly values: V | Promise<V>;
  /** What is read for it cannot be read again. */
  once = false;
  private readonly drop: (errand: ReadErrand<V>) => void;

  constructor({ trigger, values, claim, own, finish, drop }: ReadErrandOptions<V>) {
    super({ trigger, claim, own, finish: () => finish(this) });
    this.values = values;
    this.drop = drop;
  }

  /** Those of its parcels that are not settled. */
  get parcels(): Iterable<Parcel> {
    return this.unsettled;
  }

  /** The flow has finished with one: it would be worked on twice were the trigger repeated. */
  accepted(parcel: Parcel): void {
    this.claim?.begin();
    this.settled(parcel);
  }

  /** It is read for once more, so that no more need be sent: it has failed, or its delivery was settled and its copy comes. */
  get repeats(): boolean {
    return !this.once && (this.failure !== undefined || this.lapsed);
  }

  protected override dropped(): void {
    if (this.repeats) this.drop(this);
  }

  /** The trigger itself goes on, with what was read. */
  pass(more: object): void {
    this.trigger.send([putOn(this.trigger.msg, more)]);
    this.close();
  }
}
