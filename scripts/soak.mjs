/**
 * `npm run soak`: runs the fault tests of `test/flows` with 100,000 messages instead of 5,000, a long run that watches the memory, hundreds of random flows, calm and
 * under faults, and two Node-RED with all families under everything that can happen. It takes about an hour on two cores. For another number of messages:
 * `npm run soak -- 20000`. The last line says whether it passed.
 */
import { readdirSync } from "node:fs";
import path from "node:path";
import { build } from "./build.mjs";
import { CommandError, duration, inProject, runTool } from "./lib/project.mjs";
import { fail, setup, TEST_PACKAGES } from "./setup.mjs";

const began = Date.now();
await setup(TEST_PACKAGES).catch(fail);
await build();
const messages = process.argv[2] ?? "100000";
console.log(`\n── flows under faults, ${messages} messages`);
const files = readdirSync(inProject("test/flows")).filter((file) => file.endsWith("-faults.test.ts") || file.endsWith(".soak.ts"));
await runTool("mocha/bin/mocha.js", files.map((file) => path.join("test/flows", file)), { env: { SUREWIRE_MESSAGES: messages } }).catch((error) => {
  if (!(error instanceof CommandError)) throw error;
  process.exitCode = 1;
});
console.log(`Soak with ${messages} messages: ${process.exitCode === 1 ? "FAILED" : "passed"}, after ${duration(Date.now() - began)}`);
