import assert from "node:assert/strict";
import { ConfirmWatch } from "../../../../nodes/amqp/client/publishing/confirm-watch";

describe("the watch over what a channel confirms", () => {
  let now: number;
  let watch: ConfirmWatch;
  const made = (timeout = 15_000): ConfirmWatch => new ConfirmWatch({ timeout, clock: { ticks: () => now } });

  beforeEach(() => {
    now = 1; // the process has just begun
    watch = made();
    watch.begin(true);
  });

  /** For how many ms the present channel may be silent. The next has begun then. */
  function silence(reconnected = false): number {
    const sentAt = now;
    for (;;) {
      now += 1_000;
      const given = watch.givesUp(sentAt);
      if (given === undefined) continue;
      assert.equal(now - sentAt, given);
      watch.begin(reconnected);
      return given;
    }
  }

  const place = { exchange: "", routingKey: "orders" };
  const confirm = (): void => watch.confirmed(now, place);

  it("gives each channel that confirms nothing twice as long as the one before, up to four minutes", () => {
    assert.deepEqual([1, 2, 3, 4, 5, 6].map(() => silence()), [15_000, 30_000, 60_000, 120_000, 240_000, 240_000]);
  });

  it("is never less patient than it was told to be", () => {
    watch = made(600_000);
    assert.deepEqual([silence(), silence()], [600_000, 600_000]);
  });

  it("starts again with the first confirm", () => {
    silence();
    silence();
    confirm();
    assert.deepEqual([silence(), silence(), silence()], [15_000, 15_000, 30_000]);
  });

  it("starts again on another connection, which may be to a healthy node of the broker", () => {
    silence();
    silence(true);
    assert.equal(silence(), 15_000);
  });

  it("counts from the last confirm, and from when the connection has last taken something", () => {
    const sentAt = now;
    now += 14_000;
    confirm();
    now += 14_000;
    watch.moved();
    now += 14_000;
    assert.equal(watch.givesUp(sentAt), undefined);
    now += 1_000;
    assert.equal(watch.givesUp(sentAt), 15_000);
  });

  it("takes only messages for lost that were sent long enough before a confirmed one", () => {
    const sentAt = now;
    now += 15_000;
    confirm();
    assert.equal(watch.isOvertaken(sentAt), false);
    now += 1;
    confirm();
    assert.equal(watch.isOvertaken(sentAt), true);
    watch.begin(false);
    assert.equal(watch.isOvertaken(sentAt), false);
  });

  it("gives up a channel that only refuses, every ten seconds, and not one that has just confirmed", () => {
    const refusing = (): boolean => watch.givesUpRefusing(place);
    assert.deepEqual([refusing(), refusing()], [true, false]);
    now += 10_000;
    assert.equal(refusing(), true);
    now += 10_000;
    confirm();
    assert.equal(refusing(), false);
  });
  it("gives up a channel on which one destination refuses all for ten seconds, whatever others confirm", () => {
    const full = { exchange: "", routingKey: "full" };
    const refused = (): boolean => (watch.refused(full), watch.givesUpRefusing(full));
    for (let second = 0; second < 10; second += 1) {
      confirm();
      assert.equal(refused(), false);
      now += 1_000;
    }
    confirm();
    assert.equal(refused(), true);
    assert.equal(refused(), false);
    watch.confirmed(now, full); // on the next channel
    now += 10_000;
    confirm();
    assert.equal(refused(), false);
  });
});
