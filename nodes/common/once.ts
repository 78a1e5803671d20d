/** Most texts that are remembered. With more, nothing is told any more: texts that name something of each message must fill neither memory nor log. */
const MOST = 1_000;

/** Makes a function that passes each text on to `tell`, but none twice. */
export function eachOnce(tell: (text: string) => void): (text: string) => void {
  const told = new Set<string>();
  return (text) => {
    if (told.has(text) || told.size >= MOST) return;
    told.add(text);
    tell(text);
  };
}

/** Makes a function that calls back once, in a microtask, however often it is called until then. */
export function oncePerTurn(callBack: () => void): () => void {
  let isAsked = false;
  return () => {
    if (isAsked) return;
    isAsked = true;
    queueMicrotask(() => {
      isAsked = false;
      callBack();
    });
  };
}
