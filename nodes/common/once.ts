/** Texts that are remembered: what names a thing of each message must not fill the memory, nor the log. */
const MOST = 1_000;

/** Tells each text once. */
export function eachOnce(tell: (text: string) => void): (text: string) => void {
  const told = new Set<string>();
  return (text) => {
    if (told.has(text) || told.size >= MOST) return;
    told.add(text);
    tell(text);
  };
}

/** Calls back once at the end of the turn, however often it was asked to in it. */
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
