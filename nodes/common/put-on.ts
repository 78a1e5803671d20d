/** `msg` with the properties of `more` on it: itself, or a copy where nobody may change it, as when a flow has frozen it. */
export function putOn<M extends object, P extends object>(msg: M, more: P): M & P {
  try {
    return Object.assign(msg, more);
  } catch {
    return { ...msg, ...more };
  }
}
