import { fork } from "node:child_process";
import { once } from "node:events";
import path from "node:path";

const file = (name: string): string => path.join(__dirname, "..", `${name}.cjs`);

/** Runs a plain script that sends the seconds it took when it is through. */
export async function timed(name: string, more: string[]): Promise<number> {
  const child = fork(file(name), more, { execArgv: [] });
  const [seconds] = (await Promise.race([
    once(child, "message"),
    once(child, "exit").then(() => Promise.reject(new Error(`${name} failed`))),
  ])) as [number];
  if (child.exitCode === null) await once(child, "exit");
  return seconds;
}

/** Starts a plain script that works until it is stopped. @returns what stops it */
export function started(name: string, more: string[]): () => void {
  const child = fork(file(name), more, { execArgv: [] });
  child.once("exit", (code) => {
    if (code) throw new Error(`${name} failed`);
  });
  return () => child.kill();
}
