import type { FlowNodeConfig } from "../services/runtime";
import { oddFaulty, oddPlain, oddShaping } from "./random-odd-pieces";
import { type FlowKit, furtherFaulty, furtherPlain, furtherShaping, type Piece } from "./random-pieces";

/** A flow that nobody thought of. */
export interface RandomFlow {
  nodes: FlowNodeConfig[];
  /** Ids of the sinks: each must have stored all that a delivery brought before it may be accepted. */
  sinks: string[];
  /** What it is put together of, from its end to its beginning. */
  kinds: string[];
}

/** Numbers from 0 to below 1, the same for the same seed (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

const DELAY = { type: "delay", rate: "300", nbRateUnits: "1", rateUnits: "second", randomFirst: "1", randomLast: "5", randomUnits: "milliseconds", drop: false, allowrate: false, outputs: 1, timeout: "3", timeoutUnits: "milliseconds" };
const JOIN = { type: "join", property: "payload", propertyType: "msg", key: "topic", joiner: ",", joinerType: "str", timeout: "0.03", accumulate: false };
/** A message made anew, with nothing on it that tells whose it is but what Split and Link need to find their way back. */
const ANEW = "const anew = { payload: msg.payload }; for (const key of ['parts', '_linkSource']) if (key in msg) anew[key] = msg[key];";
const MOST_NODES = 60;

/** A part of a message that its source gives out for the first time: see `random-faults.ts`. */
const AT_FIRST = /d(\d+)\.(\d+)-1\b/.source;

/**
 * The flow of this seed: a source, up to five pieces, a sink.
 *
 * @param failing also pieces that fail what comes for the first time, and that wait for a system that is away
 * @param url where what is posted comes back: then also the pieces of `random-pieces.ts`
 */
export function randomFlow(seed: number, { failing = false, url = "", odd = false } = {}): RandomFlow {
  const random = seededRandom(seed);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
  const nodes: FlowNodeConfig[] = [];
  const sinks: string[] = [];
  const kinds: string[] = [];
  let onCatchBranch = false;
  /** How long a call waits for its answer, in ms. */
  const patience = failing ? 500 : 10_000;
  /** The subflow that is being put together. */
  let z: string | undefined;
  const add = (type: string, config: object, ...wires: string[]): string => {
    const id = `${type.replace(/\W/g, "-")}-${nodes.length}`;
    nodes.push({ id, wires: [wires.filter((wire) => wire !== "")], ...config, type, ...(z === undefined ? {} : { z, x: 0, y: 0 }) });
    return id;
  };
  const fn = (func: string, next: string, more: object = {}): string => add("function", { func, outputs: 1, ...more }, next);
  const delay = (config: object, ...wires: string[]): string => add("delay", { ...DELAY, ...config }, ...wires);
  const join = (config: object, next: string): string => add("join", { ...JOIN, ...config }, next);
  const sink = (next?: string): string => {
    const id = add("test-sink", { batchSize: pick([1, 3, 10]), evaluated: random() < 0.2 }, ...(next ? [next] : []));
    sinks.push(id);
    return fn(`msg.payload = { sink: "${id}", of: msg.payload }; return msg;`, id);
  };
  const chain = (from: Record<string, Piece>, most: number, last: string): string => {
    let first = last;
    for (let left = 1 + Math.floor(random() * most); left > 0 && nodes.length < MOST_NODES; left -= 1) {
      const kind = pick(Object.keys(from));
      kinds.push(kind);
      first = (from[kind] as Piece)(first);
    }
    return first;
  };

  /** A Catch branch whose end forgives. */
  const forgiven = (first: string, next: string, scope: object = { scope: [first] }): void => {
    const accept = add("surewire-settle", { outcome: "accept", outcomeType: "outcome" }, fn("delete msg.error; delete msg._error; return msg;", next));
    onCatchBranch = true;
    add("catch", { uncaught: false, ...scope }, chain(plain, 1, accept));
    onCatchBranch = false;
  };

  /** One message in, the same or one made of it out. */
  const plain: Record<string, Piece> = {
    change: (next) => add("change", { rules: [{ t: "set", p: "x", pt: "msg", to: "1", tot: "num" }] }, next),
    "JSONata, evaluated later": (next) => add("change", { rules: [{ t: "set", p: "x", pt: "msg", to: "$string(payload)", tot: "jsonata" }] }, next),
    "two ways of a Switch": (next) => add("switch", { property: "x", propertyType: "msg", checkall: "true", rules: [{ t: "nnull" }, { t: "else" }], outputs: 2, wires: [[next], [next]] }),
    "function that awaits": (next) => fn("await new Promise((resolve) => setTimeout(resolve, 4)); return msg;", next),
    "function that makes it anew": (next) => fn(`${ANEW} return anew;`, next),
    "function that makes it anew, later": (next) => fn(`${ANEW} setTimeout(() => { node.send(anew); node.done(); }, 4);`, next),
    "function that sends, and is done later": (next) => fn("node.send(msg); setTimeout(() => node.done(), 5);", next),
    "function that gathers": (next) =>
      fn("const all = context.get('all') || []; all.push(() => { node.send(msg); node.done(); }); context.set('all', all); if (all.length === 1) setTimeout(() => { for (const go of context.get('all').splice(0)) go(); }, 8);", next, url ? { initialize: "context.set('all', undefined);" } : {}),
    "function that starts slowly": (next) => fn(`${ANEW} return anew;`, next, { initialize: "await new Promise((resolve) => setTimeout(resolve, 20));" }),
    delay: (next) => delay({ pauseType: "delay" }, next),
    "random delay": (next) => delay({ pauseType: "random" }, next),
    "rate limit": (next) => delay({ pauseType: "rate" }, next),
    "rate limit for each topic": (next) => fn("msg.topic = RED.util.generateId(); return msg;", delay({ pauseType: pick(["queue", "timed"]) }, next)),
    "node that takes no done": (next) => add("test-legacy", {}, next),
    link: (next) => {
      if (z !== undefined) return next;
      const entry = add("link in", { links: [`link-out-${nodes.length + 1}`] }, next);
      return add("link out", { mode: "link", links: [entry] });
    },
    "link call": (next) => {
      if (z !== undefined) return next;
      const end = add("link out", { mode: "return", links: [] });
      const entry = add("link in", { links: [] }, chain(plain, 2, end));
      return add("link call", { links: [entry], linkType: "static", timeout: String(patience / 1000) }, next);
    },
    "split and join": (next) => add("split", { splt: "\\n", spltType: "str", arraySplt: 1, arraySpltType: "len" }, chain(plain, 2, join({ mode: "auto" }, next))),
    "error that its Catch branch forgives": (next) => {
      if (onCatchBranch) return next; // an accept forgives what the innermost branch has caught, and no more
      const fails = fn("if (!msg.again) { msg.again = true; throw new Error('first'); } return msg;", next);
      forgiven(fails, next);
      return fails;
    },
  };
  /** Several messages of one, or one of several; not within a split, whose Join waits for all its parts. */
  const shaping: Record<string, Piece> = {
    split: (next) => add("split", { splt: "\\n", spltType: "str", arraySplt: 1, arraySpltType: "len" }, next),
    "join of so many": (next) => join({ mode: "custom", build: "array", count: pick(["2", "3", "5"]), useparts: false }, next),
    batch: (next) => add("batch", { mode: "interval", interval: "0.02", allowEmptySequence: false }, next),
    "fork to another sink": (next) => add("test-see", {}, chain(plain, 1, next), chain(plain, 1, sink())),
    "three of one": (next) => fn("return [[msg, { payload: msg.payload }, RED.util.cloneMessage(msg)]];", next),
    sink: (next) => sink(next),
    "Complete behind a sink": (next) => {
      const first = sink();
      add("complete", { scope: [sinks.at(-1)], uncaught: false }, fn("delete msg.complete; return msg;", next)); // a Join takes it for the end of its group
      return first;
    },
  };
  /** Three in ten of what comes for the first time, others at each node, and the same with each run of the seed. */
  const fails = (how: string, next: string, more: object = {}): string =>
    fn(`const [, message, part] = /${AT_FIRST}/.exec(JSON.stringify(msg.payload)) ?? []; const lot = (37 * message + 61 * part + ${17 * nodes.length}) % 100; const fails = lot < 30; ${how}`, next, more);
  /** What fails is tried again, and so is what waits for a system. */
  const faulty: Record<string, Piece> = {
    "function that throws": (next) => fails("if (fails) throw new Error('thrown'); return msg;", next),
    "function that throws later": (next) => fails("await new Promise((resolve) => setTimeout(resolve, 2)); if (fails) throw new Error('thrown later'); return msg;", next),
    "function that reports an error": (next) => fails("if (!fails) return msg; node.error('reported', msg);", next),
    "function that is done with an error": (next) => fails("setTimeout(() => { if (fails) return node.done(new Error('failed')); node.send(msg); node.done(); }, 3);", next),
    "function that is never done": (next) => fails("if (lot < 6) return; node.send(msg); node.done();", next),
    "error that its Catch branch does not forgive": (next) => {
      const first = fails("if (fails) throw new Error('thrown'); return msg;", next);
      add("catch", { scope: [first], uncaught: false }, add("test-see", {}));
      return first;
    },
    "node that closes slowly": (next) => add("test-slow", { slow: pick([10, 50]) }, next),
    "reading of rows": (next) => add("test-read", { output: pick(["row", "batch", "all"]) }, next),
    "sink whose errors are caught": (next) => {
      const first = sink(next);
      add("catch", { scope: [sinks.at(-1)], uncaught: false }, add("test-see", {}));
      return first;
    },
  };
  const subflow: FlowKit["subflow"] = (inside, { withStatus = false, ...config }: { withStatus?: boolean } = {}) => {
    const outer = z;
    const id = `subflow-${nodes.length}`;
    const place = nodes.push({ id, type: "subflow" }) - 1;
    z = id;
    const { first, last } = inside();
    z = outer;
    const out = { x: 0, y: 0, wires: [{ id: last, port: 0 }] };
    nodes[place] = { id, type: "subflow", name: id, in: [{ x: 0, y: 0, wires: [{ id: first }] }], out: [out], ...(withStatus ? { status: out } : {}), ...config } as unknown as FlowNodeConfig;
    return `subflow:${id}`;
  };
  const kit: FlowKit = { add, fn, delay, join, plain: (most, last) => chain(plain, most, last), subflow, insideSubflow: () => z !== undefined, pick, fails, forgiven, mayCatch: () => !onCatchBranch, patience, url, nodes };
  if (url) {
    Object.assign(plain, furtherPlain(kit));
    Object.assign(shaping, furtherShaping(kit));
    Object.assign(faulty, furtherFaulty(kit));
  }
  if (odd) {
    Object.assign(plain, oddPlain(kit));
    Object.assign(shaping, oddShaping(kit));
    Object.assign(faulty, oddFaulty(kit));
  }
  const entry = chain({ ...plain, ...shaping, ...(failing ? faulty : {}) }, 5, sink());
  nodes.push({ id: "source", type: "test-source", wires: [[entry]], ...(failing ? { deadline: 1_000, retries: 50 } : { deadline: 15_000 }) });
  return { nodes, sinks, kinds };
}
