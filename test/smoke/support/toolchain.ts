import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";

/** The project's root. */
export const ROOT = join(__dirname, "..", "..", "..");

/** What the smoke tests keep for the next run: a Node-RED 4.1 and, where the machine has none, a Node 20. */
export const CACHE = join(ROOT, ".cache", "smoke");

/** A Node-RED and the Node it runs on. */
export interface Toolchain {
  /** Path of the `node` program. */
  node: string;
  /** Path of Node-RED's `red.js`. */
  red: string;
}

/** Node-RED 5 on the Node these tests run on. */
export function newest(): Toolchain {
  return { node: process.execPath, red: join(ROOT, "node_modules", "node-red", "red.js") };
}

/** Node-RED 4.1 on Node 20, the oldest we support: the machine's own Node when it is one, else from npm. */
export function oldest(): Toolchain {
  const home = join(CACHE, "node-red-4");
  const red = join(home, "node_modules", "node-red", "red.js");
  if (!existsSync(red)) install(home, "node-red@~4.1");
  return { node: machineNode("v20.") ?? packagedNode(), red };
}

/** The version in a package's own package.json. */
export function versionOf(directory: string): string {
  return (JSON.parse(readFileSync(join(directory, "package.json"), "utf8")) as { version: string }).version;
}

/** The environment without what npm and mocha put into it for their own child: a nested npm must not take this project for its own. */
export function plainEnvironment(): NodeJS.ProcessEnv {
  const keep = /^npm_config_(registry|cache|nodedir|offline|prefer_offline)$/;
  return Object.fromEntries(
    Object.entries(process.env).filter(([name]) => keep.test(name) || !(name.startsWith("npm_") || name === "NODE_OPTIONS" || name === "INIT_CWD")),
  );
}

/** A `node` of that version on the PATH; the one of `node_modules/.bin` comes first there when npm runs the tests. */
function machineNode(version: string): string | undefined {
  const found = (process.env.PATH ?? "").split(delimiter).map((directory) => join(directory, "node"));
  return found.filter(existsSync).find((node) => execFileSync(node, ["--version"], { encoding: "utf8" }).startsWith(version));
}

function packagedNode(): string {
  const home = join(CACHE, "node-20");
  const node = join(home, "node_modules", "node", "bin", "node");
  if (!existsSync(node)) install(home, "node@20");
  return node;
}

function install(home: string, what: string): void {
  mkdirSync(home, { recursive: true });
  // npm 12 runs no scripts but those allowed; the package `node` fetches its program in one
  writeFileSync(join(home, "package.json"), JSON.stringify({ private: true, allowScripts: { node: true } }));
  execFileSync("npm", ["install", "--no-audit", "--no-fund", "--no-package-lock", what], { cwd: home, env: plainEnvironment(), stdio: "pipe" });
}
