import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
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
  const folder = mkdtempSync(join(CACHE, "pack-")); // of its own: the tests of two versions run side by side
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  const name = execFileSync("npm", ["pack", "--silent", "--ignore-scripts", "--pack-destination", folder], { cwd: ROOT, encoding: "utf8" });
  packed = join(folder, name.trim().split("\n").at(-1) ?? "");
  return packed;
}
