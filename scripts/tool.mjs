/** `npm run check`, `npm run mocha`: runs one tool of node_modules, with its arguments, on the pinned Node. */
import { CommandError, runTool } from "./lib/project.mjs";

const [tool, ...args] = process.argv.slice(2);
try {
  await runTool(tool, args);
} catch (error) {
  const problem = error instanceof CommandError ? error.output : error;
  if (problem) console.error(problem); // empty when the tool has printed its output itself
  process.exitCode = 1;
}
