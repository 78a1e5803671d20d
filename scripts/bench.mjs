/** `npm run bench`: builds, then runs the benchmarks one after the other. */
import { readdirSync } from "node:fs";
import { build } from "./build.mjs";
import { inProject, run, pinnedNode } from "./lib/project.mjs";
import { fail, setup, TEST_PACKAGES } from "./setup.mjs";

await setup(TEST_PACKAGES).catch(fail);
await build();
const wanted = process.argv[2];
for (const file of readdirSync(inProject("bench")).filter((name) => name.endsWith(".ts") && (!wanted || name.startsWith(wanted)))) {
  console.log(`\n── ${file}`);
  await run(pinnedNode(), ["--import", "tsx", inProject("bench", file)]);
}
