import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { FIXTURES } from "./support";

const ROOT = join(__dirname, "..", "..");
const { bin, version } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { bin: Record<string, string>; version: string };
const COMMAND = join(ROOT, bin["surewire-import"] ?? "");

/** Runs the built command. */
function run(args: string[], input = ""): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, [COMMAND, ...args], { input, encoding: "utf8" });
}

describe("the command surewire-import", () => {
  before(() => assert.ok(existsSync(COMMAND), "not built: npm run build"));

  it("can be started by its name", () => {
    assert.match(readFileSync(COMMAND, "utf8"), /^#!\/usr\/bin\/env node\n/);
  });

  it("writes the flow to standard output and all else to standard error, and ends with 0", () => {
    const { status, stdout, stderr } = run([join(FIXTURES, "unknown.json")]);
    assert.equal(status, 0);
    assert.equal((JSON.parse(stdout) as unknown[]).length > 5, true);
    assert.match(stderr, /SUREWIRE_DATABASE_PASSWORD +password of the database/);
    assert.doesNotMatch(stdout + stderr, /hunter2/);
  });

  it("reads standard input, and takes transaction and prefix from its options", () => {
    const { status, stdout, stderr } = run(["--transaction", "get-and-write", "--prefix", "LINE_3", "-"], readFileSync(join(FIXTURES, "subscribe-json.json"), "utf8"));
    assert.equal(status, 0);
    assert.match(stdout, /"\$\{LINE_3_BROKER_PASSWORD\}"/);
    assert.match(stdout, /surewire-amqp-get/);
    assert.match(stderr, /^standard input: On demand/);
  });

  it("ends with 1 for a file that cannot be read, and repeats nothing of it", () => {
    for (const [args, input, why] of [
      [["-"], '{"password": "hunter2" oops', /^standard input: not JSON: line 1, column 24\n$/],
      [[join(FIXTURES, "none.json")], "", /^none.json: there is no such file\n$/],
      [[FIXTURES], "", /cannot be read/],
      [["-"], "{}", /no bridge's configuration/],
    ] as const) {
      const { status, stdout, stderr } = run([...args], input);
      assert.deepEqual([status, stdout], [1, ""]);
      assert.match(stderr, why);
    }
  });

  it("ends with 2 when it is called in a wrong way", () => {
    for (const args of [[], ["a", "b"], ["--nonsense"], ["--transaction", "both", "-"], ["--prefix", "a-b", "-"]]) {
      const { status, stdout, stderr } = run(args);
      assert.deepEqual([status, stdout], [2, ""], args.join(" "));
      assert.match(stderr, /Try --help/);
    }
  });

  it("tells its version, its options and its keys", () => {
    assert.equal(run(["--version"]).stdout, `${version}\n`);
    assert.match(run(["--help"]).stdout, /Usage: surewire-import/);
    assert.match(run(["--keys"]).stdout, /### Section database/);
  });
});
