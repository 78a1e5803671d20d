/**
 * Calls back when `ms` are over, and what has come by then was read: a process that stood still, as in a function that computes for long,
 * looks at its timers first.
 */
export function whenOver(ms: number, callBack: () => void): NodeJS.Timeout {
  return setTimeout(() => setImmediate(callBack), ms);
}

/**
 * The promise's result, or `undefined` when it takes longer than `ms`. For closing things that may never answer.
 *
 * @throws what the promise rejects with, when it does so in time; later it is ignored
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
