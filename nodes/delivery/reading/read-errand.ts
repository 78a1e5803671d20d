import type { Claim } from "../claim";
import { putOn } from "../../common/put-on";
import { Errand, type Trigger } from "./errand";
import type { Parcel } from "./row-deliveries";

/** What a {@link ReadErrand} is made with. */
export interface ReadErrandOptions<V> {
  trigger: Trigger;
  /** What the reading needs of the trigger's message. */
  values: V | Promise<V>;
  claim: Claim | undefined;
  /** Names of the properties that what is read has of its own, and so does not inherit from the trigger. */
  own: ReadonlySet<string>;
  finish(errand: ReadErrand<V>): void;
  /** Told when the trigger's delivery was settled while rows were in the flow: its copy comes, and they are read again. */
  drop(errand: ReadErrand<V>): void;
}

/** One trigger and the rows that are read for it. @typeParam V what the reading needs of the trigger's message */
export class ReadErrand<V> extends Errand<Parcel> {
  readonly values: V | Promise<V>;
  /** Whether what is read for it cannot be read again. */
  once = false;
  private readonly drop: (errand: ReadErrand<V>) => void;

  constructor({ trigger, values, claim, own, finish, drop }: ReadErrandOptions<V>) {
    super({ trigger, claim, own, finish: () => finish(this) });
    this.values = values;
    this.drop = drop;
  }

  /** Its parcels that are not settled. */
  get parcels(): Iterable<Parcel> {
    return this.unsettled;
  }

  /** The flow has finished with a parcel. Were the trigger repeated now, it would be worked on twice. */
  accepted(parcel: Parcel): void {
    this.claim?.begin();
    this.settled(parcel);
  }

  /** Whether all will be read once more, so that no more need be sent: the trigger has failed, or its delivery was settled and its copy comes. */
  get repeats(): boolean {
    return !this.once && (this.failure !== undefined || this.lapsed);
  }

  protected override dropped(): void {
    if (this.repeats) this.drop(this);
  }

  /** The trigger itself goes on, with what was read put on it. */
  pass(more: object): void {
    this.trigger.send([putOn(this.trigger.msg, more)]);
    this.close();
  }
}
