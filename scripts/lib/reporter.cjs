const { appendFileSync } = require("node:fs");
const { reporters } = require("mocha");

/** Mocha's "spec", which also adds a line of counts, slowest tests and failures to the file that TEST_COUNTS names. */
module.exports = class CountingReporter extends reporters.Spec {
  constructor(runner, options) {
    super(runner, options);
    runner.once("end", () => {
      const { passes, failures, pending } = this.stats;
      const slow = this.slow.sort((a, b) => b.ms - a.ms).slice(0, 5);
      appendFileSync(process.env.TEST_COUNTS, `${JSON.stringify({ passed: passes, failed: failures, skipped: pending, slow, failures: this.broken })}\n`);
    });
    this.slow = [];
    this.broken = [];
    runner.on("fail", (test, error) => this.broken.push({ title: test.fullTitle(), error: String(error?.stack ?? error).slice(0, 1500) }));
    runner.on("pass", (test) => this.slow.push({ title: test.fullTitle(), ms: test.duration }));
  }
};
