import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { CACHE, ROOT } from "./toolchain";

let packed: string | undefined;

/** Builds and packs the project as npm would publish it, once per run. */
export function tarball(): string {
  if (packed) return packed;
  mkdirSync(CACHE, { recursive: true });
  const ready = process.env.SUREWIRE_TARBALL; // for work on these tests: skips the build
  if (ready) return (packed = ready);
  execFileSync("npm", ["run", "--silent", "build"], { cwd: ROOT, stdio: "pipe" });
  const name = execFileSync("npm", ["pack", "--silent", "--ignore-scripts", "--pack-destination", CACHE], { cwd: ROOT, encoding: "utf8" });
  packed = join(CACHE, name.trim().split("\n").at(-1) ?? "");
  return packed;
}
