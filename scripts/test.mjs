/** `npm test`: set-up, lint, type check, build and all tests, then a summary. The last line is `N passed, N failed`, with the number of skipped tests if there are any. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import path from "node:path";
import { build } from "./build.mjs";
import { lint } from "./lint.mjs";
import { CommandError, duration, inProject, runTool } from "./lib/project.mjs";
import { fail, setup, TEST_PACKAGES } from "./setup.mjs";

const steps = [];
const totals = { passed: 0, failed: 0, skipped: 0 };
/** The failed tests. They are printed again at the end, since often only the end of the output is kept. */
const failures = [];

/** Runs a step and notes its result. The next steps run also after a failure. Resolves with whether it succeeded. */
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
 * Runs test files in one mocha process and adds up its counts. A process that dies before it has counted is a failure. The output is printed
 * when the process has ended, since another one may run beside it.
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

/** How many groups of tests run at once, beside one with a browser. A group waits most of its time for servers that start and recover. */
const LANES = 3;

/** Runs functions in order, `count` of them at a time. */
async function inLanes(count, work) {
  const rest = [...work];
  const lane = async () => {
    for (let next = rest.shift(); next; next = rest.shift()) await next();
  };
  await Promise.all(Array.from({ length: count }, lane));
}

/** Splits a list into the items for which the test is true, and the others. */
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

  const built = await step("build", build); // Node-RED loads what was built, and the demo uses the built types of the emulator
  if (!built) totals.failed += 1;

  const check = (title, work) => async () => {
    if (!(await step(title, work))) totals.failed += 1;
  };
  const group = (title, files) => () => mocha(title, files);
  const [amqp, salesforce, sql, flows, smoke, emulator] = ["test/amqp", "test/salesforce", "test/sql", "test/flows", "test/smoke", "emulator/test"].map(testFiles);
  const [ofRabbit, others] = divide(
    testFiles("test").filter((file) => ![...amqp, ...salesforce, ...sql, ...flows, ...smoke].includes(file)),
    (file) => /rabbit/.test(file), // these need a broker, and one runs in that group anyway
  );
  const [scripted, ofAmqp] = divide(amqp, (file) => file.includes("/scripted/"));
  const [withDatabase, without] = divide(flows, (file) => /sql|database|input|import/.test(file));
  await Promise.all([
    // One browser at a time: an editor keeps a core busy, and waits for what it shows.
    inLanes(1, smoke.map((file) => group(`packed, installed, in the editor: ${path.basename(file, ".test.ts")}`, [file]))),
    // The longest first; the short ones fill the gaps at the end.
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
    // At a low priority: they use the time that is left.
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
