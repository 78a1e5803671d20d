import { type FlowNode, type Hop, Mark } from "./hop";

/** Turns of the event loop a message may be first in line before its node counts as finished with it. */
const TURNS = 3;
/** The same for the first of a node that is counted: how many are before it nobody knows. */
const FIRST_TURNS = 1_000;

/** With so many in one line, others are not counted any more. */
const MOST = 10_000;

/** A message in the hands of a node that takes no `done`. */
interface Place {
  readonly message: object;
  /** Absent for a message of no delivery: the others wait behind it all the same. */
  readonly hop: Hop | undefined;
  /** Turns that it may still be the first. */
  left: number;
}

/**
 * Messages in the hands of nodes that take no `done`. Node-RED's own Switch is one (10-switch.js, 4.1 and 5.0): it keeps what
 * arrives in a queue and looks at one message a turn. So such a node has finished with a message when it has sent it on, or when the
 * message was the first in line for some turns and nothing came of it: then it was dropped.
 */
export class UntoldLine {
  private readonly lines = new Map<FlowNode, Place[]>();
  private readonly passed = new WeakSet<Hop>();
  /** The message that was sent last: of no delivery, it is told by this that its node has passed it on within its handler. */
  private latest: object | undefined;
  /** The nodes all of whose messages are counted. */
  private counted = new WeakSet<FlowNode>();
  private ticking = false;

  /** @param end ends a hop */
  constructor(private readonly end: (hop: Hop) => void) {}

  /** Messages are counted from now on: others may be in the hands of nodes. */
  begins(): void {
    this.counted = new WeakSet();
  }

  /** The node's handler has returned. */
  handled(hop: Hop): void {
    if (this.passed.has(hop)) this.end(hop);
    else this.add(hop.node, { message: hop.message, hop, left: this.counted.has(hop.node) ? TURNS : FIRST_TURNS });
    this.counted.add(hop.node);
  }

  /** The node's handler has returned, for a message of no delivery. */
  handledOther(message: object, node: FlowNode): void {
    if (message !== this.latest && (this.lines.get(node)?.length ?? 0) < MOST) this.add(node, { message, hop: undefined, left: TURNS });
    this.latest = undefined;
  }

  /** The node sends what it made of the message: once that is on its way, it has finished. */
  sends(hop: Hop): void {
    if (this.passed.has(hop)) return;
    this.passed.add(hop);
    if (this.lines.get(hop.node)?.some((place) => place.hop === hop)) queueMicrotask(() => this.end(hop));
  }

  /** A node, which may be one of these, sends a message, which may be of no delivery. */
  sendsAny(message: object, node: FlowNode): void {
    this.latest = message;
    const line = this.lines.size > 0 ? this.lines.get(node) : undefined;
    if (line && firstOf(line)?.message === message && !line[0]?.hop) line.shift();
  }

  private add(node: FlowNode, place: Place): void {
    const line = this.lines.get(node);
    if (line) line.push(place);
    else this.lines.set(node, [place]);
    this.tickSoon();
  }

  private tickSoon(): void {
    if (this.ticking) return;
    this.ticking = true;
    setImmediate(() => this.tick());
  }

  private tick(): void {
    this.ticking = false;
    for (const [node, line] of this.lines) {
      this.serve(line);
      if (line.length === 0) this.lines.delete(node);
    }
    if (this.lines.size > 0) this.tickSoon();
  }

  private serve(line: Place[]): void {
    const first = firstOf(line);
    if (!first) return;
    first.left -= 1;
    if (first.left > 0) return;
    line.shift();
    if (first.hop) this.end(first.hop);
  }
}

/** The first that is not done with. */
function firstOf(line: Place[]): Place | undefined {
  while (line[0]?.hop && (line[0].hop.marks & Mark.Ended) !== 0) line.shift();
  return line[0];
}
