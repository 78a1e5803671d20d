import assert from "node:assert/strict";
import { MemoryStore } from "../../../nodes/common/memory-store";
import { PoisonWatch } from "../../../nodes/delivery/poison/poison-watch";
import { Suspects } from "../../../nodes/delivery/poison/suspects";
import { waitFor } from "../../services/wait";

/** ms. What a trial takes here; all other times follow from it. */
const TRIAL = 20;

/** A system that gives the same messages to one process after the other, and a flow that takes its time. */
class World {
  readonly dead: string[] = [];
  readonly warnings: string[] = [];
  readonly told: (string | undefined)[] = [];
  deaths = 0;
  private store = new MemoryStore();

  /**
   * @param left in the order they come
   * @param kills ms from the moment a message is handed over until it ends the process
   * @param takes ms from then until the flow has finished with it
   * @param outside ms after which the process is killed, whatever it has in hand; one for each life
   */
  constructor(
    public left: string[],
    private readonly kills: Record<string, number>,
    private readonly takes: (content: string) => number,
    private readonly outside: number[] = [],
    private readonly limit = 3,
  ) {}

  /** A process takes everything there is, until a message or somebody else ends it, or all is done. */
  async live(): Promise<void> {
    const { store } = this;
    const timers: NodeJS.Timeout[] = [];
    let ended = false;
    const watch = new PoisonWatch<string>({
      ...{ store, key: "watch", limit: this.limit, trial: TRIAL, fingerprint: (taken: string) => taken, suspects: () => true, isOpen: () => true },
      hand: (taken) => {
        const kill = this.kills[taken];
        timers.push(kill === undefined ? setTimeout(() => settle(taken), this.takes(taken)) : setTimeout(() => void (ended = true), kill));
      },
      deadLetter: (taken) => {
        this.dead.push(taken);
        settle(taken);
      },
      giveBack: () => undefined,
      onSearch: (reason) => this.told.push(reason),
      warn: (text) => this.warnings.push(text),
    });
    const settle = (taken: string): void => {
      if (ended) return;
      this.left = this.left.filter((each) => each !== taken);
      watch.settled(taken);
    };
    await watch.begin();
    const outside = this.outside.shift();
    if (outside !== undefined) timers.push(setTimeout(() => void (ended = true), outside));
    for (const taken of this.left) watch.take(taken);
    await waitFor("the end of the process or of its work", () => ended || this.left.length === 0, { interval: 1 });
    timers.forEach((timer) => clearTimeout(timer));
    watch.stop();
    if (!ended) return watch.end();
    this.deaths += 1;
    const left = await store.read("watch");
    this.store = new MemoryStore(); // what the dead process still writes is lost
    await this.store.write("watch", left);
  }

  async liveOn(): Promise<void> {
    for (const before = this.deaths; this.left.length > 0; ) {
      await this.live();
      assert.ok(this.deaths - before < 15, "it must come to an end");
    }
  }
}

const numbers = (count: number): string[] => Array.from({ length: count }, (_, index) => `m${index}`);
const atOnce = (): number => 0;

describe("a message that ends the process long after it was handed over", function () {
  this.timeout(20_000);

  for (const times of [1.5, 3, 6]) {
    it(`is found, and nobody else, ${times} times as long after it as a trial takes`, async () => {
      const world = new World(numbers(60), { m27: times * TRIAL }, atOnce);
      await world.liveOn();
      assert.deepEqual(world.dead, ["m27"]);
      assert.equal(world.deaths, 4, "once more than one that does so at once");
    });
  }

  it("is found though it takes twice as long each second time", async () => {
    const kills = {
      get m7(): number {
        return (world.deaths % 2 === 0 ? 1.5 : 3) * TRIAL;
      },
    };
    const world: World = new World(numbers(30), kills, atOnce);
    await world.liveOn();
    assert.deepEqual(world.dead, ["m7"]);
  });

  it("is found although others stay in the flow behind it", async () => {
    const world = new World(numbers(30), { m7: 2 * TRIAL }, (content) => (Number(content.slice(1)) > 7 ? 1.8 * TRIAL : 0));
    await world.liveOn();
    assert.deepEqual(world.dead, ["m7"]);
  });

  it("is reported as being searched for while others wait", async () => {
    const world = new World(numbers(3), { m1: 2 * TRIAL }, atOnce);
    await world.liveOn();
    assert.deepEqual(world.told[0], "looks for a message that ends Node-RED");
    assert.deepEqual(world.told.at(-1), undefined);
  });

  it("does not prevent another one from being found that ends the process at once", async () => {
    const world = new World(numbers(20), { m3: 2 * TRIAL, m9: 1 }, atOnce);
    await world.liveOn();
    assert.deepEqual(world.dead.sort(), ["m3", "m9"]);
  });

  it("is not taken for one that is on trial then, though that comes first the next time", async () => {
    const world = new World(["slow", "innocent"], { slow: 1.5 * TRIAL }, (content) => (content === "innocent" ? 3 * TRIAL : 0), [], 2);
    for (let life = 0; world.left.length > 0 && life < 12; life += 1) {
      await world.live();
      world.left.reverse();
    }
    assert.deepEqual(world.dead, ["slow"]);
  });

  it("is looked for in five groups at most of those that were in the flow for long, also as they become fewer", () => {
    const suspects = new Suspects(3);
    suspects.countLate([], Object.fromEntries(numbers(80).map((print) => [print, 90_000])));
    const sizes: number[] = [];
    for (let left = numbers(80); left.length > 0; ) {
      const group = left.splice(0, suspects.groupOf(left[0] ?? ""));
      sizes.push(group.length);
      suspects.clear(group, () => false);
    }
    assert.deepEqual(sizes, [16, 16, 16, 16, 16]);
  });

  describe("when it is another cause that ends the process", () => {
    const slow = (): number => 4 * TRIAL;

    it("blames no message for three ends that then stop", async () => {
      for (const limit of [2, 3]) {
        const world = new World(["slow"], {}, slow, [3 * TRIAL, 3 * TRIAL, 3 * TRIAL], limit);
        await world.liveOn();
        assert.deepEqual([world.deaths, world.dead], [3, []]);
      }
    });

    it("blames no message, however often that happens at the same time after the start", async () => {
      const world = new World(["slow"], {}, slow, new Array<number>(12).fill(3 * TRIAL));
      await world.liveOn();
      assert.deepEqual([world.deaths, world.dead], [12, []]);
      assert.match(world.warnings.join("\n"), /Something else/);
    });

    it("blames none of many that stay in the flow for long", async () => {
      const world = new World(numbers(40), {}, () => 10 * TRIAL, [30, 90, 50, 70, 40, 60, 80]);
      await world.liveOn();
      assert.deepEqual(world.dead, []);
    });
  });
});
