import type { Errand } from "./errand";

/** A trigger, whatever is taken for it. */
type AnyErrand = Pick<Errand<unknown>, "delivery" | "hold" | "resume">;

/**
 * A wait for a system, of the nodes behind one that takes for triggers (`amqp get`, `sql read`) or of that node itself. Triggers wait as
 * long, and it is passed on to the deliveries they belong to: these cannot go on either, so their deadlines stop and their sources pause.
 *
 * Two such nodes that feed each other may come to hold each other, with no system left that is waited for. So every minute all is let go for a
 * moment: holds that hold nothing but each other then come apart, and any other is taken up again.
 */
export class PassedHold {
  private reason: string | undefined;
  private timer: NodeJS.Timeout | undefined;
  private readonly waiting = new Set<() => void>();

  /**
   * @param nodeId of the node: a message of its own that has come round to it waits for itself, and must not hold it up
   * @param errands all triggers that are not done
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

  begin(reason: string): void {
    clearInterval(this.timer);
    this.reason = reason;
    for (const errand of this.errands) this.include(errand);
    this.timer = setInterval(() => this.letGo(), this.timing.letGoEvery);
  }

  /** Another trigger came. */
  include(errand: AnyErrand): void {
    if (this.reason !== undefined && errand.delivery.source !== this.nodeId) errand.hold(this.reason);
  }

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

  /** Ends the wait without a word to the deliveries: their triggers end by themselves. */
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
