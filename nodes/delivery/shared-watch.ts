import { registry } from "./registry";
import type { TrackedRuntime } from "./runtime";
import { RuntimeWatch, type RuntimeEvents } from "./runtime-watch";

/** How long, in ms, nothing must have been followed until the hooks go. */
const REST_AFTER = 60_000;

/** The one watch of the runtime for all sources: from the first one's coming to the last one's end, at rest as long as nothing is followed. */
export class SharedWatch {
  private watch: RuntimeWatch | undefined;
  private users = 0;
  /** Lets the hooks go when nothing is followed for long. */
  private resting: NodeJS.Timeout | undefined;
  /** The newest delivery when {@link rest} was last called. */
  private newestAtRest = 0;

  /** A source is there, and may begin to follow. @returns whether nobody watched before */
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

  /** A source has ended; the last one takes all along. */
  release(): void {
    this.users -= 1;
    if (this.users > 0) return;
    clearInterval(this.resting);
    this.watch?.end();
    this.watch = undefined;
  }

  /** Something is followed: as {@link RuntimeWatch.listen}. */
  listen(): void {
    this.watch?.listen();
  }

  /** As {@link RuntimeWatch.handling}. */
  handling(): boolean {
    return this.watch?.handling() ?? false;
  }

  /** Whether it was called, and the hooks are there. */
  get watchesHandling(): boolean {
    return this.watch?.watchesHandling ?? false;
  }

  /**
   * Lets Node-RED's hooks go, which cost each message of every flow a tenth of its way, when no delivery is open and none was followed since this was
   * last called. It is called once a minute: late enough for a node that sends after its delivery was settled to be seen and warned of.
   */
  rest(): void {
    if (registry.open === 0 && registry.newest === this.newestAtRest) this.watch?.rest();
    this.newestAtRest = registry.newest;
  }
}
