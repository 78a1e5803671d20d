import assert from "node:assert/strict";
import { Delivery, type DeliveryOwner } from "../../../nodes/delivery/delivery";
import { Hop, type FlowNode, Mark } from "../../../nodes/delivery/tracker/hop";
import { covers, type Caught, JoinedScope, type Scope } from "../../../nodes/delivery/tracker/scope";
import { Seat } from "../../../nodes/delivery/tracker/seat";
import { Turn } from "../../../nodes/delivery/tracker/turn";

const gather: FlowNode = { id: "gather", type: "function" };
const next = Seat.of({ id: "next", type: "function" });
const owner = { settleMode: "flow" } as DeliveryOwner<number>;

function deliveries(count: number): Delivery<number>[] {
  return Array.from({ length: count }, (_, number) => new Delivery(number, `token-${number}`, number, 1, owner));
}

function hopOf(scope: Scope, caught?: Caught): Hop {
  const hop = new Hop(scope, {}, next, 0, Mark.Wired, caught);
  scope.add(hop);
  return hop;
}

/** The numbers of the deliveries that a message is made of. */
const madeOf = (hop: Hop | undefined, from: Delivery<number>[]): number[] => from.filter((one) => hop && covers(hop.scope, one)).map(({ number }) => number);

describe("What a node sends and finishes with in one turn", function () {
  this.timeout(10_000); // what took time by the square or cube of their number took minutes

  it("belongs, where it drops every other of 800 messages, to those it drops after it", () => {
    const turn = new Turn();
    const all = deliveries(800);
    const hops = all.map((delivery, number) => {
      const hop = number % 2 === 0 ? hopOf(delivery) : undefined;
      if (hop) turn.sends(hop, gather, true);
      turn.finishes(gather, delivery, undefined);
      return hop;
    });
    assert.deepEqual(madeOf(hops[0], all), [0, ...all.map(({ number }) => number).filter((number) => number % 2 === 1)]);
    assert.deepEqual(madeOf(hops[798], all), [798, 799]);
  });

  it("belongs, where 10,000 messages of nobody go out before the first done, to all of them", () => {
    const turn = new Turn();
    const all = deliveries(10_000);
    const hops: Hop[] = [];
    const adopt = (scope: Scope): Hop => {
      const hop = hopOf(scope);
      hops.push(hop);
      return hop;
    };
    for (const _ of all) turn.sendsOrphan({ message: {}, from: gather, adopt, left: () => undefined });
    for (const delivery of all) turn.finishes(gather, delivery, undefined);
    assert.equal(new Set(hops.map(({ scope }) => scope)).size, 1);
    assert.equal(madeOf(hops[9_999], all).length, 10_000);
  });

  it("is one group for all, where each of 20,000 that is through lets the next one go, and keeps none that is settled", () => {
    const all = deliveries(20_000);
    let last = hopOf(all[0] as Delivery);
    const letGo = (delivery: Delivery): void => {
      const turn = new Turn();
      const next = hopOf(delivery);
      turn.sends(next, gather, true);
      turn.finishes(gather, last.scope, undefined);
      last.scope.remove(last);
      last = next;
    };
    for (const delivery of all.slice(1, -1)) letGo(delivery);
    assert.equal([...last.scope.deliveries].length, 19_999);
    assert.deepEqual([all[0]?.inLine, all[0]?.hopsWithin().length], [false, 1]);
    for (const delivery of all.slice(0, 10_000)) delivery.close();
    letGo(all[19_999] as Delivery);
    assert.equal([...last.scope.deliveries].length, 10_000);
  });

  it("is told by what the node has in hands of a group, for each of 50,000 copies", () => {
    const [one, other] = deliveries(2) as [Delivery, Delivery];
    const group = new JoinedScope();
    for (const delivery of [one, other]) group.join(delivery);
    const parts = Array.from({ length: 50_000 }, () => new Hop(group, {}, Seat.of(gather), 0, Mark.Received, undefined));
    for (const part of parts) group.add(part);
    for (const part of parts) {
      assert.equal(one.groupAt(gather), group);
      hopOf(group);
      part.marks |= Mark.Ended;
      group.remove(part);
    }
    assert.equal(one.groupAt(gather), undefined);
  });

  it("belongs, where each done comes before what is sent of nobody, to the one finished with before it", async () => {
    const turn = new Turn();
    const all = deliveries(4);
    const hops: Hop[] = [];
    const adopt = (place: number) => (scope: Scope) => (hops[place] = hopOf(scope));
    all.forEach((delivery, place) => {
      turn.finishes(gather, delivery, undefined);
      turn.sendsOrphan({ message: {}, from: gather, adopt: adopt(place), left: () => undefined });
    });
    await Promise.resolve();
    assert.deepEqual(hops.map((hop, place) => madeOf(hop, all).includes(place)), [true, true, true, true]);
  });

  it("belongs, where each done comes after what is sent of nobody, to no other", () => {
    const turn = new Turn();
    const all = deliveries(4);
    const hops: Hop[] = [];
    for (const delivery of all) {
      turn.sendsOrphan({ message: {}, from: gather, adopt: (scope) => hops[hops.push(hopOf(scope)) - 1] as Hop, left: () => undefined });
      turn.finishes(gather, delivery, undefined);
    }
    assert.deepEqual(hops.map((hop) => madeOf(hop, all)), [[0], [1], [2], [3]]);
  });

  it("is of the Catch branches of all 10,000 messages that it joins", async () => {
    const turn = new Turn();
    const all = deliveries(10_000);
    const caught = all.map((): Caught => [{ outcome: "retry" }]);
    const joined = hopOf(all[0] as Delivery, caught[0]);
    turn.sends(joined, gather, false);
    all.forEach((delivery, number) => turn.finishes(gather, delivery, caught[number]));
    await Promise.resolve();
    assert.equal(joined.caught?.length, 10_000);
  });
});
