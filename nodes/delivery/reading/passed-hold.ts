import type { Errand } from "./errand";

/** What is used of a trigger's errand. */
type AnyErrand = Pick<Errand<unknown>, "delivery" | "hold" | "resume">;

/**
 * Passes a wait for a system on to the triggers of a node that fetches something for each, such as `amqp get` or `sql read`. Whether the node itself waits
 * or one behind it: its triggers cannot go on either, so the deadlines of their deliveries stop and the sources of these pause.
 *
 * Two such nodes that feed each other may come to hold each other, with no system left that is waited for. So every minute all triggers are let go for a
 * moment: holds that hold nothing but each other then end, and any other is taken up again.
 */
export class PassedHold {
  private reason: string | undefined;
  private timer: NodeJS.Timeout | undefined;
  private readonly waiting = new Set<() => void>();

  /**
   * @param nodeId id of the node. A message of its own that has come back to it as a trigger is not held: it would wait for itself
   * @param errands those of all triggers that are not done; looked at anew each time
   * @param letGoEvery ms between two moments in which all is let go
   */
  constructor(
    private readonly nodeId: string,
    private readonly errands: Iterable<AnyErrand>,
    private readonly timing = { letGoEvery: 60_000 },
  ) {}

  /** Why there is a wait; `undefined` when there is none. */
  get current(): string | undefined {
    return this.reason;
  }

  /** The wait begins, or goes on for another reason. */
  begin(reason: string): void {
    clearInterval(this.timer);
    this.reason = reason;
    for (const errand of this.errands) this.include(errand);
    this.timer = setInterval(() => this.letGo(), this.timing.letGoEvery);
  }

  /** Holds a trigger that has just come, if there is a wait. */
  include(errand: AnyErrand): void {
    if (this.reason !== undefined && errand.delivery.source !== this.nodeId) errand.hold(this.reason);
  }

  /** The wait is over: the triggers go on. */
  end(): void {
    this.stop();
    for (const errand of this.errands) errand.resume();
  }

  /** Resolves when there is no wait any more. */
  async over(): Promise<void> {
    while (this.reason !== undefined) {
      await new Promise<void>((resolve) => this.waiting.add(resolve));
    }
  }

  /** Ends the wait without telling the triggers, for when the node is stopped: they end by themselves. */
  stop(): void {
    clearInterval(this.timer);
    this.reason = undefined;
    for (const resolve of this.waiting) resolve();
    this.waiting.clear();
  }

  private letGo(): void {
    for (const errand of this.errands) errand.resume();
    for (const errand of this.errands) this.include(errand); // unless that ended it
  }
}
