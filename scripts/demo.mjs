/** `npm run demo`: set-up, build, pack, install the tarball, then the tour in demo/demo.ts. With `-- --check` it ends by itself and checks the numbers. */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import path from "node:path";
import { build } from "./build.mjs";
import { environment, inProject, pinnedNode, root, run } from "./lib/project.mjs";
import { DEMO_PACKAGES, fail, npmEnvironment, setup, step } from "./setup.mjs";

/**
 * A folder outside the project: inside it, Node-RED would find packages in the project's own node_modules that the pack forgot to depend on.
 * There is one per project and user, so that two clones do not use the same.
 */
const folder = path.join(tmpdir(), `surewire-demo-${createHash("sha256").update(`${root}${userInfo().uid}`).digest("hex").slice(0, 8)}`);
const packs = path.join(folder, "packs");

/** Packs the project as `npm publish` would send it. Returns the path of the tarball. */
async function pack() {
  mkdirSync(packs, { recursive: true });
  const output = await run("npm", ["pack", "--silent", "--ignore-scripts", "--pack-destination", packs], { quiet: true });
  return path.join(packs, output.trim().split("\n").at(-1));
}

/**
 * Makes a user directory in which the tarball is installed, as the palette installs it. It is kept under the tarball's hash, so that a second run can use it.
 * @returns {Promise<string>} its path
 */
async function installed(tarball) {
  const hash = createHash("sha256").update(readFileSync(tarball)).digest("hex").slice(0, 16);
  const home = path.join(packs, hash);
  if (existsSync(home)) return home;
  for (const name of readdirSync(packs)) if (path.join(packs, name) !== tarball) rmSync(path.join(packs, name), { recursive: true, force: true });
  const work = `${home}.part`;
  mkdirSync(work, { recursive: true });
  writeFileSync(path.join(work, "package.json"), JSON.stringify({ name: "demo", private: true }));
  const env = npmEnvironment();
  await run("npm", ["install", "--no-audit", "--no-fund", "--omit=dev", "--save-prefix=~", tarball], { quiet: true, cwd: work, env });
  renameSync(work, home);
  return home;
}

async function main() {
  await setup(process.env.AMQP_URL ? [] : DEMO_PACKAGES);
  await step("build", build);
  let home;
  await step("install the packed tarball", async () => {
    home = await installed(await pack());
  });
  const program = inProject("demo/demo.ts");
  const args = ["--import", "tsx", program, "--folder", folder, "--pack", home, ...process.argv.slice(2)];
  const child = spawn(pinnedNode(), args, { cwd: root, env: environment(), stdio: "inherit" });
  // the terminal sends Ctrl-C to both processes: the tour stops what it started, and this one waits for it
  process.on("SIGINT", () => undefined);
  for (const signal of ["SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  child.once("exit", (code, signal) => process.exit(code ?? (signal === "SIGINT" ? 130 : 1)));
}

await main().catch(fail);
