import type { Node, NodeAPI, NodeDef, NodeMessageInFlow } from "node-red";
import type { Delivery } from "../../nodes/delivery/delivery";

/** As users run it: what tsx makes of the TypeScript names every function as it is made, which slows Node-RED's hooks. */
/* eslint-disable @typescript-eslint/no-require-imports */
const { DeliverySource } = require("../../dist/delivery/source.js") as typeof import("../../nodes/delivery/source");
const { flowTracker } = require("../../dist/delivery/tracker/flow-tracker.js") as typeof import("../../nodes/delivery/tracker/flow-tracker");
/* eslint-enable @typescript-eslint/no-require-imports */

/** The nodes of the running flow that a benchmark drives. */
export const bench = {
  /** Sends a message of no delivery. */
  send: (_payload: number): void => undefined,
  /** Takes a delivery and sends it, followed. */
  take: (_payload: number): void => undefined,
  /** Takes a delivery and gives it to the node `keeper`, which keeps it. */
  hold: (): void => undefined,
  /** That node has finished with it, if it has one. @returns whether it had */
  letGo: (): boolean => false,
  /** What happens when a minute has passed in which nothing was followed. */
  rest: (): void => flowTracker.rest(),
  /** Messages that reached the end of the flow. */
  arrived: 0,
  /** Deliveries that were settled. */
  settled: 0,
};

/** Registers the source and the sink of the benchmarks: as little as such nodes can do. */
export function register(RED: NodeAPI): void {
  /** Knows nothing of deliveries. */
  function BareSource(this: Node, config: NodeDef): void {
    RED.nodes.createNode(this, config);
    bench.send = (payload) => this.send({ payload } as NodeMessageInFlow);
  }

  /** Follows what it takes. */
  function FollowedSource(this: Node, config: NodeDef): void {
    RED.nodes.createNode(this, config);
    const policy = { retries: 5, retryDelay: 1000, retryMaxDelay: 300_000 };
    const quiet = { onHold: () => undefined, onResume: () => undefined, warn: (text: string) => this.warn(text) };
    const source = new DeliverySource<number>({
      id: this.id,
      runtime: RED as never,
      settle: "flow",
      deadline: 1_500_000,
      onSettle: () => (bench.settled += 1),
      ...policy,
      ...quiet,
    });
    const message = (delivery: Delivery<number>) => ({ payload: delivery.taken, delivery: delivery.info }) as unknown as NodeMessageInFlow;
    bench.take = (payload) => {
      const delivery = source.open(payload, 1);
      source.send(delivery, () => this.send(message(delivery)));
    };
    bench.hold = () => {
      const delivery = source.open(-1, 1);
      source.send(delivery, () => RED.nodes.getNode("keeper").receive(message(delivery)));
    };
    this.on("close", () => source.close());
  }

  /** Keeps what it gets until the benchmark lets go. */
  function Keeper(this: Node, config: NodeDef): void {
    RED.nodes.createNode(this, config);
    this.on("input", (_msg, _send, done) => {
      bench.letGo = () => {
        bench.letGo = () => false;
        done();
        return true;
      };
    });
  }

  /** The end of the flow. */
  function Counter(this: Node, config: NodeDef): void {
    RED.nodes.createNode(this, config);
    this.on("input", (_msg, _send, done) => {
      bench.arrived += 1;
      done();
    });
  }

  RED.nodes.registerType("bench-bare-source", BareSource);
  RED.nodes.registerType("bench-followed-source", FollowedSource);
  RED.nodes.registerType("bench-keeper", Keeper);
  RED.nodes.registerType("bench-counter", Counter);
}
