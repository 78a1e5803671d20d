import type { Claim } from "../../delivery/claim";
import { Errand, type Trigger } from "../../delivery/errand";
import type { Values } from "./parameters";
import type { Parcel } from "./row-deliveries";

/** What a row has of its own, and so does not inherit from the trigger. */
const OWN = new Set(["_msgid", "payload", "delivery", "sql", "parts"]);

/** One trigger and the rows that are read for it. */
export class ReadErrand extends Errand<Parcel> {
  constructor(
    trigger: Trigger,
    /** Of the query's names. */
    readonly values: Values | Promise<Values>,
    claim: Claim | undefined,
    finish: (errand: ReadErrand) => void,
  ) {
    super({ trigger, claim, own: OWN, finish: () => finish(this) });
  }

  /** Those of its parcels that are not settled. */
  get parcels(): Iterable<Parcel> {
    return this.unsettled;
  }

  /** The trigger itself goes on, with what was read. */
  pass(more: object): void {
    this.trigger.send([Object.assign(this.trigger.msg, more)]);
    this.close();
  }
}
