import assert from "node:assert/strict";
import { StreamPosition } from "../../../nodes/amqp/in/stream-position";
import { MemoryStore } from "../../../nodes/common/memory-store";
import { remains, waitFor } from "../../services/wait";

/** Counts its writes. */
class CountingStore extends MemoryStore {
  writes: unknown[] = [];

  override write(key: string, value: unknown): Promise<void> {
    this.writes.push(value);
    return super.write(key, value);
  }
}

describe("the position in a stream", () => {
  let store: CountingStore;
  let warnings: string[];
  beforeEach(() => {
    store = new CountingStore();
    warnings = [];
  });

  const positionOf = (broker = "broker", every = 20): StreamPosition =>
    new StreamPosition({ store, key: "amqp-stream/node/queue", broker, every, warn: (text) => warnings.push(text) });

  it("is written once for all changes in a short time, and a last time when it is closed", async () => {
    const position = positionOf();
    for (let offset = 0; offset < 100; offset += 1) position.moveTo(offset);
    await waitFor("the write", () => store.writes.length === 1, { interval: 5 });
    position.moveTo(100);
    await position.flush();
    assert.deepEqual(store.writes, [{ broker: "broker", offset: 99 }, { broker: "broker", offset: 100 }]);
  });

  it("is not written when nothing has changed", async () => {
    const position = positionOf();
    position.moveTo(3);
    await position.flush();
    position.moveTo(3);
    await position.flush();
    assert.equal(store.writes.length, 1);
  });

  it("is there after a restart, but not for another broker", async () => {
    const first = positionOf();
    first.moveTo(7);
    await first.flush();
    const again = positionOf();
    await again.load();
    assert.equal(again.offset, 7);
    const elsewhere = positionOf("other");
    await elsewhere.load();
    assert.equal(elsewhere.offset, undefined);
    assert.match(warnings.join(), /another broker/);
  });

  it("tells that it cannot be stored, and tries again with the next change", async () => {
    const position = positionOf();
    const { write } = store;
    store.write = () => Promise.reject(new Error("disk full"));
    position.moveTo(1);
    await position.flush();
    assert.match(warnings.join(), /^STORE_UNAVAILABLE: .*cannot be stored, .*: disk full/);
    store.write = write.bind(store);
    position.moveTo(2);
    await position.flush();
    assert.deepEqual(store.writes, [{ broker: "broker", offset: 2 }]);
  });

  it("is written when the disk has room again, even if nothing more comes, and a last time when it is closed", async () => {
    const position = new StreamPosition({ store, key: "k", broker: "broker", every: 5, retry: 5, warn: (text) => warnings.push(text) });
    const { write } = store;
    const full = (): Promise<void> => Promise.reject(new Error("disk full"));
    store.write = full;
    position.moveTo(1);
    await waitFor("two warnings", () => warnings.length >= 2, { interval: 2 });
    store.write = write.bind(store);
    await waitFor("the write", () => store.writes.length === 1, { interval: 2 });
    store.write = full;
    position.moveTo(2);
    await position.flush();
    store.write = write.bind(store);
    await position.close();
    assert.deepEqual(store.writes, [{ broker: "broker", offset: 1 }, { broker: "broker", offset: 2 }]);
  });

  it("is not written any more once it is closed, for the next node keeps it then", async () => {
    const position = new StreamPosition({ store, key: "k", broker: "broker", every: 5, retry: 5, warn: (text) => warnings.push(text) });
    let tries = 0;
    store.write = () => {
      tries += 1;
      return Promise.reject(new Error("disk full"));
    };
    position.moveTo(1);
    await position.close();
    await remains("one try", () => tries === 1, 50);
  });

  it("can be read once what kept it from being read is mended", async () => {
    await store.write("amqp-stream/node/queue", { broker: "broker", offset: 5 });
    const position = positionOf();
    const { read } = store;
    store.read = () => Promise.reject(new Error("bad sector"));
    await assert.rejects(position.load(), { code: "STORE_UNAVAILABLE", scope: "system" });
    store.read = read.bind(store);
    await position.load();
    assert.equal(position.offset, 5);
  });
});
