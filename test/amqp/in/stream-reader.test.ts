import assert from "node:assert/strict";
import type { ChannelModel, Message } from "amqplib";
import { AckWindow } from "../../../nodes/amqp/client/consuming/ack-window";
import type { Taken } from "../../../nodes/amqp/client/consuming/taking-channel";
import { StreamPosition } from "../../../nodes/amqp/in/stream-position";
import { StreamReader, type StreamReaderOptions } from "../../../nodes/amqp/in/stream-reader";
import { MemoryStore } from "../../../nodes/common/memory-store";
import { pause, turns, waitFor } from "../../services/wait";

describe("a stream's reader", () => {
  let store: MemoryStore;
  let position: StreamPosition;
  let warnings: string[];
  let handed: Taken[];
  let renewals: number;
  let reader: StreamReader;

  beforeEach(() => {
    warnings = [];
    handed = [];
    renewals = 0;
    store = new MemoryStore();
    position = new StreamPosition({ store, key: "k", broker: "b", warn: () => undefined });
  });
  afterEach(() => reader.close());

  function channel(more: Partial<StreamReaderOptions> = {}): AckWindow {
    reader = new StreamReader({
      queue: "s",
      start: "first",
      position,
      prefetch: 10,
      hand: (taken) => handed.push(taken),
      renew: () => (renewals += 1),
      model: () => undefined,
      warn: (text) => warnings.push(text),
      ...more,
    });
    return new AckWindow(reader.answers({ ack: () => undefined, nack: () => assert.fail("a stream takes nothing back") }));
  }

  function comes(window: AckWindow, deliveryTag: number, offset: number, content = "a"): void {
    window.take(deliveryTag);
    const message = { fields: { deliveryTag }, properties: { headers: { "x-stream-offset": offset } }, content: Buffer.from(content) };
    reader.take({ message: message as unknown as Message, window, at: 0 });
  }

  const settle = (window: AckWindow, ...tags: number[]): void => {
    for (const tag of tags) window.ack(tag);
    window.flush();
  };

  it("stores a position below the lowest open message, whatever is settled after it, and also over gaps", () => {
    const window = channel();
    [0, 1, 2, 5, 6].forEach((offset, index) => comes(window, index + 1, offset));
    settle(window, 2, 4);
    assert.equal(position.offset, undefined);
    settle(window, 1);
    assert.equal(position.offset, 1);
    settle(window, 3);
    assert.equal(position.offset, 5);
    settle(window, 5);
    assert.equal(position.offset, 6);
  });

  it("begins at the last settled message, which is not handed over again", () => {
    position.moveTo(7);
    const window = channel();
    assert.deepEqual(reader.arguments(), { "x-stream-offset": 7 });
    comes(window, 1, 7);
    comes(window, 2, 8);
    window.flush();
    assert.deepEqual(handed.map(({ message }) => message.fields.deliveryTag), [2]);
    assert.equal(position.offset, 7);
    assert.deepEqual(warnings, []);
  });

  it("begins anew where the last settled message is another one, even after a restart", async () => {
    const before = channel();
    ["a", "b", "c"].forEach((content, index) => comes(before, index + 1, index, content));
    settle(before, 2);
    settle(before, 1, 3);
    await reader.close();
    position = new StreamPosition({ store, key: "k", broker: "b", warn: () => undefined });
    await position.load();
    const after = channel();
    reader.arguments();
    comes(after, 1, 2, "another");
    assert.equal(handed.length, 3);
    assert.deepEqual([renewals, position.since], [1, 0]);
    assert.match(warnings.join(), /Stream s has another message at offset 2 .* made anew/);
  });

  /** A connection on which the stream's first message has this offset. Counts the channels opened. */
  function connection(first: number): { model: ChannelModel; opened: () => number } {
    let opened = 0;
    const message = { properties: { headers: { "x-stream-offset": first } } };
    const made = {
      on: () => undefined,
      prefetch: () => Promise.resolve(),
      consume: (_queue: string, read: (message: unknown) => void) => Promise.resolve(read(message)),
      close: () => Promise.resolve(),
    };
    const createChannel = (): Promise<unknown> => Promise.resolve(made).finally(() => (opened += 1));
    return { model: { createChannel } as unknown as ChannelModel, opened: () => opened };
  }

  it("does not look up the first offset for each gap that the positions of other clients make", async () => {
    const { model, opened } = connection(0);
    const window = channel({ prefetch: 100, model: () => model });
    for (let tag = 1; tag <= 50; tag += 1) {
      comes(window, tag, 2 * tag);
      await turns(5);
    }
    assert.equal(opened(), 1);
    assert.deepEqual(warnings, []);
  });

  it("tells which messages are lost, as soon as the stream's first offset shows it", async () => {
    const { model } = connection(5);
    const window = channel({ model: () => model });
    comes(window, 1, 2);
    comes(window, 2, 5);
    await waitFor("a warning", () => warnings.length > 0);
    assert.match(warnings.join(), /has lost 2 messages .* offsets 3 to 4/);
  });

  it("does not say for certain that messages are lost when the first offset cannot be looked up", async () => {
    const model = { createChannel: () => Promise.reject(new Error("Connection closed")) } as unknown as ChannelModel;
    const window = channel({ model: () => model });
    comes(window, 1, 2);
    comes(window, 2, 4);
    await waitFor("a warning", () => warnings.length > 0);
    assert.match(warnings.join(), /may have lost 1 message .* offsets 3 to 3/);
  });

  it("does not look at a stream's end any more once the last settled message has come, however idle the stream is", async () => {
    position.moveTo(7);
    let looks = 0;
    const window = channel({ silence: 1, model: () => void (looks += 1) });
    reader.arguments();
    comes(window, 1, 7);
    reader.consuming();
    await pause(30); // a later timer ends later
    assert.equal(looks, 0);
  });

  it("goes on behind what it took when it consumes again on the same channel", () => {
    const window = channel();
    reader.arguments();
    comes(window, 1, 3);
    comes(window, 2, 4);
    assert.deepEqual(reader.arguments(), { "x-stream-offset": 4 });
    comes(window, 3, 4);
    comes(window, 4, 5);
    assert.deepEqual(handed.map(({ message }) => message.fields.deliveryTag), [1, 2, 4]);
    reader.lost();
    assert.deepEqual(reader.arguments(), { "x-stream-offset": "first" });
  });

  for (const start of ["last", "next"] as const) {
    it(`that begins at the ${start} message hands nothing over before it has stored where that was`, async () => {
      let write = (): void => undefined;
      store.write = () => new Promise((resolve) => (write = resolve));
      const window = channel({ start });
      reader.arguments();
      comes(window, 1, 5);
      comes(window, 2, 6);
      assert.equal(position.offset, 4);
      await turns(3);
      assert.equal(handed.length, 0);
      write();
      await turns(3);
      assert.equal(handed.length, 2);
      reader.lost();
      assert.deepEqual(reader.arguments(), { "x-stream-offset": 4 });
    });
  }

  it("that begins at the first message of a stream, as the last or next one, begins there again", async () => {
    const window = channel({ start: "next" });
    reader.arguments();
    comes(window, 1, 0);
    await turns(3);
    assert.equal(handed.length, 1);
    reader.lost();
    assert.deepEqual(reader.arguments(), { "x-stream-offset": { "!": "timestamp", value: 0 } });
  });

  it("acknowledges each message that is open for long, and each that waits behind it, once, and moves no position by that", async () => {
    const answered: number[] = [];
    channel({ longest: 10, prefetch: 1 });
    const window = new AckWindow(reader.answers({ ack: (tag) => answered.push(tag), nack: () => assert.fail("a stream takes nothing back") }));
    [0, 1, 2].forEach((offset, index) => comes(window, index + 1, offset));
    await waitFor("all answers", () => answered.length === 3, { interval: 2 });
    assert.deepEqual([answered, handed.length, position.offset], [[1, 2, 3], 1, undefined]);
    for (const tag of [1, 2, 3]) settle(window, tag);
    assert.deepEqual([answered, handed.length, position.offset], [[1, 2, 3], 3, 2]);
  });

  it("reads a message again that a fault of its own has kept from the flow, and gives nothing back", () => {
    const window = channel({ hand: () => assert.fail("a fault") });
    comes(window, 1, 0);
    assert.equal(renewals, 1);
    window.giveBack(1);
    assert.equal(renewals, 2);
    window.giveBackAll();
  });
});
