import { type FlowNode, type Hop, Mark } from "./hop";
import { warnOfSilence } from "./unfollowed";

/** For how many turns of the event loop a message may be first in line before its node counts as finished with it. */
const TURNS = 3;
/** The same for the first message that is counted of a node, since an unknown number may be in line before it. */
const FIRST_TURNS = 1_000;

/** When so many messages are in one line, others that belong to no delivery are not added. */
const MOST = 10_000;

/** A message in the hands of a node that takes no `done`. */
interface Place {
  readonly message: object;
  /** `undefined` for a message of no delivery, which is in line only because others wait behind it. */
  readonly hop: Hop | undefined;
  /** For how many more turns it may be the first. */
  left: number;
}

/**
 * Messages in the hands of nodes that take no `done`. Node-RED's own Switch is one (10-switch.js, 4.1 and 5.0): it puts messages into a queue and looks at one of
 * them each turn. So such a node counts as finished with a message when it has sent it on, or when the message was the first in line for some turns and nothing
 * was sent: then the node has dropped it.
 */
export class UntoldLine {
  private readonly lines = new Map<FlowNode, Place[]>();
  /** Hops whose messages their nodes have sent on. */
  private readonly passed = new WeakSet<Hop>();
  /** The message that any node has sent last. Shows of a message of no delivery whether its node has sent it on within its handler. */
  private latest: object | undefined;
  /** Nodes whose messages have been counted before. */
  private counted = new WeakSet<FlowNode>();
  private ticking = false;

  /** @param end ends a hop */
  constructor(private readonly end: (hop: Hop) => void) {}

  /** Messages are counted from now on. Nodes may have others in their hands already. */
  begins(): void {
    this.counted = new WeakSet();
  }

  /** The handler of the node of `hop` has returned. */
  handled(hop: Hop): void {
    if (this.passed.has(hop)) this.end(hop);
    else this.add(hop.node, { message: hop.message, hop, left: this.counted.has(hop.node) ? TURNS : FIRST_TURNS });
    this.counted.add(hop.node);
  }

  /** The handler of `node` has returned, for a message of no delivery. */
  handledOther(message: object, node: FlowNode): void {
    if (message !== this.latest && (this.lines.get(node)?.length ?? 0) < MOST) this.add(node, { message, hop: undefined, left: TURNS });
    this.latest = undefined;
  }

  /** The node of `hop` sends what it made of its message, and has finished with it once that is sent. */
  sends(hop: Hop): void {
    if (this.passed.has(hop)) return;
    this.passed.add(hop);
    if (this.lines.get(hop.node)?.some((place) => place.hop === hop)) queueMicrotask(() => this.end(hop));
  }

  /** Any node sends any message, also one of no delivery. */
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
    if (!first.hop) return;
    warnOfSilence(first.hop.node);
    this.end(first.hop);
  }
}

/** The first message in line that its node has not finished with. Removes those before it. */
function firstOf(line: Place[]): Place | undefined {
  while (line[0]?.hop && (line[0].hop.marks & Mark.Ended) !== 0) line.shift();
  return line[0];
}
