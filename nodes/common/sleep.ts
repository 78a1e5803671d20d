/** Resolves after `ms` milliseconds, at once when `signal` is aborted. */
export function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener("abort", end);
  });
}

/** Those who wait for the time to come or for a word, whichever is first. */
export class Sleepers {
  private readonly alarms = new Set<() => void>();
  private over = false;

  /** Resolves with true when woken, with false after `ms` milliseconds; without `ms` only when woken. */
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

  /** Wakes all who sleep now. */
  wake(): void {
    for (const alarm of [...this.alarms]) alarm();
  }

  /** Wakes all, and nobody sleeps any more. */
  end(): void {
    this.over = true;
    this.wake();
  }
}
