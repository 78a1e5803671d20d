import { randomBytes } from "node:crypto";
import type { Claim } from "./claim";
import { flowTracker } from "./flow-tracker";

/** A message that asks a node to take others, as Node-RED hands it over. */
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
  /** Those of the message it was made of, which Join gives back to what it gathers. */
  parts?: unknown;
}

/** What an {@link Errand} is made with. */
export interface ErrandOptions {
  trigger: Trigger;
  /** Of the delivery that the trigger belongs to. */
  claim: Claim | undefined;
  /** Properties that what is taken has of its own, and so does not inherit from the trigger. */
  own: ReadonlySet<string>;
  /** Called once, before the trigger is done. */
  finish: () => void;
}

/** One trigger and what is taken for it. The trigger is done when all of that is settled. */
export class Errand<T> {
  /** By the clock that nobody sets. */
  readonly arrived = performance.now();
  readonly trigger: Trigger;
  readonly claim: Claim | undefined;
  /** Messages handed to the flow. */
  sent = 0;
  /** What the trigger fails with, once all that was taken is settled. */
  failure: Error | undefined;
  protected readonly unsettled = new Set<T>();
  private readonly id = randomBytes(8).toString("hex");
  /** The trigger's properties that go on each message, if there are any. */
  private readonly inherited: object | undefined;
  /** None of them can be changed by who gets it. */
  private readonly simple: boolean;
  private readonly finish: () => void;
  private ended = false;
  private finished = false;
  private held = false;
  /** Something that was taken for it was handed to the flow. */
  private waits = false;

  constructor({ trigger, claim, own, finish }: ErrandOptions) {
    this.trigger = trigger;
    this.claim = claim;
    this.finish = finish;
    const kept = Object.entries(trigger.msg).filter(([name]) => !own.has(name));
    if (kept.length > 0) this.inherited = Object.fromEntries(kept);
    this.simple = kept.every(([, value]) => typeof value !== "object" && typeof value !== "function");
  }

  /** What the trigger says of its delivery. */
  get delivery(): { source?: unknown } {
    return (this.trigger.msg as { delivery?: { source?: unknown } | null }).delivery ?? {};
  }

  /** It is done, or its delivery was settled and its copy comes: nothing more need be taken for it. */
  get lapsed(): boolean {
    return this.finished || this.claim?.closed === true;
  }

  /** All that was taken for it is settled, and no more will be: it is done in a moment. */
  get isQuiet(): boolean {
    return this.ended && this.unsettled.size === 0;
  }

  /**
   * Something was taken for it. That has a deadline of its own from now on, and is tried again or waits by that, so the trigger's clock stands in time.
   */
  took(taken: T): void {
    this.unsettled.add(taken);
    if (!this.waits) this.claim?.lineUp(() => this.lapsed && this.dropped());
    this.waits = true;
  }

  /** The place of the next message among those of this trigger. @param last whether no more will follow */
  nextPart(last: boolean): Parts {
    const index = this.sent;
    this.sent += 1;
    const { parts } = this.trigger.msg as { parts?: unknown };
    return { type: "array", id: this.id, index, ...(last ? { count: this.sent } : {}), ...(parts === undefined ? {} : { parts }) };
  }

  /** The message with the trigger's other properties on it, cloned: each message is the flow's to change. */
  dress(message: object, parts: Parts, clone: (value: object) => object): object {
    const inherited = this.inherited && (this.simple ? this.inherited : clone(this.inherited));
    return { ...inherited, ...message, parts: parts.parts === undefined ? { ...parts } : clone(parts) };
  }

  settled(taken: T): void {
    this.unsettled.delete(taken);
    this.finishIfQuiet();
  }

  /** The trigger's delivery was settled meanwhile: its copy comes. */
  protected dropped(): void {
    // what was taken has deliveries of its own
  }

  /** All is taken that will be. @param failure what the trigger fails with, unless it failed before */
  end(failure?: Error): void {
    this.ended = true;
    this.failure ??= failure;
    this.finishIfQuiet();
  }

  /** Nothing was there to take: the trigger itself goes on. */
  empty(): void {
    this.trigger.send([null, this.trigger.msg]);
    this.close();
  }

  /** The trigger is done. @param error why it fails; nobody is told of it when its copy comes anyway */
  close(error?: Error): void {
    if (this.finished) return;
    this.finished = true;
    this.resume();
    this.claim?.leaveLine();
    this.finish();
    this.trigger.done(this.claim?.closed ? undefined : error);
  }

  /** What it waits for cannot go on at present: neither can the delivery that the trigger belongs to, whose deadline must not run on. */
  hold(reason: string): void {
    if (this.held || this.finished || !this.claim) return;
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
  protected finishIfQuiet(): void {
    if (!this.isQuiet) return;
    flowTracker.outside(() => setImmediate(() => this.close(this.failure)));
  }
}
