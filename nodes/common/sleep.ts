import { setTimeout as wait } from "node:timers/promises";

/** Resolves after `ms` milliseconds, or at once when `signal` is aborted. */
export async function sleep(ms: number, signal: AbortSignal): Promise<void> {
  await wait(ms, undefined, { signal }).catch(() => undefined);
}

/** Waits that end by themselves after a time, or all at once when somebody wakes them. */
export class Sleepers {
  private readonly alarms = new Set<() => void>();
  private over = false;

  /** Resolves with true when it is woken, or with false after `ms` milliseconds. Without `ms` it only ends by being woken. */
  sleep(ms?: number): Promise<boolean> {
    return new Promise((resolve) => {
      if (this.over) return resolve(true);
      const end = (woken: boolean): void => {
        clearTimeout(timer);
        this.alarms.delete(alarm);
        resolve(woken);
      };
      const alarm = (): void => end(true);
      const timer = ms === undefined ? undefined : setTimeout(end, ms, false);
      this.alarms.add(alarm);
    });
  }

  /** Ends all waits there are now. */
  wake(): void {
    for (const alarm of [...this.alarms]) alarm();
  }

  /** Ends all waits, and each later one at once. */
  end(): void {
    this.over = true;
    this.wake();
  }
}
