import assert from "node:assert/strict";
import { DecodeLine } from "../../../../nodes/amqp/client/consuming/decode-line";
import type { Taken } from "../../../../nodes/amqp/client/consuming/taking-channel";
import { waitFor } from "../../../services/wait";

/** A message by its number; how its decoding ends is the test's. */
type Numbered = Taken & { number: number };

function lineOf(): { line: DecodeLine<number>; add(number: number): void; decoded: Map<number, () => void>; handed: number[] } {
  const decoded = new Map<number, () => void>();
  const handed: number[] = [];
  const line = new DecodeLine<number>({
    decode: (taken) => new Promise((resolve) => decoded.set((taken as Numbered).number, () => resolve((taken as Numbered).number))),
    handOver: (number) => handed.push(number),
    failed: (_taken, error) => assert.fail(String(error)),
  });
  const add = (number: number): void => line.add({ number, window: { closed: false } } as unknown as Taken, 1);
  return { line, add, decoded, handed };
}

describe("The line of large messages", () => {
  it("hands over one after the other, and is busy as long as one is in it", async () => {
    const { line, add, decoded, handed } = lineOf();
    assert.equal(line.busy, false);
    for (const number of [1, 2]) add(number);
    assert.deepEqual([line.busy, [...decoded.keys()]], [true, [1]]);
    decoded.get(1)?.();
    await waitFor("the second", () => decoded.has(2));
    assert.deepEqual([line.busy, handed], [true, [1]]);
    decoded.get(2)?.();
    await waitFor("the end", () => !line.busy);
    assert.deepEqual(handed, [1, 2]);
  });

  it("stays busy when it is stopped with messages in it, so that none that comes overtakes them", async () => {
    const { line, add, decoded, handed } = lineOf();
    for (const number of [1, 2]) add(number);
    line.stop();
    decoded.get(1)?.();
    for (let turn = 0; turn < 3; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    assert.equal(line.busy, true);
    add(3);
    assert.deepEqual([handed, [...decoded.keys()]], [[], [1]]);
  });
});
