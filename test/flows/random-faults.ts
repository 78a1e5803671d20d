import assert from "node:assert/strict";
import { ConnectorError } from "../../nodes/common/errors";
import { registry } from "../../nodes/delivery/tracker/registry";
import { Runtime, type FlowNodeConfig } from "../services/runtime";
import { testBench, type TestSource } from "../services/test-nodes/test-nodes";
import { pause, waitFor } from "../services/wait";
import { Echo } from "./echo";
import { randomFlow, seededRandom, type RandomFlow } from "./random-flow";
import { partsIn } from "./random-flows";
import { FURTHER_SETTINGS } from "./random-pieces";

const FAULTS = 6;
/** Messages that are given out and not answered, at most. */
const PREFETCH = 24;

/** What happens to a flow while it works: a deploy (of nodes: one of them is changed), a system that goes away for a moment, a connection that is lost. */
const KINDS = ["nodes", "nodes", "nodes", "flows", "full", "away", "lost"] as const;

/** A message of the broker: it is given out until it is accepted. */
interface Message {
  name: string;
  parts: number;
  /** How often it was given out. What was is told by it, so that an earlier time's work stands for no later one's. */
  given: number;
  attempt: number;
}

/**
 * Flows put together at random that are deployed anew and fail while they work, each a test. One alone: see `describeRandomFlows`. A seed gives the same messages and the same
 * faults in the same order again; where in the flow these meet those is up to the machine.
 *
 * @param further also of the pieces of `random-pieces.ts`
 * @param odd also of those of `random-odd-pieces.ts`
 */
export function describeRandomFaults(seeds: readonly number[], { further = false, odd = false } = {}): void {
  describe(`flows put together at random${further ? " of more kinds of nodes" : ""}${odd ? ", some of them odd" : ""}, under faults`, function () {
    const runtime = new Runtime(further ? FURTHER_SETTINGS : {});
    const echo = new Echo();
    before(() => Promise.all([runtime.start(), echo.start()]));
    after(() => Promise.all([runtime.stop(), echo.stop()]));

    const only = process.env.SUREWIRE_SEED;
    for (const seed of only === undefined ? seeds : [Number(only)]) {
      it(`accept each message in the end, never before its work is done, and keep nothing open: SUREWIRE_SEED=${seed}`, async () => {
        const flow = randomFlow(seed, { failing: true, url: further ? echo.url : "", odd });
        const run = new FaultyRun(runtime, flow, seededRandom(-seed), seededRandom(-seed - 1));
        await run.run().catch((error: unknown) => {
          throw new Error(`SUREWIRE_SEED=${seed} (${flow.kinds.join(", ")}; ${run.faults.join(", ")}): ${String(error)}`, { cause: error });
        });
      });
    }
  });
}

/** One flow, its broker, and what befalls it. */
class FaultyRun {
  /** Those there were. */
  readonly faults: string[] = [];
  private readonly queue: Message[] = [];
  private published = 0;
  /** Given out, and not answered. */
  private readonly open = new Map<string, Message>();
  private accepted = 0;
  private readonly wrong: string[] = [];
  private readonly stored = new Set<string>();
  private away = false;
  private nodes: FlowNodeConfig[];
  /** The source is being replaced. */
  private stopped = false;
  private deploying = Promise.resolve();

  constructor(
    private readonly runtime: Runtime,
    private readonly flow: RandomFlow,
    /** Says what is published, and what goes wrong. */
    private readonly random: () => number,
    /** Says how long things take and which writes are locked out: asked in the order that the machine makes, which must not reach the other. */
    private readonly pace: () => number,
  ) {
    this.nodes = flow.nodes;
  }

  async run(): Promise<void> {
    const before = registry.open;
    await this.runtime.fresh(this.nodes);
    testBench.write = (values) => this.write(values);
    testBench.read = (payload) => this.read(payload);
    const end = Date.now() + 25_000;
    while ((this.faults.length < FAULTS || this.accepted < this.published) && this.wrong.length === 0 && Date.now() < end) {
      if (this.faults.length < FAULTS) this.publish(Math.floor(this.random() * 4));
      if (!this.stopped) this.giveOut();
      if (this.random() < 0.15 && this.faults.length < FAULTS) this.befall();
      await pause(this.pace() * 10);
    }
    await this.deploying;
    assert.deepEqual([this.wrong, [...this.open.values()].map(({ name }) => name), this.queue.map(({ name }) => name)], [[], [], []]);
    await waitFor("nothing to be open", () => registry.open <= before && !this.source.source.held, { timeout: 5_000, interval: 5 });
  }

  private get source(): TestSource {
    return testBench.sources.get("source") as TestSource;
  }

  private publish(count: number): void {
    for (const last = this.published + count; this.published < last; this.published += 1) {
      this.queue.push({ name: `d${this.published}`, parts: 1 + (this.published % 3), given: 0, attempt: 1 });
    }
  }

  private giveOut(): void {
    const { source } = this;
    source.onSettled = (taken, { outcome, error }) => this.answered((taken as string[])[0] as string, outcome, error);
    if (source.source.held) return;
    for (const message of this.queue.splice(0, PREFETCH - this.open.size)) {
      message.given += 1;
      const parts = this.partsOf(message);
      this.open.set(parts[0] as string, message);
      source.take(parts, message.attempt);
    }
  }

  private partsOf({ name, parts, given }: Message): string[] {
    return Array.from({ length: parts }, (_, part) => `${name}.${part}-${given}`);
  }

  private answered(first: string, outcome: string, error: ConnectorError | undefined): void {
    const message = this.open.get(first);
    this.open.delete(first);
    if (!message) return void this.wrong.push(`${first} was answered twice`);
    if (outcome === "dead-letter") this.wrong.push(`${first} was given up: ${String(error)}`);
    if (outcome !== "accept") {
      if (outcome === "retry") message.attempt += 1;
      this.queue.push(message);
      return;
    }
    this.accepted += 1;
    for (const part of this.partsOf(message)) for (const sink of this.flow.sinks) if (!this.stored.has(`${sink} ${part}`)) this.wrong.push(`${part} accepted, and not at ${sink}`);
  }

  /** Begins a fault; the flow goes on working meanwhile, and the next may begin before it is over. */
  private befall(): void {
    const kind = KINDS[Math.floor(this.random() * KINDS.length)] as (typeof KINDS)[number];
    if (kind === "away") this.goAway();
    else if (kind === "lost") this.lose();
    else this.deploy(kind);
  }

  private goAway(): void {
    this.faults.push("away");
    this.away = true;
    setTimeout(() => (this.away = false), 60);
  }

  /** A connection is lost: the broker takes back what is not answered. */
  private lose(): void {
    this.faults.push("lost");
    if (this.stopped) return; // the source that is being replaced has given all back
    this.source.source.invalidate();
    this.queue.push(...this.open.values());
    this.open.clear();
  }

  private deploy(kind: "nodes" | "flows" | "full"): void {
    const changed = kind === "nodes" ? this.nodes[Math.floor(this.random() * this.nodes.length)]?.id : undefined;
    this.faults.push(`${kind} ${changed ?? ""}`.trim());
    const version = this.faults.length;
    this.deploying = this.deploying.then(async () => {
      this.nodes = this.nodes.map((node) => (node.id === changed ? { ...node, version } : node));
      this.stopped = kind !== "nodes" || changed === "source";
      await this.runtime.deploy(this.nodes, kind);
      this.stopped = false;
    });
  }

  private async write(values: unknown[]): ReturnType<NonNullable<typeof testBench.write>> {
    await pause(this.pace() * 6);
    if (this.away) throw new ConnectorError("DATABASE_UNAVAILABLE", "database is away");
    return values.map((value) => {
      if (this.pace() < 0.03) return { ok: false, error: new ConnectorError("DATABASE_BUSY", "locked") };
      for (const part of partsIn(value)) this.stored.add(`${(value as { sink: string }).sink} ${part}`);
      return { ok: true, value: "stored" };
    });
  }

  private async read(payload: unknown): Promise<unknown[][]> {
    await pause(this.pace() * 4);
    if (this.away) throw new ConnectorError("DATABASE_UNAVAILABLE", "database is away");
    const parts = partsIn(payload);
    return Array.from({ length: Math.ceil(parts.length / 2) }, (_, page) => parts.slice(2 * page, 2 * page + 2));
  }
}
