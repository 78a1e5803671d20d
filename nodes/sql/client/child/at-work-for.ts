import { AsyncLocalStorage } from "node:async_hooks";

/**
 * Holds, for the request that is served, a function to call just before a statement that nothing can interrupt: it tells the parent which request the
 * statement belongs to. Several requests are served at a time, but only one of them has the embedded SQLite's connection.
 */
export const atWorkFor = new AsyncLocalStorage<() => void>();
