import { toConnectorError } from "../../common/errors";
import { stopVerdict, verdictFor } from "../delivery";
import type { FlowNode, Hop } from "./hop";
import { configOf, nodeBehind, type SendEvent, type TrackedRuntime } from "../runtime";
import { Seat } from "./seat";
import { describeNode } from "../outcome";
import type { Verdict } from "./scope";

/** Knows which nodes run and where wires lead, while flows are stopped and started. */
export class RunningFlows {
  /** Rises whenever flows are stopped. The node of a hop that began in an older generation may have been stopped since. */
  generation = 0;
  private runtime: TrackedRuntime | undefined;
  /** Flows are being stopped or started, so a node that is missing may have been there, or may still come. */
  changing = false;

  /** The runtime is watched from now on. */
  watched(runtime: TrackedRuntime): void {
    this.runtime = runtime;
    this.generation += 1; // flows may have been stopped while nobody watched
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

  /** The running node with this id. */
  running(id: string): FlowNode | undefined {
    return (this.runtime?.nodes.getNode(id) as FlowNode | null | undefined) ?? undefined;
  }

  /** Whether this very node object runs, and not a later one with the same id. */
  isLive(node: FlowNode): boolean {
    return this.running(node.id) === node;
  }

  /** Whether the node of `hop` was stopped since the hop began. */
  hasStopped({ node, generation }: Hop): boolean {
    return (this.changing || generation !== this.generation) && !this.isLive(node);
  }

  /** The seat of the node at the end of the wire, if it runs. @param seat of the node that sends */
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
   * The verdict on a message that is sent along a wire to no running node, which Node-RED drops in silence.
   *
   * @returns `undefined` when the user has disabled or removed the node, so that the drop is intended
   */
  verdictOnMissing({ source, destination }: SendEvent): Verdict | undefined {
    if (this.changing || !this.isLive(source.node)) return stopVerdict(source.node);
    const config = configOf(source.node, destination.id);
    return config && !config.d ? verdictFor(toConnectorError(`${describeNode(config)} is not running: what is sent to it goes nowhere`), config) : undefined;
  }

  /** The message object that the receiver will get. Node-RED gives all receivers but the first a copy and makes it later; here it is made at once. */
  ownCopy(event: SendEvent): object {
    if (event.cloneMessage && this.runtime?.util) {
      event.msg = this.runtime.util.cloneMessage(event.msg);
      event.cloneMessage = false;
    }
    return event.msg;
  }
}
