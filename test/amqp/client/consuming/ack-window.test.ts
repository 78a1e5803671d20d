import assert from "node:assert/strict";
import { AckWindow } from "../../../../nodes/amqp/client/consuming/ack-window";

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));

function recorder(): { sent: string[]; window: AckWindow } {
  const sent: string[] = [];
  const window = new AckWindow({
    ack: (tag, multiple) => sent.push(`ack ${tag}${multiple ? " multiple" : ""}`),
    nack: (tag, multiple, requeue) => sent.push(`nack ${tag}${multiple ? " multiple" : ""}${requeue ? " requeue" : ""}`),
  });
  return { sent, window };
}

function taking(count: number): ReturnType<typeof recorder> {
  const made = recorder();
  for (let tag = 1; tag <= count; tag += 1) made.window.take(tag);
  return made;
}

describe("the ack window", () => {
  it("acknowledges what was settled in one turn with one frame", async () => {
    const { sent, window } = taking(5);
    for (const tag of [1, 2, 3, 4, 5]) window.ack(tag);
    assert.deepEqual(sent, []);
    await turn();
    assert.deepEqual(sent, ["ack 5 multiple"]);
    assert.equal(window.outstanding, 0);
  });

  it("never acknowledges past a delivery that is open", async () => {
    const { sent, window } = taking(5);
    for (const tag of [1, 2, 4, 5]) window.ack(tag);
    await turn();
    assert.deepEqual(sent, ["ack 2 multiple", "ack 4", "ack 5"]);
    window.ack(3);
    await turn();
    assert.deepEqual(sent.slice(3), ["ack 3"]);
  });

  it("goes on coalescing after a gap has closed", async () => {
    const { sent, window } = taking(6);
    window.ack(2);
    await turn();
    for (const tag of [1, 3, 4]) window.ack(tag);
    await turn();
    assert.deepEqual(sent, ["ack 2", "ack 4 multiple"]);
  });

  it("uses a single ack when only one is due", async () => {
    const { sent, window } = taking(3);
    window.giveBack(1);
    window.ack(2);
    await turn();
    assert.deepEqual(sent, ["nack 1 requeue", "ack 2"]);
  });

  it("ends a run of acks at one that is due, not at one that was given back", async () => {
    const { sent, window } = taking(4);
    window.ack(1);
    window.ack(2);
    window.giveBack(3);
    await turn();
    assert.deepEqual(sent, ["nack 3 requeue", "ack 2 multiple"]);
  });

  it("answers each delivery once", async () => {
    const { sent, window } = taking(1);
    window.ack(1);
    window.ack(1);
    window.giveBack(1);
    await turn();
    window.ack(1);
    await turn();
    assert.deepEqual(sent, ["ack 1"]);
  });

  it("gives back what is open at the end, after the acks that wait", () => {
    const { sent, window } = taking(4);
    window.ack(1);
    window.ack(2);
    window.giveBackAll();
    assert.deepEqual(sent, ["ack 2 multiple", "nack 0 multiple requeue"]);
    window.giveBackAll();
    assert.equal(sent.length, 2);
  });

  it("gives back up to a tag by one answer that names an open one, and sends the acks first", () => {
    const { sent, window } = taking(6);
    window.ack(1);
    window.ack(4);
    assert.equal(window.giveBackUpTo(4), 2);
    assert.deepEqual(sent, ["ack 1", "ack 4", "nack 3 multiple requeue"]);
    assert.equal(window.giveBackUpTo(5), 1);
    assert.equal(window.giveBackUpTo(5), 0);
    assert.deepEqual(sent.slice(3), ["nack 5 requeue"]);
    assert.equal(window.outstanding, 1);
    window.close();
    assert.equal(window.giveBackUpTo(6), 0);
    assert.equal(sent.length, 4);
  });

  it("sends nothing once its channel is lost", async () => {
    const { sent, window } = taking(3);
    window.ack(1);
    window.close();
    window.ack(2);
    window.giveBack(3);
    window.giveBackAll();
    await turn();
    assert.deepEqual(sent, []);
    assert.equal(window.outstanding, 0);
  });

  it("stays right over many deliveries settled in any order", async () => {
    const { window } = recorder();
    const open = new Set<number>();
    const acked = new Set<number>();
    const checked = new AckWindow({
      ack: (tag, multiple) => {
        assert.ok(open.has(tag), `${tag} is owed an answer`);
        for (const each of multiple ? [...open].filter((other) => other <= tag) : [tag]) {
          assert.ok(settled.has(each), `${each} was settled before it was acknowledged`);
          open.delete(each);
          acked.add(each);
        }
      },
      nack: () => assert.fail("nothing is given back"),
    });
    const settled = new Set<number>();
    for (let tag = 1; tag <= 500; tag += 1) {
      checked.take(tag);
      open.add(tag);
    }
    const order = [...open].sort((a, b) => ((a * 7919) % 503) - ((b * 7919) % 503));
    for (const [index, tag] of order.entries()) {
      settled.add(tag);
      checked.ack(tag);
      if (index % 37 === 0) await turn();
    }
    await turn();
    assert.equal(acked.size, 500);
    assert.equal(checked.outstanding, 0);
    window.close();
  });

  describe("with one delivery that stays open behind 100,000 others", () => {
    /** Takes and acknowledges many, all but the third. */
    async function stuck(): Promise<{ sent: string[]; window: AckWindow; last: number }> {
      const { sent, window } = recorder();
      let tag = 0;
      for (let batch = 0; batch < 100; batch += 1) {
        const from = tag + 1;
        while (tag < from + 999) window.take((tag += 1));
        for (let each = from; each <= tag; each += 1) if (each !== 3) window.ack(each);
        await turn();
      }
      return { sent, window, last: tag };
    }

    it("keeps few of their states", async () => {
      const { window } = await stuck();
      assert.equal(window.outstanding, 1);
      assert.ok((window as unknown as { states: unknown[] }).states.length <= 20_000);
    });

    it("acknowledges each of them once, and never the open one", async () => {
      const { sent, last } = await stuck();
      assert.equal(sent[0], "ack 2 multiple");
      assert.deepEqual(sent.slice(1), Array.from({ length: last - 3 }, (_, index) => `ack ${index + 4}`));
    });

    it("acknowledges it when it is settled at last, and goes on coalescing", async () => {
      const { sent, window, last } = await stuck();
      const before = sent.length;
      window.ack(3);
      window.ack(3);
      for (const tag of [1, 2]) window.take(last + tag);
      for (const tag of [1, 2]) window.ack(last + tag);
      await turn();
      assert.deepEqual(sent.slice(before), ["ack 3", `ack ${last + 2} multiple`]);
      assert.equal(window.outstanding, 0);
    });

    it("gives it back, alone or with all others", async () => {
      const alone = await stuck();
      alone.window.giveBack(3);
      assert.equal(alone.sent.at(-1), "nack 3 requeue");
      const some = await stuck();
      assert.equal(some.window.giveBackUpTo(some.last), 1);
      assert.equal(some.sent.at(-1), "nack 3 requeue");
      const all = await stuck();
      all.window.take(all.last + 1);
      all.window.giveBackAll();
      assert.equal(all.sent.at(-1), "nack 0 multiple requeue");
    });
  });
});
