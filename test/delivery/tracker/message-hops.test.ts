import assert from "node:assert/strict";
import type { Delivery } from "../../../nodes/delivery/delivery";
import { Hop, type FlowNode, Mark } from "../../../nodes/delivery/tracker/hop";
import { addHop, findHop, hopEnded, hopOf } from "../../../nodes/delivery/tracker/message-hops";
import { Seat } from "../../../nodes/delivery/tracker/seat";

const nodes: FlowNode[] = ["first", "second", "third"].map((id) => ({ id, type: "function" }));
const scope = {} as Delivery;

describe("The hops of a message", () => {
  let message: object;
  let hops: Hop[];
  beforeEach(() => {
    message = {};
    hops = nodes.map((node) => new Hop(scope, message, Seat.of(node), 1, Mark.Wired, undefined));
    hops.forEach((hop) => (hop.marks |= Mark.Received));
  });

  const [a, b, c] = [0, 1, 2] as const;
  const add = (index: number): void => addHop(hops[index] as Hop);
  const end = (index: number): void => {
    const hop = hops[index] as Hop;
    hop.marks |= Mark.Ended;
    hopEnded(hop);
  };
  const found = (): boolean[] => nodes.map((node) => findHop(message, node, Mark.Received) !== undefined);

  it("keeps the live ones, and the newest whatever became of it", () => {
    add(a);
    add(b);
    assert.deepEqual(found(), [true, true, false]);
    end(b);
    assert.deepEqual(found(), [true, false, false]);
    assert.equal(hopOf(message), hops[b]);
  });

  it("drops an ended hop as soon as there is a newer one", () => {
    add(a);
    add(b);
    end(a);
    assert.equal(hops[b]?.previous, undefined);
    add(c);
    assert.deepEqual(found(), [false, true, true]);
  });

  it("finds those behind one that has ended", () => {
    add(a);
    add(b);
    add(c);
    end(b);
    assert.equal(hops[c]?.previous, hops[a]);
    assert.deepEqual(found(), [true, false, true]);
  });
});
