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
 * The pause that a source makes when deliveries are released for no fault of their own. Given back at once, they would be delivered again at once. All that are
 * released during a pause are given back together at its end. Pauses grow from 1 to 60 s until a delivery is accepted.
 *
 * A node that is not configured (`NOT_CONFIGURED`) will not work before the next deploy, and a stopped one not before the present deploy has ended. So in these
 * cases the source pauses until then; nothing is consumed meanwhile, and the log is not filled.
 */
export class SystemPause {
  private readonly backOff = new BackOff();
  /** When what is released is given back, by `performance.now()`. */
  private giveBackAt = 0;
  private timer: NodeJS.Timeout | undefined;
  private untilDeploy = false;
  private stopWaiting: (() => void) | undefined;

  constructor(
    private readonly events: TrackedRuntime["events"],
    private readonly listener: PauseListener,
  ) {}

  /** A delivery is released because of `error`. @param deploying whether flows are being stopped or started @returns ms until it is to be given back */
  because(error: ConnectorError | undefined, deploying: boolean): number {
    const now = performance.now(); // not `Date.now()`, since the system clock may be set
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
