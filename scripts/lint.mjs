/** `npm run lint`: checks every file by the rules of eslint.config.mjs, and the imports between them by those of .dependency-cruiser.cjs. */
import { existsSync } from "node:fs";
import { CommandError, inProject, isMain, runTool } from "./lib/project.mjs";

const eslint = (options) =>
  runTool("eslint/bin/eslint.js", [".", "--max-warnings", "0", "--cache", "--cache-strategy", "content", "--cache-location", ".cache/eslint"], options);

const arrows = (options) =>
  runTool(
    "dependency-cruiser/bin/dependency-cruise.mjs",
    ["--config", ".dependency-cruiser.cjs", ...["nodes", "cli", "emulator/src"].filter((folder) => existsSync(inProject(folder)))],
    options,
  );

/**
 * @param {{ background?: boolean }} how - `background`: at a low priority
 * @throws {CommandError} with the findings of both
 */
export async function lint({ background = false } = {}) {
  const options = { quiet: true, background };
  const results = await Promise.allSettled([eslint(options), arrows(options)]);
  const failures = results.filter((result) => result.status === "rejected").map((result) => result.reason);
  if (failures.length > 0) throw new CommandError("lint", 1, [...new Set(failures.map((error) => error.output ?? String(error)))].join("\n"));
}

if (isMain(import.meta.url)) {
  try {
    await lint();
    console.log("no findings");
  } catch (error) {
    console.error(error instanceof CommandError ? error.output : error);
    process.exitCode = 1;
  }
}
