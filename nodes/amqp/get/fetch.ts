import type { Claim } from "../../delivery/claim";
import { Errand, type Trigger } from "../../delivery/errand";
import type { AckWindow } from "../client/ack-window";
import type { Taken } from "../client/taking-channel";

/** What a got message has of its own, and so does not inherit from the trigger. */
const OWN = new Set(["_msgid", "payload", "topic", "delivery", "amqp", "parts"]);

/** One trigger and the messages of the queue that are taken for it. */
export class Fetch extends Errand<Taken> {
  /**
   * @param wanted how many messages to take at most
   * @param claim of the delivery that the trigger belongs to
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

  /** The broker has taken back what was open on this channel. */
  lost(window: AckWindow): void {
    for (const taken of this.unsettled) if (taken.window === window) this.unsettled.delete(taken);
    this.finishIfQuiet();
  }
}
