import assert from "node:assert/strict";
import { pause, waitFor } from "../services/wait";
import { type Fault, faultsOf } from "./chaos-faults";
import { ChaosWorld, type Holdings } from "./chaos-world";
import { seededRandom } from "./random-flow";

/** Seeds, each a minute of faults: `SUREWIRE_SEED` is the first, `SUREWIRE_SEEDS` how many. */
const FIRST = Number(process.env.SUREWIRE_SEED ?? 1);
const SEEDS = Number(process.env.SUREWIRE_SEEDS ?? 5);
const FAULTS = 20;
/** What the names of faults match, to look into one of them. */
const ONLY = new RegExp(process.env.SUREWIRE_FAULTS ?? "");
/** Faults that go on at once at most. */
const AT_ONCE = 4;
/** ms until all has arrived that was under way: the longest of our pauses before something is tried again is a minute. */
const DRAINED = 240_000;
/** MB, and handles, that an installation may have more of after a seed than in the beginning. */
const GROWTH = { heap: 20, handles: 12, backends: 10 };

describe("all families in two Node-RED, under everything that can happen", function () {
  this.timeout(900_000);
  let world: ChaosWorld;
  let first: Holdings;

  before(async () => {
    world = await ChaosWorld.start();
    await world.send("warm");
    await arrived(["warm"]);
    world.backUp();
    first = await world.holdings();
    console.log(`      ${JSON.stringify(first)}`);
  });
  after(() => world?.stop());

  async function arrived(names: string[]): Promise<void> {
    let wrong: string[] = [];
    const look = async (): Promise<boolean> => (wrong = await world.missing(names), wrong.length === 0);
    await waitFor("all to arrive", look, { timeout: DRAINED, interval: 1_000 }).catch((error: unknown) => {
      console.log(`      ${wrong.join("; ")}`); // now, not when all seeds are through
      throw new Error(`${wrong.join("; ")}; in trouble: ${world.troubled().join("; ")}`, { cause: error });
    });
  }

  for (let seed = FIRST; seed < FIRST + SEEDS; seed += 1) {
    it(`loses nothing, doubles nothing that must not be, and is as before: SUREWIRE_SEED=${seed}`, async () => {
      const random = seededRandom(seed);
      const faults = faultsOf(world).filter(({ name }) => ONLY.test(name));
      const struck: string[] = [];
      const going = new Map<string, Promise<void>>();
      const strike = ({ at, name, strike: begin }: Fault): void => {
        struck.push(name);
        const began = Date.now();
        console.log(`      ${new Date().toISOString().slice(11, 19)} ${name}`);
        going.set(at, begin(seededRandom(seed * 1_000 + struck.length)).then(() => undefined, (error: unknown) => console.log(`      ${name}: ${String(error)}`)).then(() => {
          going.delete(at);
          console.log(`      ${new Date().toISOString().slice(11, 19)} over after ${Date.now() - began} ms: ${name}`);
        }));
      };
      const names: string[] = [];
      const sending: Promise<void>[] = [];
      while (struck.length < FAULTS) {
        const fault = faults[Math.floor(random() * faults.length)] as Fault;
        if (!going.has(fault.at) && going.size < AT_ONCE) strike(fault);
        for (let more = 0; more < 2; more += 1) {
          names.push(`s${seed}n${names.length}`);
          sending.push(world.send(names.at(-1) as string));
        }
        await pause(200 + random() * 2_500);
      }
      await Promise.all(going.values());
      await Promise.all(sending);
      for (const nodeRed of world.nodeReds) await nodeRed.deploy(world.flow, "nodes").catch((error: unknown) => console.log(`      ${String(error)}`));
      const began = Date.now();
      await arrived(names).catch((error: unknown) => {
        throw new Error(`${struck.join(", ")}: ${String(error)}`, { cause: error });
      });
      await waitFor("all to be well", () => world.troubled().length === 0, { timeout: 90_000 }).catch(() => assert.fail(`${struck.join(", ")}: ${world.troubled().join("; ")}`));
      const drained = Date.now() - began;
      let now = first;
      const asBefore = async (): Promise<boolean> => {
        now = await world.holdings();
        return (
          now.connections <= first.connections && now.consumers === first.consumers && now.backends <= first.backends + GROWTH.backends && now.children.every((count) => count <= 3) &&
          now.handles.every((count, index) => count <= (first.handles[index] ?? 0) + GROWTH.handles) && now.heap.every((count, index) => count <= (first.heap[index] ?? 0) + GROWTH.heap)
        );
      };
      await waitFor("all to be as before", asBefore, { timeout: 90_000, interval: 2_000 }).catch(() => assert.fail(`${JSON.stringify(first)} ${JSON.stringify(now)}`));
      console.log(`      ${names.length} of each kind, drained after ${drained} ms, as before after ${Date.now() - began} ms: ${JSON.stringify(now)}`);
      for (const nodeRed of world.nodeReds) assert.doesNotMatch(nodeRed.log, /uncaught|unhandled|TypeError|ReferenceError|RangeError/i);
    });
  }
});
