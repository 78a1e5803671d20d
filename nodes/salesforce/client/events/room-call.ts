import { flowTracker } from "../../../delivery/tracker/flow-tracker";

/** Tells a transport that there is room again: at once when there is much room, else after a while, by when there may be more. Runs outside of the flow's context. */
export class RoomCall {
  private later: NodeJS.Timeout | undefined;
  private now: NodeJS.Immediate | undefined;

  /** @param tell tells the transport @param delay ms to wait when there is only a little room */
  constructor(
    private readonly tell: () => void,
    private readonly delay = 1_000,
  ) {}

  /** Calls `tell` soon, once for all calls of this method until then. @param much whether there is much room */
  soon(much: boolean): void {
    if (this.now || (this.later && !much)) return;
    flowTracker.outside(() => {
      // not a timer: that takes at least a millisecond, in which the flow would stand idle
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
