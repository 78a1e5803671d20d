/** Assigns the properties of `more` to `msg` and returns it; or a copy that has them, if `msg` cannot be changed (a flow may freeze it). */
export function putOn<M extends object, P extends object>(msg: M, more: P): M & P {
  try {
    return Object.assign(msg, more);
  } catch {
    return { ...msg, ...more };
  }
}
