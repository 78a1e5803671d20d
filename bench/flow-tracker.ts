/**
 * What following a delivery costs a message on its way, in a real Node-RED without editor: source → three nodes → sink, with the three
 * being functions, which are slow by themselves, or Change nodes, which are hardly more than the way between them.
 *
 *     MESSAGES=2000 ROUNDS=60 WINDOW=100 npm run bench -- flow-tracker
 *
 * The more messages are on their way at once, the more of what is known of each has left the processor's cache when it is needed again. That
 * costs followed messages more than the others. So it is measured twice: with 50 on their way, and with the default prefetch,
 * the most that a flow meets unless asked for more. `WINDOW` measures another number instead.
 */
import path from "node:path";
import util from "@node-red/util";
import { Runtime, type FlowNodeConfig } from "../test/services/runtime";
import { bench } from "./nodes/bench-nodes";
import { load, median, report, Rounds } from "./support/measure";

/** How many messages are on their way at once: each is measured. */
const WINDOWS = process.env.WINDOW ? [Number(process.env.WINDOW)] : [50, 400];
/** Rounds that count for nothing: what is deployed is compiled as it runs. */
const WARM_UP = 8;

type Middle = (id: string, next: string) => FlowNodeConfig;

const rules = [{ t: "set", p: "topic", pt: "msg", to: "a", tot: "str" }];
const change: Middle = (id, next) => ({ id, type: "change", rules, wires: [[next]] });
const fn: Middle = (id, next) => ({ id, type: "function", func: "return msg;", outputs: 1, wires: [[next]] });

/** Source → three nodes → sink. Both sources are wired to the first, so that only what sends differs. */
function flowOf(middle: Middle): FlowNodeConfig[] {
  const sources = ["bench-bare-source", "bench-followed-source"];
  const ends = [{ id: "sink", type: "bench-counter" }, { id: "keeper", type: "bench-keeper" }];
  return [...sources.map((type) => ({ id: type, type, wires: [["m1"]] })), middle("m1", "m2"), middle("m2", "m3"), middle("m3", "sink"), ...ends];
}

const { hooks } = util as unknown as { hooks: { add(id: string, callback: (event: object) => void): void; remove(id: string): void; has(id: string): boolean } };

interface Variant {
  name: string;
  /** Another node has a delivery in its hands. */
  other?: boolean;
  /** Hooks that do nothing, as many as the tracker has. */
  emptyHooks?: boolean;
  followed?: boolean;
}

const VARIANTS: readonly Variant[] = [
  { name: "no hooks" },
  { name: "empty hooks", emptyHooks: true },
  { name: "message of no delivery" },
  { name: "  while another is open", other: true },
  { name: "followed", followed: true },
];

/** Sends messages through the flow, a window at a time. @returns messages a second: by the clock, and by the processor time they took */
async function round(messages: number, window: number, followed: boolean): Promise<{ clock: number; cpu: number }> {
  const send = followed ? bench.take : bench.send;
  const began = performance.now();
  const before = process.cpuUsage();
  bench.settled = 0;
  for (let sent = 0; sent < messages; sent += window) {
    const until = bench.arrived + window;
    for (let index = 0; index < window; index += 1) send(sent + index);
    while (bench.arrived < until || (followed && bench.settled < sent + window)) await new Promise((resolve) => setImmediate(resolve));
  }
  const { user, system } = process.cpuUsage(before);
  return { clock: (messages / (performance.now() - began)) * 1000, cpu: (messages / (user + system)) * 1e6 };
}

/** What is held is settled, and then nothing is followed for long: the tracker's hooks go. */
async function rest(): Promise<void> {
  const before = bench.settled;
  if (bench.letGo()) while (bench.settled === before) await new Promise((resolve) => setImmediate(resolve));
  bench.rest();
  bench.rest();
}

/** One variant, from a runtime at rest to a runtime at rest. */
async function measure({ emptyHooks, other, followed = false }: Variant, messages: number, window: number): Promise<{ clock: number; cpu: number }> {
  if (hooks.has("onSend")) throw new Error("The tracker has left its hooks behind: what follows would be measured against itself");
  if (emptyHooks) for (const hook of ["onSend", "onReceive", "onComplete"]) hooks.add(`${hook}.bench`, (_event) => undefined);
  if (other) bench.hold();
  await round(window, window, followed); // so that none pays for what the one before it left behind
  const rate = await round(messages, window, followed);
  if (emptyHooks) hooks.remove("*.bench");
  await rest();
  return rate;
}

/** Many short rounds, in each all variants one after the other, so that what else the machine does strikes all alike. */
async function compare(runtime: Runtime, middle: Middle, messages: number, window: number, goals: Record<string, number>): Promise<void> {
  await runtime.deploy(flowOf(middle));
  const rates = new Map(VARIANTS.map((variant) => [variant, [] as { clock: number; cpu: number }[]]));
  const rounds = new Rounds(75, 60);
  for (let index = 0; rounds.left(index); index += 1) {
    const turn = index % VARIANTS.length; // none is always the one that comes after the costliest
    for (const variant of [...VARIANTS.slice(turn), ...VARIANTS.slice(0, turn)]) {
      const rate = await measure(variant, messages, window);
      if (index >= WARM_UP) rates.get(variant)?.push(rate);
    }
  }
  const [base] = VARIANTS;
  const bases = base ? (rates.get(base) ?? []) : [];
  let empty = 1;
  for (const [{ name, emptyHooks, followed }, own] of rates) {
    const clock = median(own.map((one, index) => one.clock / (bases[index]?.clock ?? 1)));
    const cpu = median(own.map((one, index) => one.cpu / (bases[index]?.cpu ?? 1)));
    const rate = median(own.map((one) => one.clock));
    if (emptyHooks) empty = clock;
    const goal = goals[name];
    const met = clock >= (goal ?? 0) || (!followed && clock >= empty - 0.03); // nobody can be cheaper than hooks that do nothing
    const numbers = `${rate.toFixed(0)}/s, ${(1e6 / rate).toFixed(1)} µs a message; by processor time ${cpu.toFixed(2)}; ${load()}`;
    report(name, clock, goal, numbers, met);
  }
}

async function main(): Promise<void> {
  const messages = Number(process.env.MESSAGES ?? 2_000);
  const runtime = new Runtime({ nodesDir: path.join(__dirname, "nodes") });
  await runtime.start();
  for (const window of WINDOWS) {
    console.log(`source → three function nodes → sink, ${window} on their way at once`);
    await compare(runtime, fn, messages, window, { "message of no delivery": 0.97, "  while another is open": 0.97, followed: 0.9 });
    console.log(`source → three Change nodes → sink, ${window} on their way at once`);
    await compare(runtime, change, 3 * messages, window, { "message of no delivery": 0.9, "  while another is open": 0.9, followed: 0.6 });
  }
  console.log(`resident memory ${(process.memoryUsage().rss / 1e6).toFixed(0)} MB`);
  await runtime.stop();
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    console.error(error);
    process.exit(1);
  },
);
