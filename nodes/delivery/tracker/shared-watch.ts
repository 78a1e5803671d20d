import { registry } from "./registry";
import type { TrackedRuntime } from "../runtime";
import { RuntimeWatch, type RuntimeEvents } from "./runtime-watch";

/** ms between two calls of {@link SharedWatch.rest}. */
const REST_AFTER = 60_000;

/** The watch over the runtime that all sources share. It is there from the first source's beginning to the last one's end, and at rest while nothing is followed. */
export class SharedWatch {
  private watch: RuntimeWatch | undefined;
  private users = 0;
  /** Calls {@link rest} regularly. */
  private resting: NodeJS.Timeout | undefined;
  /** Number of the newest delivery when {@link rest} was last called. */
  private newestAtRest = 0;

  /** A source begins. @returns whether it is the first */
  acquire(runtime: TrackedRuntime, told: RuntimeEvents): boolean {
    this.users += 1;
    if (this.users > 1) return false;
    this.watch = new RuntimeWatch(runtime, told);
    this.resting = setInterval(() => this.rest(), REST_AFTER).unref();
    return true;
  }

  /** Whether there is a source. */
  get isOn(): boolean {
    return this.watch !== undefined;
  }

  /** A source has ended. After the last one the watch ends. */
  release(): void {
    this.users -= 1;
    if (this.users > 0) return;
    clearInterval(this.resting);
    this.watch?.end();
    this.watch = undefined;
  }

  /** Something is to be followed: see {@link RuntimeWatch.listen}. */
  listen(): void {
    this.watch?.listen();
  }

  /** See {@link RuntimeWatch.handling}. */
  handling(): boolean {
    return this.watch?.handling() ?? false;
  }

  /** Whether {@link handling} was called since the hooks were added. */
  get watchesHandling(): boolean {
    return this.watch?.watchesHandling ?? false;
  }

  /**
   * Removes Node-RED's hooks when no delivery is open and none was followed since the last call, since they make each message of every flow about a tenth slower.
   * Called once a minute, which is late enough to see, and warn of, a node that sends after its delivery was settled.
   */
  rest(): void {
    if (registry.open === 0 && registry.newest === this.newestAtRest) this.watch?.rest();
    this.newestAtRest = registry.newest;
  }
}
