import { BackOff } from "../common/back-off";
import type { ConnectorError } from "../common/errors";
import { onFlowEvent } from "./flow-events";
import type { TrackedRuntime } from "./runtime";

/** Told when the pause begins and ends. */
export interface PauseListener {
  began(reason: string): void;
  ended(): void;
}

/**
 * The pause a source makes when its deliveries come back unworked, for no fault of their own: given back at once they would come
 * back at once. All that come back in one pause go back together; each next pause is longer, from 1 to 60 s, until one is accepted.
 * A node that is not configured (`NOT_CONFIGURED`) will not work before the next deploy, and one that is stopped not before the present one has
 * ended, so the pause lasts until then: nothing is consumed, and the log is not filled.
 */
export class SystemPause {
  private readonly backOff = new BackOff();
  /** By `performance.now()`. */
  private giveBackAt = 0;
  private timer: NodeJS.Timeout | undefined;
  private untilDeploy = false;
  private stopWaiting: (() => void) | undefined;

  constructor(
    private readonly events: TrackedRuntime["events"],
    private readonly listener: PauseListener,
  ) {}

  /** A delivery comes back because of `error`. @param deploying flows are being stopped or started @returns ms until it is given back */
  because(error: ConnectorError | undefined, deploying: boolean): number {
    const now = performance.now(); // no clock that may be set
    if (now >= this.giveBackAt) this.giveBackAt = now + this.backOff.next();
    const delay = this.giveBackAt - now;
    if (error?.code === "NOT_CONFIGURED" || (error?.code === "FLOW_STOPPED" && deploying)) this.waitForDeploy(error);
    else if (!this.timer && !this.untilDeploy) {
      this.timer = setTimeout(() => this.end(), delay);
      this.listener.began(error?.message ?? "");
    }
    return delay;
  }

  /** A delivery was accepted: the next pause is a short one. */
  reset(): void {
    this.backOff.reset();
  }

  /** Ends the pause without telling anyone. */
  close(): void {
    clearTimeout(this.timer);
    this.stopWaiting?.();
  }

  private waitForDeploy(error: ConnectorError): void {
    if (this.untilDeploy) return;
    this.untilDeploy = true;
    if (this.timer) clearTimeout(this.timer);
    else this.listener.began(error.message);
    this.timer = undefined;
    this.stopWaiting = onFlowEvent(this.events, "flows:started", () => this.end());
  }

  private end(): void {
    this.close();
    this.timer = undefined;
    this.untilDeploy = false;
    this.listener.ended();
  }
}
