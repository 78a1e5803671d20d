import assert from "node:assert/strict";
import { flowTracker } from "../../nodes/delivery/tracker/flow-tracker";
import { registry } from "../../nodes/delivery/tracker/registry";
import { Runtime } from "../services/runtime";
import { testBench, type TestSource } from "../services/test-nodes/test-nodes";
import { waitFor } from "../services/wait";
import { Echo } from "./echo";
import { randomFlow, seededRandom, type RandomFlow } from "./random-flow";
import { FURTHER_SETTINGS } from "./random-pieces";

const DELIVERIES = 12;

/** What a value speaks of: the parts of deliveries, which keep their names whatever becomes of the message. */
export const partsIn = (value: unknown): string[] => JSON.stringify(value)?.match(/d\d+\.\d+(?:-\d+)?/g) ?? [];

/**
 * Flows put together at random, each a test. One alone, by the seed that its failure tells: `SUREWIRE_SEED=… npm run mocha -- …`.
 *
 * @param further also of the pieces of `random-pieces.ts`
 * @param odd also of those of `random-odd-pieces.ts`
 */
export function describeRandomFlows(seeds: readonly number[], { further = false, odd = false } = {}): void {
  describe(`flows put together at random${further ? " of more kinds of nodes" : ""}${odd ? ", some of them odd" : ""}`, function () {
    const runtime = new Runtime(further ? FURTHER_SETTINGS : {});
    const echo = new Echo();
    before(() => Promise.all([runtime.start(), echo.start()]));
    after(() => Promise.all([runtime.stop(), echo.stop()]));

    const only = process.env.SUREWIRE_SEED;
    for (const seed of only === undefined ? seeds : [Number(only)]) {
      it(`accept each delivery once, when its work is done, and hold nothing then: SUREWIRE_SEED=${seed}`, async () => {
        const flow = randomFlow(seed, { url: further ? echo.url : "", odd });
        await runtime.fresh(flow.nodes);
        await run(seed, flow).catch((error: unknown) => {
          throw new Error(`SUREWIRE_SEED=${seed} (${flow.kinds.join(", ")}): ${String(error)}`, { cause: error });
        });
      });
    }
  });
}

async function run(seed: number, { sinks }: RandomFlow): Promise<void> {
  const random = seededRandom(-seed);
  const hops = flowTracker as unknown as { live: number };
  const before = { hops: hops.live, open: registry.open }; // other tests have nodes that are never done
  const pause = (most: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, random() * most));
  const stored = new Set<string>();
  testBench.write = async (values) => {
    await pause(6);
    for (const value of values) for (const part of partsIn(value)) stored.add(`${(value as { sink: string }).sink} ${part}`);
    return values.map(() => ({ ok: true, value: "stored" }));
  };
  const entry = testBench.sources.get("source") as TestSource;
  const tooEarly: string[] = [];
  entry.onSettled = (taken) => {
    for (const part of partsIn(taken)) for (const sink of sinks) if (!stored.has(`${sink} ${part}`)) tooEarly.push(`${part} at ${sink}`);
  };
  const payloads = Array.from({ length: DELIVERIES }, (_, number) => Array.from({ length: 1 + (number % 3) }, (_part, part) => `d${number}.${part}`));
  for (const payload of payloads) {
    entry.take(payload);
    if (random() < 0.5) await pause(8);
  }
  await waitFor("all to be settled", () => entry.settled.length >= DELIVERIES, { interval: 5 });
  await waitFor("no message to be left over", () => hops.live <= before.hops && registry.open <= before.open, { interval: 5 });
  assert.deepEqual(tooEarly, [], "settled before it was stored");
  const ended = entry.settled.map(({ taken, settlement }) => `${String((taken as string[])[0])} ${settlement.outcome}`).sort();
  assert.deepEqual(ended, payloads.map(([first]) => `${first} accept`).sort());
  assert.deepEqual(entry.events, [], "its source was held");
  assert.equal(entry.source.held, false);
}
