/**
 * What following a delivery costs a message on its way, in a real Node-RED without editor: source → 3 Change nodes → sink.
 *
 *     npx tsx bench/flow-tracker.ts [messages a round]
 */
import { Runtime, type FlowNodeConfig } from "../test/services/runtime";
import { testBench } from "../test/services/test-nodes/test-nodes";

const MESSAGES = Number(process.argv[2] ?? 60_000);
const ROUNDS = 5;
/** Messages on their way at once: the default prefetch. */
const WINDOW = 400;

const rules = [{ t: "set", p: "topic", pt: "msg", to: "a", tot: "str" }];
const change = (id: string, next: string): FlowNodeConfig => ({ id, type: "change", rules, wires: [[next]] });
const FLOW: FlowNodeConfig[] = [
  { id: "first", type: "test-count", wires: [["c1"]] },
  change("c1", "c2"),
  change("c2", "c3"),
  change("c3", "last"),
  { id: "last", type: "test-count", wires: [[]] },
];
const SOURCE: FlowNodeConfig = { id: "source", type: "test-source", wires: [["first"]] };

const runtime = new Runtime();
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Sends messages through the flow, a window at a time. @returns messages a second */
async function round(send: (payload: number) => void): Promise<number> {
  const last = testBench.counters.get("last");
  if (!last) throw new Error("the flow does not run");
  const began = performance.now();
  for (let sent = 0; sent < MESSAGES; sent += WINDOW) {
    const until = last.count + WINDOW;
    for (let index = 0; index < WINDOW; index += 1) send(sent + index);
    while (last.count < until) await turn();
  }
  return (MESSAGES / (performance.now() - began)) * 1000;
}

const receive = (payload: number): void => testBench.counters.get("first")?.receive({ payload });
const take = (payload: number): void => {
  const entry = testBench.sources.get("source");
  entry?.take(payload);
  if (entry) entry.settled.length = 0;
};

const variants: { name: string; flow: FlowNodeConfig[]; send: (payload: number) => void; rates: number[] }[] = [
  { name: "no hooks", flow: FLOW, send: receive, rates: [] },
  { name: "hooks, message of no delivery", flow: [SOURCE, ...FLOW], send: receive, rates: [] },
  { name: "followed", flow: [SOURCE, ...FLOW], send: take, rates: [] },
];

async function main(): Promise<void> {
  await runtime.start();
  for (let index = 0; index <= ROUNDS; index += 1) {
    for (const { flow, send, rates } of variants) {
      await runtime.deploy(flow);
      const rate = await round(send);
      if (index > 0) rates.push(rate); // the first round warms up
    }
  }
  const median = (rates: number[]): number => [...rates].sort((a, b) => a - b)[rates.length >> 1] ?? 0;
  const base = median(variants[0]?.rates ?? []);
  for (const { name, rates } of variants) {
    const rate = median(rates);
    const hop = 1e6 / rate / FLOW.length - 1e6 / base / FLOW.length;
    console.log(`${name.padEnd(32)}${rate.toFixed(0).padStart(8)}/s   ratio ${(rate / base).toFixed(2)}   ${hop >= 0 ? "+" : ""}${hop.toFixed(2)} µs a hop`);
  }
  console.log(`RSS ${(process.memoryUsage().rss / 1e6).toFixed(0)} MB`);
  await runtime.stop();
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    console.error(error);
    process.exit(1);
  },
);
