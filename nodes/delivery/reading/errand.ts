import { randomBytes } from "node:crypto";
import type { Claim } from "../claim";
import { flowTracker } from "../tracker/flow-tracker";

/** A message that makes a node fetch something, with `send` and `done` as Node-RED gives them to the input handler. */
export interface Trigger {
  msg: object;
  send(messages: (object | null)[]): void;
  done(error?: Error): void;
}

/** `msg.parts` as Node-RED's Join reads it in automatic mode. */
export interface Parts {
  type: "array";
  id: string;
  index: number;
  /** How many parts there are. Only the last one has it. */
  count?: number;
  /** The `msg.parts` of the trigger, which Join puts back on the message it makes. */
  parts?: unknown;
}

/** What an {@link Errand} is made with. */
export interface ErrandOptions {
  trigger: Trigger;
  /** The claim of the trigger, if it belongs to a delivery. */
  claim: Claim | undefined;
  /** Names of the properties that what is fetched has of its own, and so does not inherit from the trigger. */
  own: ReadonlySet<string>;
  /** Called once, before the trigger is done. */
  finish: () => void;
}

/** One trigger and all that is fetched for it. The trigger is done when all of that is settled. @typeParam T what is fetched */
export class Errand<T> {
  /** When the trigger came, by `performance.now()`. */
  readonly arrived = performance.now();
  readonly trigger: Trigger;
  readonly claim: Claim | undefined;
  /** How many messages were handed to the flow. */
  sent = 0;
  /** The error of the trigger, once all that was fetched is settled. */
  failure: Error | undefined;
  protected readonly unsettled = new Set<T>();
  private readonly id = randomBytes(8).toString("hex");
  /** The properties of the trigger that each message inherits, if there are any. */
  private readonly inherited: object | undefined;
  /** Whether all of them are primitive, so that no copy is needed. */
  private readonly simple: boolean;
  private readonly finish: () => void;
  private ended = false;
  private finished = false;
  private held = false;
  /** Whether something was fetched for it. */
  private waits = false;

  constructor({ trigger, claim, own, finish }: ErrandOptions) {
    this.trigger = trigger;
    this.claim = claim;
    this.finish = finish;
    const kept = Object.entries(trigger.msg).filter(([name]) => !own.has(name));
    if (kept.length > 0) this.inherited = Object.fromEntries(kept);
    this.simple = kept.every(([, value]) => typeof value !== "object" && typeof value !== "function");
  }

  /** The `msg.delivery` of the trigger; empty when it has none. */
  get delivery(): { source?: unknown } {
    return (this.trigger.msg as { delivery?: { source?: unknown } | null }).delivery ?? {};
  }

  /** Whether nothing more need be fetched: the trigger is done, or its delivery was settled and its copy comes. */
  get lapsed(): boolean {
    return this.finished || this.claim?.closed === true;
  }

  /** Whether all is fetched and settled, so that the trigger is done in a moment. */
  get isQuiet(): boolean {
    return this.ended && this.unsettled.size === 0;
  }

  /**
   * Something was fetched for it. That has a deadline of its own, so the deadline of the trigger stops running while it waits.
   */
  took(taken: T): void {
    this.unsettled.add(taken);
    if (!this.waits) this.claim?.lineUp(() => this.lapsed && this.dropped());
    this.waits = true;
  }

  /** The `msg.parts` of the next message. @param last whether no more will follow */
  nextPart(last: boolean): Parts {
    const index = this.sent;
    this.sent += 1;
    const { parts } = this.trigger.msg as { parts?: unknown };
    return { type: "array", id: this.id, index, ...(last ? { count: this.sent } : {}), ...(parts === undefined ? {} : { parts }) };
  }

  /** A message with the properties that it inherits from the trigger. These are cloned, since the flow may change each message. */
  dress(message: object, parts: Parts, clone: (value: object) => object): object {
    const inherited = this.inherited && (this.simple ? this.inherited : clone(this.inherited));
    return { ...inherited, ...message, parts: parts.parts === undefined ? { ...parts } : clone(parts) };
  }

  settled(taken: T): void {
    this.unsettled.delete(taken);
    this.finishIfQuiet();
  }

  /** Called when the delivery of the trigger was settled meanwhile, so that its copy comes. */
  protected dropped(): void {
    // what was taken has deliveries of its own
  }

  /** Nothing more will be fetched. @param failure the error of the trigger, unless it has failed before */
  end(failure?: Error): void {
    this.ended = true;
    this.failure ??= failure;
    this.finishIfQuiet();
  }

  /** There was nothing to fetch: the trigger itself goes on, to the second output. */
  empty(): void {
    this.trigger.send([null, this.trigger.msg]);
    this.close();
  }

  /** Calls `done` of the trigger, once. @param error why it fails; it is not told when the copy of the trigger comes anyway */
  close(error?: Error): void {
    if (this.finished) return;
    this.finished = true;
    this.resume();
    this.claim?.leaveLine();
    this.finish();
    this.trigger.done(this.claim?.closed ? undefined : error);
  }

  /** What it waits for cannot go on at present. Then the delivery of the trigger cannot either, and its deadline must not run. */
  hold(reason: string): void {
    if (this.held || this.finished || !this.claim) return;
    this.held = true;
    this.claim.hold(reason);
  }

  /** The wait of {@link hold} is over. */
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
