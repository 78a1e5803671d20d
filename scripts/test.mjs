/** `npm test`: set-up, lint, type check, build and all tests, then a summary. Ends with `N passed, N failed`. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import path from "node:path";
import { build } from "./build.mjs";
import { lint } from "./lint.mjs";
import { CommandError, duration, inProject, runTool } from "./lib/project.mjs";
import { fail, setup, TEST_PACKAGES } from "./setup.mjs";

const steps = [];
const totals = { passed: 0, failed: 0, skipped: 0 };
/** Told once more at the end: where only the end of what was printed is kept, they would be lost. */
const failures = [];

/** Runs a step and notes how it went; a failure does not keep the next ones from running. */
async function step(title, work) {
  const start = Date.now();
  let result = "ok";
  try {
    await work();
  } catch (error) {
    result = "FAILED";
    console.error(`\n${title} failed:\n${error instanceof CommandError ? error.output || error.message : error.stack}`);
  }
  steps.push({ title, result, ms: Date.now() - start });
  return result === "ok";
}

const typeCheck = () => runTool("typescript/lib/tsc.js", ["-p", "tsconfig.check.json"], { quiet: true, background: true });

/**
 * Runs test files in one mocha process and adds up what it counted; one that dies before it could count is a failure. What it says is
 * shown when it has ended, since another may run beside it.
 */
async function mocha(title, files) {
  if (files.length === 0) return;
  const counts = inProject(".cache", `test-counts-${title.replace(/\W+/g, "-")}`);
  rmSync(counts, { force: true });
  console.log(`\n── ${title}: ${files.length} files`);
  await step(title, async () => {
    let failure;
    let output;
    try {
      output = await runTool("mocha/bin/mocha.js", ["--forbid-only", "--reporter", "scripts/lib/reporter.cjs", ...files], { env: { TEST_COUNTS: counts }, quiet: true });
    } catch (error) {
      failure = error;
      output = error.output ?? "";
    }
    console.log(`\n── ${title}\n${output}`);
    const counted = readCounts(counts);
    totals.passed += counted.passed;
    totals.failed += counted.failed + (failure && counted.failed === 0 ? 1 : 0);
    totals.skipped += counted.skipped;
    for (const { title: test, error } of counted.failures ?? []) failures.push(`${title}: ${test}\n${error}`);
    if (failure) throw new Error(counted.failed > 0 ? `${counted.failed} tests failed` : `mocha died: ${failure.message}`);
  });
}

function readCounts(file) {
  try {
    return JSON.parse(readFileSync(file, "utf8").trim().split("\n").at(-1));
  } catch {
    return { passed: 0, failed: 0, skipped: 0 };
  }
}

/** Groups of tests at once, beside a browser: much of its time a group waits for servers that start and recover. */
const LANES = 3;

/** Does the work in order, so many pieces at a time. */
async function inLanes(count, work) {
  const rest = [...work];
  const lane = async () => {
    for (let next = rest.shift(); next; next = rest.shift()) await next();
  };
  await Promise.all(Array.from({ length: count }, lane));
}

/** Those of a list for which it is true, and the others. */
const divide = (list, test) => [list.filter(test), list.filter((each) => !test(each))];

const testFiles = (folder) =>
  existsSync(inProject(folder))
    ? readdirSync(inProject(folder), { recursive: true })
        .filter((file) => file.endsWith(".test.ts"))
        .map((file) => path.join(folder, file))
        .sort()
    : [];

async function main() {
  const start = Date.now();
  await setup(TEST_PACKAGES).catch(fail);
  steps.push({ title: "set-up", result: "ok", ms: Date.now() - start });
  mkdirSync(inProject(".cache"), { recursive: true });

  const built = await step("build", build); // the demo knows the emulator by its built types, and Node-RED loads what was built
  if (!built) totals.failed += 1;

  const check = (title, work) => async () => {
    if (!(await step(title, work))) totals.failed += 1;
  };
  const group = (title, files) => () => mocha(title, files);
  const [amqp, salesforce, sql, flows, smoke, emulator] = ["test/amqp", "test/salesforce", "test/sql", "test/flows", "test/smoke", "emulator/test"].map(testFiles);
  const [ofRabbit, others] = divide(
    testFiles("test").filter((file) => ![...amqp, ...salesforce, ...sql, ...flows, ...smoke].includes(file)),
    (file) => /rabbit/.test(file), // where a broker runs anyway
  );
  const [scripted, ofAmqp] = divide(amqp, (file) => file.includes("/scripted/"));
  const [withDatabase, without] = divide(flows, (file) => /sql|database|input|import/.test(file));
  await Promise.all([
    // One browser at a time: an editor keeps a core busy, and waits for what it shows.
    inLanes(1, smoke.map((file) => group(`packed, installed, in the editor: ${path.basename(file, ".test.ts")}`, [file]))),
    // The longest first; the short ones fill the lanes' ends.
    inLanes(LANES, [
      group("AMQP nodes", [...ofAmqp, ...ofRabbit]),
      group("SQL nodes", sql),
      group("flows with a database, under faults", withDatabase),
      group("flows without, under faults", without),
      group("Salesforce nodes", salesforce),
      group("AMQP nodes, a broker that plays a part", scripted),
      group("the emulator", emulator),
      group("what all nodes share", others),
    ]),
    // At a low priority: they take the time that is left.
    inLanes(1, [check("type check", typeCheck), check("lint", () => lint({ background: true }))]),
  ]);

  for (const failure of failures) console.log(`\nFAILED  ${failure}`);
  console.log("\nSummary");
  for (const { title, result, ms } of steps) console.log(`  ${result.padEnd(7)} ${duration(ms).padStart(11)}  ${title}`);
  console.log(`  ${" ".repeat(7)} ${duration(Date.now() - start).padStart(11)}  in all\n`);
  const skipped = totals.skipped > 0 ? `, ${totals.skipped} skipped` : "";
  console.log(`${totals.passed} passed, ${totals.failed} failed${skipped}`);
  process.exitCode = totals.failed > 0 ? 1 : 0;
}

await main();
