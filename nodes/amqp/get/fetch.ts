import { randomBytes } from "node:crypto";
import type { ConnectorError } from "../../common/errors";
import type { Claim } from "../../delivery/claim";
import { flowTracker } from "../../delivery/flow-tracker";
import type { AckWindow } from "../client/ack-window";
import type { Taken } from "../client/consumer";
import type { QueueMessage } from "../client/queue-message";

/** A message that asks for messages of the queue, as Node-RED hands it over. */
export interface Trigger {
  msg: object;
  send(messages: (object | null)[]): void;
  done(error?: Error): void;
}

/** `msg.parts` as core's Join reads it in its automatic mode. */
export interface Parts {
  type: "array";
  id: string;
  index: number;
  /** How many there are; only the last one knows. */
  count?: number;
}

/** What a got message has of its own, and so does not inherit from the trigger. */
const OWN = new Set(["_msgid", "payload", "topic", "delivery", "amqp", "parts"]);

/** One trigger and what is taken for it. The trigger is done when all of that is settled. */
export class Fetch {
  readonly arrived = Date.now();
  /** Messages handed to the flow. */
  sent = 0;
  private readonly id = randomBytes(8).toString("hex");
  private readonly unsettled = new Set<Taken>();
  /** The trigger's properties that go on each message, if there are any. */
  private readonly inherited: object | undefined;
  private ended = false;
  private finished = false;
  private held = false;

  /**
   * @param wanted how many messages to take at most
   * @param claim of the delivery that the trigger belongs to
   * @param finish called once, before the trigger is done
   */
  constructor(
    readonly trigger: Trigger,
    readonly wanted: number | Promise<number>,
    readonly claim: Claim | undefined,
    private readonly finish: (fetch: Fetch) => void,
  ) {
    const kept = Object.entries(trigger.msg).filter(([name]) => !OWN.has(name));
    if (kept.length > 0) this.inherited = Object.fromEntries(kept);
  }

  /** A message was taken for it. */
  took(taken: Taken): void {
    this.unsettled.add(taken);
  }

  /** Its place among the messages of this trigger. @param last whether no more will follow */
  nextPart(last: boolean): Parts {
    const index = this.sent;
    this.sent += 1;
    return last ? { type: "array", id: this.id, index, count: this.sent } : { type: "array", id: this.id, index };
  }

  /** The message with the trigger's other properties on it, cloned: each message is the flow's to change. */
  dress(message: QueueMessage, parts: Parts, clone: (value: object) => object): object {
    return { ...(this.inherited && clone(this.inherited)), ...message, parts: { ...parts } };
  }

  settled(taken: Taken): void {
    this.unsettled.delete(taken);
    this.finishIfQuiet();
  }

  /** The broker has taken back what was open on this channel. */
  lost(window: AckWindow): void {
    for (const taken of this.unsettled) if (taken.window === window) this.unsettled.delete(taken);
    this.finishIfQuiet();
  }

  /** All is taken that will be. */
  end(): void {
    this.ended = true;
    this.finishIfQuiet();
  }

  /** The queue was empty: the trigger itself goes on. */
  empty(): void {
    this.trigger.send([null, this.trigger.msg]);
    this.close();
  }

  /** The trigger is done. @param error why nothing was taken for it */
  close(error?: ConnectorError): void {
    if (this.finished) return;
    this.finished = true;
    this.resume();
    this.finish(this);
    this.trigger.done(error);
  }

  /** What it waits for cannot go on at present: neither can the delivery that the trigger belongs to, whose deadline must not run on. */
  hold(reason: string): void {
    if (this.held || !this.claim) return;
    this.held = true;
    this.claim.hold(reason);
  }

  /** That wait is over. */
  resume(): void {
    if (!this.held) return;
    this.held = false;
    this.claim?.resume();
  }

  /** In a turn of its own: a message sent in the same turn as a `done()` would count as made of what is done. */
  private finishIfQuiet(): void {
    if (!this.ended || this.unsettled.size > 0) return;
    flowTracker.outside(() => setImmediate(() => this.close()));
  }
}
