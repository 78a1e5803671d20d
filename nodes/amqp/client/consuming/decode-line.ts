import { Slices } from "../../../common/slices";
import { flowTracker } from "../../../delivery/tracker/flow-tracker";
import type { AckWindow } from "./ack-window";
import type { Taken } from "./taking-channel";

/** What {@link DecodeLine} needs. */
export interface DecodeLineOptions<D> {
  /** Decodes a message. Returns `undefined` when nothing is to be handed over, and a promise for large content, which is decoded in slices. */
  decode(taken: Taken, attempt: number): D | undefined | Promise<D | undefined>;
  handOver(decoded: D, attempt: number): void;
  /** Called when decoding or handing over has failed for a reason that is not the message's. */
  failed(taken: Taken, error: unknown): void;
}

interface Waiting {
  taken: Taken;
  attempt: number;
}

/**
 * Keeps the order when a message takes more than one turn of the event loop to decode: it and the messages that arrive after it are decoded and handed over one by
 * one. Those that wait are not decoded yet and not acknowledged, and there are at most as many as the prefetch allows.
 */
export class DecodeLine<D> {
  private line: Waiting[] = [];
  private working = false;
  private paused = false;
  private stopped = false;
  private wake: (() => void) | undefined;

  constructor(private readonly options: DecodeLineOptions<D>) {}

  /** Whether a message that arrives now has to wait, because others are before it. */
  get busy(): boolean {
    return this.working;
  }

  /** Adds a message to the end of the line. */
  add(taken: Taken, attempt: number): void {
    this.line.push({ taken, attempt });
    // outside the flow's context that may be active here, since the line works for all deliveries
    if (!this.working) void flowTracker.outside(() => this.work());
  }

  /** Stops handing over until {@link resume}. */
  pause(): void {
    this.paused = true;
  }

  /** Continues to hand over after {@link pause}. */
  resume(): void {
    this.paused = false;
    this.wake?.();
  }

  /** Drops the messages of a channel that is gone. */
  lost(window: AckWindow): void {
    this.line = this.line.filter(({ taken }) => taken.window !== window);
  }

  /** Removes all messages from the line. @returns those messages; the one that is being decoded is not among them */
  clear(): Taken[] {
    return this.line.splice(0).map(({ taken }) => taken);
  }

  /** Stops handing over for good. The messages in the line, and those that are added later, are not acknowledged and stay open in their {@link AckWindow}. */
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
    this.working = this.stopped; // after stop() the line stays busy: a message that arrives later must not overtake those that were dropped here
  }

  private async handle({ taken, attempt }: Waiting): Promise<void> {
    const decoding = this.options.decode(taken, attempt);
    const decoded = decoding instanceof Promise ? await decoding : decoding;
    while (this.paused && !this.stopped) await new Promise<void>((resolve) => (this.wake = resolve));
    if (decoded && !this.stopped && !taken.window.closed) this.options.handOver(decoded, attempt);
  }
}
