import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import type { TrackedRuntime } from "../../../nodes/delivery/runtime";
import { type RuntimeEvents, RuntimeWatch } from "../../../nodes/delivery/tracker/runtime-watch";

const nothing = (): void => undefined;
const told: RuntimeEvents = {
  sent: (_events) => undefined,
  isFollowed: () => false,
  received: (_event, next) => next(),
  handled: nothing,
  completed: (_event) => undefined,
  logged: nothing,
  stopping: nothing,
  stopped: nothing,
  started: nothing,
};

describe("The watch over a runtime", () => {
  const calls: string[] = [];
  const runtime: TrackedRuntime = {
    hooks: { add: (id) => calls.push(`add ${id}`), remove: (id) => calls.push(`remove ${id}`) },
    log: { addHandler: () => calls.push("add log"), removeHandler: () => calls.push("remove log") },
    events: new EventEmitter() as never,
    nodes: { getNode: () => undefined },
  };
  beforeEach(() => (calls.length = 0));

  it("takes nothing away that it has not added: it may be another's of the same name", () => {
    const watch = new RuntimeWatch(runtime, told);
    watch.rest();
    watch.end();
    assert.deepEqual(calls, []);
  });

  it("adds its hooks once, and takes them away once", () => {
    const watch = new RuntimeWatch(runtime, told);
    watch.listen();
    watch.listen();
    const added = ["add log", ...["onSend", "onReceive", "onComplete"].map((hook) => `add ${hook}.surewireDelivery`)];
    assert.deepEqual(calls.splice(0), added);
    watch.rest();
    watch.rest();
    watch.end();
    assert.deepEqual(calls, ["remove *.surewireDelivery", "remove log"]);
  });

  it("gives Node-RED hooks that have as many parameters as it asks for", () => {
    const lengths = new Map<string, number>();
    const watch = new RuntimeWatch({ ...runtime, hooks: { add: (id, callback) => lengths.set(id.split(".")[0] ?? "", callback.length), remove: nothing } }, told);
    watch.listen();
    assert.deepEqual(Object.fromEntries(lengths), { onSend: 1, onReceive: 2, onComplete: 1 });
    watch.end();
  });
});
