/** `npm run check`, `npm run mocha`: one tool of node_modules, with its arguments, on the pinned Node. */
import { CommandError, runTool } from "./lib/project.mjs";

const [tool, ...args] = process.argv.slice(2);
try {
  await runTool(tool, args);
} catch (error) {
  const problem = error instanceof CommandError ? error.output : error;
  if (problem) console.error(problem); // the tool has said its own
  process.exitCode = 1;
}
