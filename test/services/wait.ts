import { mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";

/** Resolves after `ms` milliseconds. For polling loops only; tests wait for conditions. */
export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Waits for so many turns of the event loop. What must not happen would have happened by then. */
export async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

/**
 * Polls until `condition` returns something truthy, and resolves with it. A condition that throws counts as "not yet".
 * @param what - part of the error's text
 * @param timeout - in ms. Default 30,000
 * @param interval - ms between two checks. Default 50
 * @throws Error when the time is up, with the last error as its cause
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

/** The same with a check every 5 ms, for what takes only a few ms. */
export function waitShortly<T>(what: string, condition: () => T | Promise<T>): Promise<NonNullable<T>> {
  return waitFor(what, condition, { interval: 5 });
}

/**
 * Checks for `ms` milliseconds that `condition` remains true. For something that must not happen, when nothing tells that it will not.
 * @param what - part of the error's text
 * @throws Error as soon as the condition is false
 */
export async function remains(what: string, condition: () => boolean, ms: number): Promise<void> {
  for (const end = Date.now() + ms; ; await pause(Math.min(5, ms))) {
    if (!condition()) throw new Error(`It did not remain so: ${what}`);
    if (Date.now() >= end) return;
  }
}

/** Whether something accepts connections on this loopback port. */
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

/** The folder with a file for each port that was chosen. It takes seconds until a server listens on its port, and another run might choose the same port in the meantime. */
const CHOSEN = path.join(tmpdir(), "surewire-test-ports");
/** Age in ms from which a file is ignored, because no run takes that long. */
const FORGOTTEN = 24 * 3_600_000;
let mine: string[] | undefined;

/** Removes the files that killed runs have left and, when this process ends, its own files. @returns the list of its own files */
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
 * Returns the first of `count` consecutive free loopback ports. They are chosen at random and claimed, so that concurrent test runs do not use the same ports. They are
 * below 32768, from where on Linux uses ports for outgoing connections.
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
