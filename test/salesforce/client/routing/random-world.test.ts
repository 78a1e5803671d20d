import assert from "node:assert/strict";
import { RandomWorld } from "./random-world";

/** Runs of each kind; set it to look for longer. */
const RUNS = Number(process.env.SUREWIRE_RUNS ?? 60);

describe("the router in a world where anything happens to cases, and processes are stopped and killed at any step", function () {
  this.timeout(Math.max(60_000, RUNS * 1_000));

  for (const processes of [1, 2]) {
    it(`leaves no interaction behind, and no case with two: ${processes} on one store`, async () => {
      for (let seed = 1; seed <= RUNS; seed += 1) {
        const world = new RandomWorld(seed, processes);
        await world.live(600);
        await world.calmDown();
        for (const [id, found] of world.cases) {
          const live = world.liveOf(id);
          assert.ok(live.length <= (world.isDone(found) ? 0 : 1), `seed ${seed}: case ${id} ${JSON.stringify(found)} has ${live.join()}`);
        }
        if (world.isShared) assert.deepEqual(world.astray(), [], `seed ${seed}`);
      }
    });
  }

  it("leaves no interaction with a work group that its case has left, where cases only go to and fro", async () => {
    for (let seed = 1; seed <= RUNS; seed += 1) {
      const world = new RandomWorld(seed, 2, true);
      await world.live(600);
      await world.calmDown();
      assert.deepEqual(world.astray(), [], `seed ${seed}`);
    }
  });
});
