/**
 * Calls back after `ms` milliseconds, and not before the input that has arrived by then was read. A process that was blocked for longer, by a function
 * node that computes, say, would otherwise run the timer first and take an answer that is there already for late.
 */
export function whenOver(ms: number, callBack: () => void): NodeJS.Timeout {
  return setTimeout(() => setImmediate(callBack), ms);
}

/**
 * The promise's result, or `undefined` when it takes longer than `ms` milliseconds. For requests that may never be answered.
 *
 * @throws what the promise rejects with, if it does so in time. A later rejection is ignored
 */
export async function within<T>(promise: Promise<T>, ms: number): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = whenOver(ms, () => resolve(undefined));
  });
  promise.catch(() => undefined); // a rejection after the deadline has no one left to hear it
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
