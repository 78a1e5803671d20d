import type { Claim } from "../../delivery/claim";
import { Errand, type Trigger } from "../../delivery/reading/errand";
import type { AckWindow } from "../client/consuming/ack-window";
import type { Taken } from "../client/consuming/taking-channel";

/** Properties that a message from the queue does not inherit from the trigger, since it has its own. */
const OWN = new Set(["_msgid", "payload", "topic", "delivery", "amqp", "parts"]);

/** A trigger and the messages that are taken from the queue for it. */
export class Fetch extends Errand<Taken> {
  /**
   * @param wanted how many messages to take at most
   * @param claim the claim on the trigger's delivery, if it belongs to one
   * @param finish called once, before the trigger is done
   */
  constructor(
    trigger: Trigger,
    readonly wanted: number | Promise<number>,
    claim: Claim | undefined,
    finish: (fetch: Fetch) => void,
  ) {
    super({ trigger, claim, own: OWN, finish: () => finish(this) });
  }

  /** The channel of `window` is gone, and the broker has taken back what was open on it. */
  lost(window: AckWindow): void {
    for (const taken of this.unsettled) if (taken.window === window) this.unsettled.delete(taken);
    this.finishIfQuiet();
  }
}
