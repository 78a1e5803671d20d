import { flowTracker } from "../../../delivery/flow-tracker";

/** Tells a transport once that there is room again, outside of the flow's context: at once when there is much, else after a while, in which there may be more. */
export class RoomCall {
  private later: NodeJS.Timeout | undefined;
  private now: NodeJS.Immediate | undefined;

  /** @param delay of a call for a little room, in ms */
  constructor(
    private readonly tell: () => void,
    private readonly delay = 1_000,
  ) {}

  soon(much: boolean): void {
    if (this.now || (this.later && !much)) return;
    flowTracker.outside(() => {
      // a timer takes a millisecond at least, in which nothing is in the flow
      if (much) this.now = setImmediate(() => this.call());
      else this.later = setTimeout(() => this.call(), this.delay);
    });
  }

  cancel(): void {
    clearTimeout(this.later);
    clearImmediate(this.now);
    this.later = this.now = undefined;
  }

  private call(): void {
    this.cancel();
    this.tell();
  }
}
