/**
 * Calls back after `ms` milliseconds, but only after all input that has arrived by then was read. Otherwise a process that was blocked for longer, for example by a function
 * node, would run the timer first and treat an answer that has already arrived as late.
 */
export function whenOver(ms: number, callBack: () => void): NodeJS.Timeout {
  return setTimeout(() => setImmediate(callBack), ms);
}

/**
 * Returns the result of the promise, or `undefined` if it takes longer than `ms` milliseconds. For requests that may never be answered.
 *
 * @throws what the promise rejects with, if it does so in time. A later rejection is ignored
 */
export async function within<T>(promise: Promise<T>, ms: number): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = whenOver(ms, () => resolve(undefined));
  });
  promise.catch(() => undefined); // otherwise a rejection after the deadline would be unhandled
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
