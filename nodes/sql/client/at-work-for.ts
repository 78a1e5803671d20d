import { AsyncLocalStorage } from "node:async_hooks";

/** To be called as a statement begins that nothing can interrupt: tells whose it is. Several requests are at work at a time, and but one has the embedded SQLite. */
export const atWorkFor = new AsyncLocalStorage<() => void>();
