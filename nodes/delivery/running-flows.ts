import { toConnectorError } from "../common/errors";
import { stopVerdict, verdictFor } from "./delivery";
import type { FlowNode, Hop } from "./hop";
import { configOf, nodeBehind, type SendEvent, type TrackedRuntime } from "./runtime";
import { Seat } from "./seat";
import { describeNode } from "./outcome";
import type { Verdict } from "./scope";

/** Which nodes run, and where wires lead, while flows are stopped and started. */
export class RunningFlows {
  /** Rises with every stop of flows: a hop of an older one must prove that its node still runs. */
  generation = 0;
  private runtime: TrackedRuntime | undefined;
  /** Flows are being stopped or started: a node that is not there may have been, or will be. */
  changing = false;

  /** The runtime is watched from now on. */
  watched(runtime: TrackedRuntime): void {
    this.runtime = runtime;
    this.generation += 1; // nobody saw what was stopped meanwhile
    this.changing = true; // a source is made while flows start
  }

  stopping(): void {
    this.generation += 1;
    this.changing = true;
  }

  stopped(): void {
    this.generation += 1;
  }

  started(): void {
    this.changing = false;
  }

  /** Whether this very node runs, and not another one in its place. */
  isLive(node: FlowNode): boolean {
    return this.runtime?.nodes.getNode(node.id) === node;
  }

  /** Whether the node of `hop` was stopped since the hop began. */
  hasStopped({ node, generation }: Hop): boolean {
    return (this.changing || generation !== this.generation) && !this.isLive(node);
  }

  /** Of the node at the end of the wire, if it runs. @param seat of the node that sends */
  destinationOf(event: SendEvent, seat: Seat): Seat | undefined {
    const { id } = event.destination;
    const known = this.changing ? undefined : seat.reached(id, this.generation);
    if (known) return known;
    const node = nodeBehind(event);
    if (!node) return undefined;
    const found = Seat.of(node);
    if (!this.changing) seat.reaches(id, found, this.generation);
    return found;
  }

  /**
   * What it means that a wire leads to no node: Node-RED drops in silence what is sent along it.
   *
   * @returns `undefined` where the user disabled the node or took it away, and means it so
   */
  verdictOnMissing({ source, destination }: SendEvent): Verdict | undefined {
    if (this.changing || !this.isLive(source.node)) return stopVerdict(source.node);
    const config = configOf(source.node, destination.id);
    return config && !config.d ? verdictFor(toConnectorError(`${describeNode(config)} is not running: what is sent to it goes nowhere`), config) : undefined;
  }

  /** The message as its receiver gets it: Node-RED gives all receivers but the first a copy, and makes it later. */
  ownCopy(event: SendEvent): object {
    if (event.cloneMessage && this.runtime?.util) {
      event.msg = this.runtime.util.cloneMessage(event.msg);
      event.cloneMessage = false;
    }
    return event.msg;
  }
}
