/** `npm run build`: nodes/ → dist/, cli/ → dist/cli/ and emulator/src/ → emulator/dist/. Writes only files that changed, and removes those without a source. */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { expandRows } from "./lib/form-rows.mjs";
import { CommandError, inProject, isMain, runTool } from "./lib/project.mjs";

const PROJECTS = [
  { name: "nodes", config: "tsconfig.json", source: "nodes", output: "dist", extra: { icons: "editor/icons" } },
  { name: "cli", config: "tsconfig.cli.json", source: "cli", output: "dist/cli", extra: {} },
  { name: "emulator", config: "emulator/tsconfig.json", source: "emulator/src", output: "emulator/dist", extra: {} },
];

/** Returns the files in a folder and the folders in it, as paths relative to it. */
function filesOf(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)));
}

/** Returns a file that is not TypeScript as it is shipped. In html, rows are expanded and the scripts beside it are written in, since the editor gets html only. */
function shipped(file) {
  const content = readFileSync(file);
  if (!file.endsWith(".html")) return content;
  const joined = expandRows(content.toString()).replace(/<script src="([^"]+)"><\/script>/g, (_tag, source) => {
    const script = readFileSync(path.resolve(path.dirname(file), source), "utf8");
    return `<script type="text/javascript">\n${script}</script>`;
  });
  return Buffer.from(joined);
}

function copyIfChanged(from, to) {
  const content = shipped(from);
  if (existsSync(to) && content.equals(readFileSync(to))) return;
  mkdirSync(path.dirname(to), { recursive: true });
  writeFileSync(to, content);
}

/** Returns the files that a project has built, now or before, without those of a project whose output folder is inside its own. */
function outputOf({ output }) {
  const inside = PROJECTS.map((other) => path.relative(output, other.output) + path.sep).filter((folder) => folder !== path.sep && !folder.startsWith(".."));
  return filesOf(inProject(output)).filter((file) => !inside.some((folder) => file.startsWith(folder)));
}

/** Returns the files that belong in the output folder: compiled file → undefined, copied file → its source. */
function expectedOutput({ source, extra }) {
  const expected = new Map();
  for (const file of filesOf(inProject(source))) {
    if (file.endsWith(".d.ts") || file.endsWith(".js")) continue; // scripts of the editor are part of the html that names them
    if (!file.endsWith(".ts")) expected.set(file, inProject(source, file));
    else for (const suffix of [".js", ".d.ts"]) expected.set(file.replace(/\.ts$/, suffix), undefined);
  }
  for (const [folder, target] of Object.entries(extra)) {
    for (const file of filesOf(inProject(folder))) expected.set(path.join(target, file), inProject(folder, file));
  }
  return expected;
}

/** Returns a hash over the names, sizes and times of a project's sources and outputs. If it is still that of the last build, there is nothing to do. */
function fingerprint(project) {
  const { config, source, output, extra } = project;
  const files = [config, "tsconfig.json", "package-lock.json", "scripts/lib/form-rows.mjs", ...outputOf(project).map((file) => path.join(output, file))];
  for (const folder of [source, ...Object.keys(extra)]) files.push(...filesOf(inProject(folder)).map((file) => path.join(folder, file)));
  const facts = files.sort().map((file) => {
    const { size, mtimeMs } = statSync(inProject(file));
    return `${file} ${size} ${mtimeMs}`;
  });
  return createHash("sha256").update(facts.join("\n")).digest("hex");
}

async function buildProject(project) {
  const { name, config, output } = project;
  const stamp = inProject(".cache", `${name}.built`);
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === fingerprint(project)) return;
  const state = inProject(".cache", `${name}.tsbuildinfo`);
  const expected = expectedOutput(project);
  for (const [file, from] of expected) if (from !== undefined) copyIfChanged(from, inProject(output, file));
  for (const file of outputOf(project)) if (!expected.has(file)) rmSync(inProject(output, file));
  // the compiler relies on its notes, and would not write again a file that somebody removed
  const compiled = [...expected].filter(([file, from]) => from === undefined && file.endsWith(".js"));
  if (compiled.some(([file]) => !existsSync(inProject(output, file)))) rmSync(state, { force: true });
  await runTool("typescript/lib/tsc.js", ["-p", inProject(config), "--incremental", "--tsBuildInfoFile", state], { quiet: true });
  writeFileSync(stamp, fingerprint(project));
}

/** Builds all projects side by side. @throws {CommandError} with the compiler's output */
export async function build() {
  const results = await Promise.allSettled(PROJECTS.map(buildProject));
  const failed = results.find((result) => result.status === "rejected");
  if (failed) throw failed.reason;
}

if (isMain(import.meta.url)) {
  try {
    await build();
  } catch (error) {
    console.error(error instanceof CommandError ? error.output : error);
    process.exitCode = 1;
  }
}
