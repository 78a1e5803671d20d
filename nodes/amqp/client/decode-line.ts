import { Slices } from "../../common/slices";
import { flowTracker } from "../../delivery/flow-tracker";
import type { AckWindow } from "./ack-window";
import type { Taken } from "./taking-channel";

/** What {@link DecodeLine} needs. */
export interface DecodeLineOptions<D> {
  /** Makes of a message what is handed over; `undefined` when nothing is. Large content takes its time. */
  decode(taken: Taken, attempt: number): D | undefined | Promise<D | undefined>;
  handOver(decoded: D, attempt: number): void;
  /** Decoding it or handing it over went wrong in a way that is no fault of the message. */
  failed(taken: Taken, error: unknown): void;
}

interface Waiting {
  taken: Taken;
  attempt: number;
}

/**
 * Messages whose decoding takes more than a turn of the event loop, and those that came behind them: one is decoded and handed over after
 * the other, in order. What waits is undecoded, open with the broker, and at most as much as the prefetch lets be taken.
 */
export class DecodeLine<D> {
  private line: Waiting[] = [];
  private working = false;
  private paused = false;
  private stopped = false;
  private wake: (() => void) | undefined;

  constructor(private readonly options: DecodeLineOptions<D>) {}

  /** Whether who comes now has to wait: some are before. */
  get busy(): boolean {
    return this.working;
  }

  /** The next message. */
  add(taken: Taken, attempt: number): void {
    this.line.push({ taken, attempt });
    // outside the context of whatever flow has sent it back here: it works for all
    if (!this.working) void flowTracker.outside(() => this.work());
  }

  /** Hands nothing over until {@link resume}. */
  pause(): void {
    this.paused = true;
  }

  /** Hands over again. */
  resume(): void {
    this.paused = false;
    this.wake?.();
  }

  /** The channel is gone, and its messages with it. */
  lost(window: AckWindow): void {
    this.line = this.line.filter(({ taken }) => taken.window !== window);
  }

  /** What is not begun, which waits no more. */
  clear(): Taken[] {
    return this.line.splice(0).map(({ taken }) => taken);
  }

  /** Hands nothing over any more, for good: what is here, and what comes behind it, stays open on its window. */
  stop(): void {
    this.stopped = true;
    this.line = [];
    this.wake?.();
  }

  private async work(): Promise<void> {
    const slices = new Slices();
    this.working = true;
    for (let next = this.line.shift(); next; next = this.line.shift()) {
      try {
        await this.handle(next);
      } catch (error) {
        this.options.failed(next.taken, error);
      }
      if (slices.over) await slices.next();
    }
    this.working = this.stopped; // who comes behind one that was left here must not overtake it
  }

  private async handle({ taken, attempt }: Waiting): Promise<void> {
    const decoding = this.options.decode(taken, attempt);
    const decoded = decoding instanceof Promise ? await decoding : decoding;
    while (this.paused && !this.stopped) await new Promise<void>((resolve) => (this.wake = resolve));
    if (decoded && !this.stopped && !taken.window.closed) this.options.handOver(decoded, attempt);
  }
}
