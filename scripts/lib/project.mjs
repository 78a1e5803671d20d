import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { constants, setPriority } from "node:os";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

/** The project's folder. */
export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../..");

/** Returns a path inside the project. */
export const inProject = (...parts) => path.join(root, ...parts);

/** Whether the module with this `import.meta.url` is the program that was started. */
export const isMain = (url) => process.argv[1] !== undefined && url === pathToFileURL(path.resolve(process.argv[1])).href;

/** Returns the path of the pinned Node, which the npm package `node` brings; of the Node that is running when the package is missing. */
export function pinnedNode() {
  const pinned = inProject("node_modules/node/bin/node");
  return existsSync(pinned) ? pinned : process.execPath;
}

/** Returns an environment in which `node` and the tools of node_modules come first. */
export const environment = () => ({
  ...process.env,
  PATH: [path.dirname(pinnedNode()), inProject("node_modules/.bin"), process.env.PATH].join(path.delimiter),
});

/** Thrown when a program ended with an error. `output` is what it printed, if that was collected. */
export class CommandError extends Error {
  constructor(command, code, output) {
    super(`${command} ended with ${code}`);
    this.name = "CommandError";
    this.output = output;
  }
}

/**
 * Runs a program in the project's folder.
 * @param {{ quiet?: boolean, env?: object, cwd?: string, background?: boolean }} options - `quiet`: collect the output instead of
 *   showing it; `background`: at a low priority
 * @returns {Promise<string>} the collected output; "" when it was shown
 * @throws {CommandError}
 */
export function run(command, args, { quiet = false, env = {}, cwd = root, background = false } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env: { ...environment(), ...env }, stdio: quiet ? ["ignore", "pipe", "pipe"] : "inherit" });
    if (background && child.pid !== undefined) setPriority(child.pid, constants.priority.PRIORITY_BELOW_NORMAL);
    const chunks = [];
    child.stdout?.on("data", (chunk) => chunks.push(chunk));
    child.stderr?.on("data", (chunk) => chunks.push(chunk));
    child.once("error", reject);
    child.once("close", (code, signal) => {
      const output = Buffer.concat(chunks).toString();
      if (code === 0) resolve(output);
      else reject(new CommandError(`${path.basename(command)} ${args.join(" ")}`, signal ?? code, output));
    });
  });
}

/** Runs a JavaScript tool of node_modules with the pinned Node. */
export async function runTool(script, args, options) {
  const tool = inProject("node_modules", script);
  if (!existsSync(tool)) throw new CommandError(script, "nothing done", "The npm packages of this clone are not installed: run `npm run setup` first, or `npm ci` for them alone");
  return run(pinnedNode(), [tool, ...args], options);
}

/** Returns a time as people read it, such as `12.3 s` or `2 min 5 s`. */
export function duration(ms) {
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  return `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1000)} s`;
}
