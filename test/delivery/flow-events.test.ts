import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { onFlowEvent } from "../../nodes/delivery/flow-events";

describe("Nodes that wait for the flows", () => {
  it("share one listener of the runtime, which goes with the last of them", () => {
    const events = new EventEmitter();
    const heard: number[] = [];
    const stops = Array.from({ length: 12 }, (_, index) => onFlowEvent(events, "flows:started", () => heard.push(index)));
    assert.equal(events.listenerCount("flows:started"), 1);
    events.emit("flows:started");
    assert.deepEqual(heard, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    stops[3]?.();
    stops[3]?.();
    events.emit("flows:started");
    assert.equal(heard.length, 23);
    for (const stop of stops) stop();
    assert.equal(events.listenerCount("flows:started"), 0);
  });

  it("are told what happened, and are not called any more once another one has stopped them", () => {
    const events = new EventEmitter();
    const heard: unknown[] = [];
    onFlowEvent<string>(events, "flows:stopping", (event) => {
      heard.push(event);
      stop();
    });
    const stop = onFlowEvent(events, "flows:stopping", () => heard.push("second"));
    events.emit("flows:stopping", "a deploy");
    assert.deepEqual(heard, ["a deploy"]);
  });
});
