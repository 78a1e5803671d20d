import { type FlowNode, type Hop, Mark } from "./hop";

/** Turns of the event loop a message may be first in line before its node counts as finished with it. */
const TURNS = 3;

/**
 * Messages in the hands of nodes that take no `done`. Node-RED's own Switch is one (10-switch.js, 4.1 and 5.0): it keeps what
 * arrives in a queue and looks at one message a turn. So such a node has finished with a message when it has sent it on, or when the
 * message was the first in line for some turns and nothing came of it: then it was dropped.
 */
export class UntoldLine {
  private readonly lines = new Map<FlowNode, Hop[]>();
  private readonly passed = new WeakSet<Hop>();
  private readonly waited = new WeakMap<Hop, number>();
  private ticking = false;

  /** @param end ends a hop */
  constructor(private readonly end: (hop: Hop) => void) {}

  /** The node's handler has returned. */
  handled(hop: Hop): void {
    if (this.passed.has(hop)) {
      this.end(hop);
      return;
    }
    const line = this.lines.get(hop.node);
    if (line) line.push(hop);
    else this.lines.set(hop.node, [hop]);
    this.tickSoon();
  }

  /** The node sends what it made of the message: once that is on its way, it has finished. */
  sends(hop: Hop): void {
    if (this.passed.has(hop)) return;
    this.passed.add(hop);
    const line = this.lines.get(hop.node);
    if (line?.includes(hop)) queueMicrotask(() => this.end(hop));
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

  private serve(line: Hop[]): void {
    while (line[0] && (line[0].marks & Mark.Ended) !== 0) line.shift();
    const [first] = line;
    if (!first) return;
    const waited = (this.waited.get(first) ?? 0) + 1;
    this.waited.set(first, waited);
    if (waited < TURNS) return;
    line.shift();
    this.end(first);
  }
}
