import { mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";

/** Resolves after `ms` milliseconds. For polling loops only; tests wait for conditions. */
export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Lets the event loop turn so many times: what must not happen would have happened by then. */
export async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

/**
 * Polls until `condition` gives something truthy and resolves with it; a rejection of the condition counts as "not yet".
 * @param what - stands in the error's text
 * @param timeout - ms, default 30,000
 * @param interval - ms between two looks, default 50
 * @throws when the time is up, with the last error as cause
 */
export async function waitFor<T>(
  what: string,
  condition: () => T | Promise<T>,
  { timeout = 30_000, interval = 50 }: { timeout?: number; interval?: number } = {},
): Promise<NonNullable<T>> {
  const end = Date.now() + timeout;
  let cause: unknown;
  for (;;) {
    try {
      const value = await condition();
      if (value) return value as NonNullable<T>;
    } catch (error) {
      cause = error;
    }
    if (Date.now() > end) throw new Error(`Waited ${timeout} ms in vain for ${what}`, { cause });
    await pause(interval);
  }
}

/** The same for what is there in a few ms: looks every 5. */
export function waitShortly<T>(what: string, condition: () => T | Promise<T>): Promise<NonNullable<T>> {
  return waitFor(what, condition, { interval: 5 });
}

/**
 * Looks for `ms` milliseconds whether `condition` still holds: for what must not happen, and of which nothing tells that it will not.
 * @param what - stands in the error's text
 * @throws at once when it no longer holds
 */
export async function remains(what: string, condition: () => boolean, ms: number): Promise<void> {
  for (const end = Date.now() + ms; ; await pause(Math.min(5, ms))) {
    if (!condition()) throw new Error(`It did not remain so: ${what}`);
    if (Date.now() >= end) return;
  }
}

/** True when something accepts connections on this loopback port. */
export function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port });
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}

/** A file for each port that somebody is about to listen on: a server takes seconds until it does, and another run might choose the same one meanwhile. */
const CHOSEN = path.join(tmpdir(), "surewire-test-ports");
/** Nobody who has made a file is at work for so long, in ms. */
const FORGOTTEN = 24 * 3_600_000;
let mine: string[] | undefined;

/** Forgets what runs that were killed have left, and what is this process's own when it ends. */
function prepare(): string[] {
  mkdirSync(CHOSEN, { recursive: true });
  const files: string[] = [];
  process.on("exit", () => files.forEach((file) => rmSync(file, { force: true })));
  for (const name of readdirSync(CHOSEN)) {
    const file = path.join(CHOSEN, name);
    const made = statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? Infinity;
    if (Date.now() - made > FORGOTTEN) rmSync(file, { force: true });
  }
  return files;
}

/** Claims a port among all processes of this machine. @returns whether it was free */
function claim(port: number): boolean {
  mine ??= prepare();
  const file = path.join(CHOSEN, String(port));
  try {
    writeFileSync(file, "", { flag: "wx" });
  } catch {
    return false;
  }
  mine.push(file);
  return true;
}

/**
 * First of `count` neighbouring free loopback ports, chosen at random and claimed, so that several test runs side by side do not meet.
 * Below 32768, where Linux begins to hand out ports for outgoing connections.
 */
export async function freePorts(count = 1): Promise<number> {
  for (let attempt = 0; attempt < 200; attempt += 1) {
    const first = 20_000 + 8 * Math.floor(Math.random() * 1_500);
    if (!claim(first)) continue;
    const ports = Array.from({ length: count }, (_, index) => first + index);
    if ((await Promise.all(ports.map(isFree))).every(Boolean)) return first;
  }
  throw new Error(`No ${count} free ports in a row found`);
}
