import assert from "node:assert/strict";
import { MemoryStore } from "../../nodes/common/memory-store";
import { PoisonMarks } from "../../nodes/delivery/poison-marks";
import { turns } from "../services/wait";

describe("the marks of messages that end the process", () => {
  it("are not written over by a node that has closed, though its message is safe among the dead letters only then", async () => {
    const store = new MemoryStore();
    await store.write("marks", { running: true, deaths: { a: { times: 2, alone: 1, proven: true } }, inHand: [] });
    const open = (): PoisonMarks => new PoisonMarks({ store, key: "marks", limit: 3, warn() {} });
    const before = open();
    await before.begin();
    before.bury("a", false);
    await before.end();
    const after = open();
    await after.begin();
    before.bury("a", true);
    await turns(5);
    assert.equal(((await store.read("marks")) as { running: boolean }).running, true);
  });
});
