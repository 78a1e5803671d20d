import assert from "node:assert/strict";
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import path from "node:path";
import { pause, waitShortly } from "../../../services/wait";

describe("the pulse of a process", () => {
  let child: ChildProcess;

  beforeEach(async () => {
    child = fork(path.join(__dirname, "pulse-process.ts"), [], { execArgv: ["--require", require.resolve("tsx/cjs")] });
    await once(child, "message");
  });
  afterEach(() => child.kill("SIGKILL"));

  const ask = async (ms: number): Promise<unknown> => {
    child.send(ms);
    const [answer] = (await once(child, "message")) as unknown[];
    return answer;
  };

  it("tells for how long a function has blocked it", async () => {
    const ms = await ask(2_000);
    assert.ok(Number(ms) >= 2_000, String(ms));
  });

  it("does not count time in which it was stopped or its machine slept while it had nothing to do", async function () {
    if (process.platform === "win32") this.skip();
    await waitShortly("it to have nothing to do", () => readFileSync(`/proc/${child.pid}/stat`, "utf8").includes(") S "));
    child.kill("SIGSTOP");
    await pause(3_000); // nothing is to be waited for: that it does not run is the point
    child.kill("SIGCONT");
    assert.equal(await ask(0), 0);
  });
});
