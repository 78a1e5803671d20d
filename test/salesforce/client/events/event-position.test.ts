import assert from "node:assert/strict";
import { waitFor } from "../../../services/wait";
import { EventPosition, type PositionPlace } from "../../../../nodes/salesforce/client/events/event-position";

describe("the position of a listener", () => {
  it("holds up no deploy while its store does not answer, and reports the result", async () => {
    const warnings: string[] = [];
    const place: PositionPlace = { read: () => Promise.resolve(undefined), write: () => new Promise(() => undefined) };
    const position = new EventPosition({ place, transport: "cometd", window: 10, onRefused: () => undefined, onTrouble: () => undefined, warn: (text) => warnings.push(text), lastWrite: 10 });
    position.add("7", "uuid-7")();
    await position.close();
    assert.deepEqual(warnings, ["The position was not stored within 10 ms, so it may be read again from the one stored last"]);
    position.abandon();
    await position.close();
    assert.equal(warnings.length, 1);
  });

  it("keeps the newest ids of those settled", async () => {
    const written: string[][] = [];
    const place: PositionPlace = { read: () => Promise.resolve(undefined), write: ({ settled }) => Promise.resolve(written.push(settled) > 0) };
    const position = new EventPosition({ place, transport: "cometd", window: 5, onRefused: () => undefined, onTrouble: () => undefined, warn: () => undefined, every: 0 });
    const settle = (id: number): void => position.add(String(id), `uuid-${id}`)();
    const stays: (() => void)[] = [];
    for (let id = 0; id < 40; id += 1) {
      if (id % 4 === 0) stays.push(position.add(String(id), `uuid-${id}`));
      else settle(id);
    }
    await waitFor("a write", () => written.length === 1);
    assert.deepEqual(written[0], ["uuid-34", "uuid-35", "uuid-37", "uuid-38", "uuid-39"]);
    stays.at(-1)?.();
    await waitFor("another", () => written.length === 2);
    assert.deepEqual(written[1], ["uuid-35", "uuid-36", "uuid-37", "uuid-38", "uuid-39"]);
    await position.close();
  });
});
