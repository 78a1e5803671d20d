import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { sleep, Sleepers } from "../../nodes/common/sleep";

/** Timers that keep this process alive. */
const timers = async (): Promise<number> => {
  await Promise.resolve(); // mocha sets its own when the test has returned its promise
  return process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length;
};

describe("a wait that may end early", () => {
  it("ends when its time has come", async () => {
    assert.equal(await new Sleepers().sleep(1), false);
    const { signal } = new AbortController();
    await sleep(1, signal);
    assert.equal(getEventListeners(signal, "abort").length, 0);
  });

  it("ends for all sleepers when they are woken, and leaves no timer", async () => {
    const before = await timers();
    const sleepers = new Sleepers();
    const asleep = Promise.all([sleepers.sleep(60_000), sleepers.sleep()]);
    assert.equal(await timers(), before + 1);
    sleepers.wake();
    assert.deepEqual(await asleep, [true, true]);
    assert.equal(await timers(), before);
  });

  it("is made anew after a wake-up, not after the end", async () => {
    const sleepers = new Sleepers();
    sleepers.wake();
    assert.equal(await sleepers.sleep(1), false);
    sleepers.end();
    assert.equal(await sleepers.sleep(60_000), true);
  });

  it("ends with its signal, before or meanwhile", async () => {
    const before = await timers();
    const stop = new AbortController();
    const asleep = sleep(60_000, stop.signal);
    stop.abort();
    await asleep;
    await sleep(60_000, stop.signal);
    assert.equal(await timers(), before);
  });
});
