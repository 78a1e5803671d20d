import type { ConsumeMessage } from "amqplib";
import type { Clock } from "../../common/clock";
import { LONGEST_OPEN } from "../client/consuming/taking-channel";
import type { LetterBox } from "./letter-box";

/** What {@link HeldLetters} needs. */
export interface HeldLettersOptions {
  box: LetterBox;
  /** The dead-letter queue, for the warning. */
  queue: string;
  /** With so many held, the run ends. */
  most: number;
  clock: Pick<Clock, "ticks">;
  /** Warns the user, once for each text. */
  warn(text: string): void;
}

/** When a message has come back so often, the user is warned that each run counts as a delivery. Half of RabbitMQ 4's default delivery limit. */
const MANY_RETURNS = 10;

/** The dead letters that a run leaves in their queue. They are held unacknowledged until it ends, since they would come again at once if given back at once. */
export class HeldLetters {
  private count = 0;
  /** When the first was held, by {@link Clock.ticks}. */
  private since = Infinity;

  constructor(private readonly options: HeldLettersOptions) {}

  /** Holds a dead letter. */
  add(message: ConsumeMessage): void {
    const { box, clock } = this.options;
    box.hold(message);
    this.count += 1;
    this.since = Math.min(this.since, clock.ticks());
    if (Number(message.properties.headers?.["x-delivery-count"]) >= MANY_RETURNS) this.warnOfLimit();
  }

  /** Why no more can be held, in words, so that the run must end; `undefined` while it may go on. */
  get tooMuch(): string | undefined {
    const { most, clock } = this.options;
    if (this.count >= most) return `${most} dead letters that stay`;
    return clock.ticks() - this.since > LONGEST_OPEN ? "dead letters that stay for 25 minutes" : undefined;
  }

  private warnOfLimit(): void {
    const { queue, warn } = this.options;
    const what = `Dead letters of queue ${queue} have come back ${MANY_RETURNS} times or more, and up to RabbitMQ 4.2 the broker counts each look, and each run that leaves them`;
    warn(`${what}. If the queue has a delivery limit (20 on RabbitMQ 4, unless set otherwise), it drops those that reach it: lift it by a policy`);
  }
}
