import { AsyncResource } from "node:async_hooks";
import type { Node, NodeAPI, NodeDef, NodeMessageInFlow } from "node-red";
import { toConnectorError } from "../../../nodes/common/errors";
import type { Delivery } from "../../../nodes/delivery/delivery";
import type { Settlement, SettleMode } from "../../../nodes/delivery/outcome";
import registerSettle from "../../../nodes/delivery/settle/settle";
import { Sink, type ItemResult } from "../../../nodes/delivery/sink/sink";
import { DeliverySource } from "../../../nodes/delivery/source";
import { registerOddNodes } from "./odd-nodes";
import { type Read, registerReadNode } from "./test-read";

/** A source node in the runtime, as a test sees it. */
export interface TestSource {
  /** Takes a message and sends it into the flow. */
  take(payload: unknown, attempt?: number): Delivery<unknown>;
  /** How its deliveries have ended, in order. */
  settled: { taken: unknown; settlement: Settlement }[];
  /** Called for each delivery when it ends. */
  onSettled?: (taken: unknown, settlement: Settlement) => void;
  events: string[];
  warnings: string[];
  source: DeliverySource;
}

interface SourceDef extends NodeDef {
  settle?: SettleMode;
  deadline?: number;
  longest?: number;
  retries?: number;
  drain?: number;
}

type Write = (values: unknown[]) => Promise<ItemResult<unknown>[]>;

/** The nodes of the running flow that tests control, by id, and functions that tests can replace. */
export const testBench = {
  sources: new Map<string, TestSource>(),
  stored: [] as unknown[],
  write: undefined as Write | undefined,
  /** What `test-read` nodes find. */
  read: undefined as Read | undefined,
  seen: [] as { node: string; payload: unknown }[],
  counters: new Map<string, { count: number; receive(msg: object): void }>(),
  reset(): void {
    this.stored = [];
    this.seen = [];
    this.write = this.read = undefined;
  },
};

/** Returns the node `source` of the running flow. */
export function theSource(): TestSource {
  const entry = testBench.sources.get("source");
  if (!entry) throw new Error("The flow has no source");
  return entry;
}

/** Returns the payloads that a node has received, in order. */
export function seenAt(node: string): unknown[] {
  return testBench.seen.filter((one) => one.node === node).map((one) => one.payload);
}

/** Registers the nodes of the tests, and those of our nodes that they need, in a real runtime. */
export function register(RED: NodeAPI): void {
  registerSettle(RED);
  registerOddNodes(RED);
  registerReadNode(RED, (payload) => testBench.read?.(payload) ?? Promise.resolve([]));

  function SourceNode(this: Node, config: SourceDef): void {
    RED.nodes.createNode(this, config);
    let takenAt = 0;
    const entry: TestSource = {
      settled: [],
      events: [],
      warnings: [],
      source: new DeliverySource<unknown>({
        id: this.id,
        runtime: RED as never,
        settle: config.settle ?? "flow",
        deadline: config.deadline ?? 60_000,
        ...(config.longest === undefined ? {} : { keeping: { longest: config.longest, since: () => takenAt, onGivenBack: () => entry.events.push("given back") } }),
        retries: config.retries ?? 5,
        retryDelay: 10,
        retryMaxDelay: 40,
        onSettle: (delivery, settlement) => {
          entry.onSettled?.(delivery.taken, settlement);
          entry.settled.push({ taken: delivery.taken, settlement });
        },
        onHold: (reason) => entry.events.push(`hold: ${reason}`),
        onResume: () => entry.events.push("resume"),
        warn: (text) => entry.warnings.push(text),
      }),
      take: (payload, attempt = 1) => {
        takenAt = performance.now();
        const delivery = entry.source.open(payload, attempt);
        entry.source.send(delivery, () => this.send({ payload, delivery: delivery.info } as unknown as NodeMessageInFlow));
        return delivery;
      },
    };
    testBench.sources.set(this.id, entry);
    this.on("close", (done: () => void) => {
      entry.source.drain(config.drain ?? 200).then(() => {
        entry.source.close();
        done();
      }, done);
    });
  }

  function SinkNode(this: Node, config: NodeDef & { batchSize?: number; concurrency?: number; evaluated?: boolean; tells?: boolean }): void {
    RED.nodes.createNode(this, config);
    const sink = new Sink<unknown, string>({
      batchSize: config.batchSize ?? 10,
      ...(config.concurrency === undefined ? {} : { concurrency: config.concurrency }),
      linger: 1,
      onState: ({ error }) => void (config.tells && error && this.error(error.toString())),
      untilReady: () => new Promise((resolve) => setTimeout(resolve, 20)),
      warn: (text) => this.warn(text),
      write: (values) =>
        (testBench.write?.(values) as Promise<ItemResult<string>[]> | undefined) ??
        Promise.resolve(
          values.map((value) => {
            testBench.stored.push(value);
            return { ok: true, value: "stored" };
          }),
        ),
    });
    const valueOf = (payload: unknown): unknown => (config.evaluated ? Promise.resolve(payload) : payload);
    this.on("input", (msg, send, done) => sink.take(msg, valueOf(msg.payload), done, () => send(msg)));
    this.on("close", (done: () => void) => void sink.close(500).then(done, done));
  }

  /** Keeps a message until a test lets it pass or fail. */
  function HoldNode(this: Node, config: NodeDef): void {
    RED.nodes.createNode(this, config);
    this.on("input", (msg, send, done) => {
      held.push({
        msg,
        go: () => {
          send(msg);
          done();
        },
        fail: (error) => done(toConnectorError(error)),
        done,
        send: () => send(msg),
      });
    });
  }

  function SeeNode(this: Node, config: NodeDef): void {
    RED.nodes.createNode(this, config);
    this.on("input", (msg, send, done) => {
      testBench.seen.push({ node: this.id, payload: msg.payload });
      send(msg);
      done();
    });
  }

  /** Counts messages and passes them on. A benchmark may pass it messages that belong to no delivery. */
  function CountNode(this: Node, config: NodeDef): void {
    RED.nodes.createNode(this, config);
    const counter = { count: 0, receive: (msg: object) => this.receive(msg as NodeMessageInFlow) };
    testBench.counters.set(this.id, counter);
    this.on("input", (msg, send, done) => {
      counter.count += 1;
      send(msg);
      done();
    });
  }

  /**
   * Takes no `done`, as many nodes still do, and sends or reports an error later, when a function of {@link late} is called. As a gate, it sends its oldest message in the
   * handler of a message `next`. If `calls` is "of nobody", it is called back by a connection that is older than its messages.
   */
  function LateNode(this: Node, config: NodeDef & { calls?: "of nobody"; gate?: boolean }): void {
    RED.nodes.createNode(this, config);
    this.on("input", (msg) => {
      if (config.gate && msg.payload === "next") return void late.shift()?.send();
      const inContext = (call: () => void): (() => void) => (config.calls === "of nobody" ? call : AsyncResource.bind(call));
      late.push({ send: inContext(() => this.send(msg)), fail: inContext(() => this.error("refused", msg)) });
    });
  }

  /** Takes no `done`, and sends nothing. */
  function MuteNode(this: Node, config: NodeDef): void {
    RED.nodes.createNode(this, config);
    this.on("input", (_msg) => undefined);
  }

  /** Takes no `done`, and sends at once. */
  function LegacyNode(this: Node, config: NodeDef): void {
    RED.nodes.createNode(this, config);
    this.on("input", (msg) => this.send(msg));
  }

  function ThrowNode(this: Node, config: NodeDef): void {
    RED.nodes.createNode(this, config);
    this.on("input", (_msg, _send, _done) => {
      throw new Error("thrown by a node");
    });
  }

  function DeafNode(this: Node, config: NodeDef): void {
    RED.nodes.createNode(this, config);
  }

  function TwiceNode(this: Node, config: NodeDef): void {
    RED.nodes.createNode(this, config);
    this.on("input", (msg, send, done) => {
      send(msg);
      done();
      done();
    });
  }

  /** Gathers messages by a timer that was set before any message came. With `doneFirst`, calls the `done`s before it sends. */
  function GatherNode(this: Node, config: NodeDef & { doneFirst?: boolean }): void {
    RED.nodes.createNode(this, config);
    let group: { payload: unknown; done: () => void }[] = [];
    const timer = setInterval(() => {
      if (group.length < 3) return;
      const full = group;
      group = [];
      const send = (): void => this.send({ payload: full.map((one) => one.payload) } as NodeMessageInFlow);
      if (!config.doneFirst) send();
      for (const one of full) one.done();
      if (config.doneFirst) send();
    }, 10);
    this.on("input", (msg, _send, done) => {
      group.push({ payload: msg.payload, done });
    });
    this.on("close", () => clearInterval(timer));
  }

  /** Its constructor throws because something is missing, as with many nodes of other packs. */
  function BrokenNode(this: Node, config: NodeDef): void {
    RED.nodes.createNode(this, config);
    this.on("input", (msg, send, done) => (send(msg), done()));
    throw new Error("no server chosen");
  }

  /** Handles two messages in the handler of the second one: the first fails, the second goes on. */
  function PairNode(this: Node, config: NodeDef & { how?: "error" }): void {
    RED.nodes.createNode(this, config);
    let first: { msg: NodeMessageInFlow; done: (error?: Error) => void } | undefined;
    this.on("input", (msg, send, done) => {
      if (!first) {
        first = { msg, done };
        return;
      }
      const { msg: bad, done: fail } = first;
      first = undefined;
      if (config.how === "error") {
        done();
        this.error("bad", bad);
        fail();
        return;
      }
      fail(new Error("bad"));
      held.push({ msg, go: () => (send(msg), done()), fail: (error) => done(error), done, send: () => send(msg) });
    });
  }

  /** Passes messages on. If it is slow, it closes only after so many ms, or when a test calls a function of {@link closing}. */
  function SlowNode(this: Node, config: NodeDef & { slow: boolean | number }): void {
    RED.nodes.createNode(this, config);
    this.on("input", (msg, send, done) => (send(msg), done()));
    this.on("close", (done: () => void) => {
      if (typeof config.slow === "number") setTimeout(done, config.slow);
      else if (config.slow) closing.push(done);
      else done();
    });
  }

  RED.nodes.registerType("test-slow", SlowNode);
  RED.nodes.registerType("test-broken", BrokenNode);
  RED.nodes.registerType("test-pair", PairNode);
  RED.nodes.registerType("test-source", SourceNode);
  RED.nodes.registerType("test-sink", SinkNode);
  RED.nodes.registerType("test-hold", HoldNode);
  RED.nodes.registerType("test-see", SeeNode);
  RED.nodes.registerType("test-count", CountNode);
  RED.nodes.registerType("test-late", LateNode);
  RED.nodes.registerType("test-mute", MuteNode);
  RED.nodes.registerType("ui_gauge", MuteNode); // like the one of Dashboard 1
  RED.nodes.registerType("test-legacy", LegacyNode);
  RED.nodes.registerType("test-throw", ThrowNode);
  RED.nodes.registerType("test-deaf", DeafNode);
  RED.nodes.registerType("test-twice", TwiceNode);
  RED.nodes.registerType("test-gather", GatherNode);
}

/** The messages that `test-late` nodes hold, oldest first. */
export const late: { send(): void; fail(): void }[] = [];

/** Functions that end the closing of `test-slow` nodes, oldest first. */
export const closing: (() => void)[] = [];

/** The messages that `test-hold` nodes hold, oldest first. */
export const held: { msg: object; go(): void; fail(error: Error): void; done(): void; send(): void }[] = [];
