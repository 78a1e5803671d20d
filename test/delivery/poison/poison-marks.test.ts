import assert from "node:assert/strict";
import { ConnectorError } from "../../../nodes/common/errors";
import { MemoryStore } from "../../../nodes/common/memory-store";
import { PoisonMarks } from "../../../nodes/delivery/poison/poison-marks";
import { PoisonWatch } from "../../../nodes/delivery/poison/poison-watch";
import { turns } from "../../services/wait";

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

  it("stay as they are, and no fault is told, when their source closes while it waits for the database that they are in", async () => {
    const store = new MemoryStore();
    const kept = { running: true, deaths: { a: { times: 1, alone: 0 } }, inHand: ["b"] };
    await store.write("marks", kept);
    let goAway = (): void => undefined;
    const read = (): Promise<unknown> => new Promise((_, reject) => (goAway = () => reject(new ConnectorError("STORE_UNAVAILABLE", "away"))));
    const away = new Proxy(store, { get: (of, name) => (name === "read" ? read : (Reflect.get(of, name) as () => void).bind(of)) });
    const idle = { fingerprint: String, suspects: () => true, isOpen: () => true, giveBack() {}, hand() {}, deadLetter() {}, warn() {} };
    const watch = new PoisonWatch<string>({ ...idle, store: away, key: "marks", limit: 3 });
    const begun = watch.begin();
    watch.stop();
    const ended = watch.end();
    goAway();
    await assert.rejects(begun, /away/);
    await ended;
    assert.deepEqual(await store.read("marks"), kept);
  });
});
