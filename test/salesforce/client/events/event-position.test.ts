import assert from "node:assert/strict";
import { EventPosition, type PositionPlace } from "../../../../nodes/salesforce/client/events/event-position";

describe("the position of a listener", () => {
  it("holds up no deploy while its store says nothing, and tells what becomes of it", async () => {
    const warnings: string[] = [];
    const place: PositionPlace = { read: () => Promise.resolve(undefined), write: () => new Promise(() => undefined) };
    const position = new EventPosition({ place, transport: "cometd", window: 10, onRefused: () => undefined, warn: (text) => warnings.push(text), lastWrite: 10 });
    position.add("7", "uuid-7")();
    await position.close();
    assert.deepEqual(warnings, ["The position was not stored within 10 ms, so it may be read again from the one stored last"]);
  });
});
