import assert from "node:assert/strict";
import { Delivery, type DeliveryOwner } from "../../../nodes/delivery/delivery";
import { DeliveryRegistry } from "../../../nodes/delivery/tracker/registry";
import { DEFAULT_RETRY_POLICY } from "../../../nodes/delivery/retry-policy";

const nothing = (): void => undefined;
const owner: DeliveryOwner<unknown> = { id: "source", policy: DEFAULT_RETRY_POLICY, settleMode: "flow", settled: nothing, holdBegan: nothing, holdEnded: nothing };

function opener(registry: DeliveryRegistry): () => Delivery {
  const prefix = registry.prefixFor("source");
  return () => {
    const number = registry.nextNumber();
    const delivery = new Delivery(number, `${prefix}${number}`, undefined, 1, owner);
    registry.add(delivery);
    return delivery;
  };
}

describe("the registry of deliveries", () => {
  it("finds one that stays open while tens of thousands come and go", () => {
    const registry = new DeliveryRegistry();
    const open = opener(registry);
    const first = open();
    for (let count = 0; count < 20_000; count += 1) registry.remove(open(), true);
    const last = open();
    assert.equal(registry.find(first.token), first);
    assert.deepEqual([...registry.all()], [first, last]);
    registry.remove(first, true);
    assert.equal(registry.find(first.token), "closed");
    assert.deepEqual([...registry.all()], [last]);
  });

  it("gives all that are open, oldest first, however many there are", () => {
    const registry = new DeliveryRegistry();
    const open = opener(registry);
    const opened = Array.from({ length: 10_000 }, open);
    assert.deepEqual([...registry.all()].map(({ number }) => number), opened.map(({ number }) => number));
    assert.ok(opened.every((delivery) => registry.find(delivery.token) === delivery));
    for (const delivery of opened) registry.remove(delivery, true);
    assert.deepEqual([...registry.all()], []);
  });

  it("knows no token of another process", () => {
    const open = opener(new DeliveryRegistry());
    assert.equal(new DeliveryRegistry().find(open().token), undefined);
  });
});
